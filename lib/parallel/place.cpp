#include "parallel/place.h"

#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "base/error.h"

namespace reaugkd::parallel {
namespace {

constexpr int kMostRanks = 65536;

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return {};
  return value;
}

int number(const char* name, int least, int most, std::optional<int> otherwise = {}) {
  const auto text = variable(name);
  if (!text) {
    if (otherwise) return *otherwise;
    throw base::ConfigError(
        "{} is not set, and other variables say that this is one of several "
        "ranks; torchrun, srun and mpirun set it",
        name);
  }
  int value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc{} || end != text->data() + text->size() || value < least || value > most) {
    throw base::ConfigError("{} is \"{}\", expected a whole number from {} to {}", name, *text,
                            least, most);
  }
  return value;
}

/// The names of one launcher's variables.
struct Launcher {
  const char* rank;
  const char* size;
  const char* local;
};

constexpr Launcher kTorchrun{"RANK", "WORLD_SIZE", "LOCAL_RANK"};
constexpr Launcher kOpenMpi{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
                            "OMPI_COMM_WORLD_LOCAL_RANK"};
constexpr Launcher kSlurm{"SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"};

Place place_of(const Launcher& launcher) {
  Place place;
  place.size = number(launcher.size, 1, kMostRanks);
  if (place.size == 1) return place;
  place.rank = number(launcher.rank, 0, place.size - 1);
  place.local = number(launcher.local, 0, place.size - 1, 0);
  place.address = variable("MASTER_ADDR").value_or(place.address);
  place.port = number("MASTER_PORT", 1, 65535, place.port);
  if (variable("TORCHELASTIC_USE_AGENT_STORE") == "True" && place.port < 65535) {
    ++place.port;  // torchrun itself listens at the other, and speaks its own version of c10d
  }
  return place;
}

/// A port for a job, so that two jobs on one machine do not meet: torchrun's habit with SLURM.
int port_of_job(const std::string& job) {
  constexpr int kFirst = 20000;
  constexpr int kPorts = 10000;
  unsigned long number = 0;
  std::from_chars(job.data(), job.data() + job.size(), number);
  return kFirst + static_cast<int>(number % kPorts);
}

}  // namespace

std::string first_node(const std::string& list) {
  const auto bracket = list.find('[');
  const auto comma = list.find(',');
  if (bracket == std::string::npos || comma < bracket) return list.substr(0, comma);
  const auto end = list.find_first_of(",-]", bracket + 1);
  return list.substr(0, bracket) + list.substr(bracket + 1, end - bracket - 1);
}

Place place_of_environment() {
  if (variable("RANK") || variable("WORLD_SIZE")) return place_of(kTorchrun);
  if (variable("OMPI_COMM_WORLD_SIZE")) {
    Place place = place_of(kOpenMpi);
    if (place.size > 1 && !variable("MASTER_ADDR")) {
      throw base::ConfigError(
          "MASTER_ADDR is not set: mpirun does not say where rank 0 is; give mpirun -x "
          "MASTER_ADDR=HOST");
    }
    return place;
  }
  // A batch script itself has SLURM_PROCID 0 of SLURM_NTASKS: only a step of srun is a rank.
  if (variable("SLURM_STEP_ID") && variable("SLURM_PROCID") && variable("SLURM_STEP_NUM_TASKS")) {
    Launcher slurm = kSlurm;
    slurm.size = "SLURM_STEP_NUM_TASKS";
    Place place = place_of(slurm);
    if (!variable("MASTER_ADDR")) {
      const auto nodes = variable("SLURM_STEP_NODELIST");
      if (nodes) place.address = first_node(*nodes);
    }
    if (!variable("MASTER_PORT")) {
      place.port = port_of_job(variable("SLURM_JOB_ID").value_or("0"));
    }
    return place;
  }
  return {};
}

}  // namespace reaugkd::parallel
