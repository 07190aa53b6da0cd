#include "parallel/place.h"

#include <cstdlib>
#include <initializer_list>
#include <utility>

#include "base/error.h"
#include "catch.h"

namespace reaugkd::parallel {
namespace {

constexpr const char* kRead[] = {"TORCHELASTIC_USE_AGENT_STORE",
                                 "RANK",
                                 "WORLD_SIZE",
                                 "LOCAL_RANK",
                                 "MASTER_ADDR",
                                 "MASTER_PORT",
                                 "SLURM_PROCID",
                                 "SLURM_STEP_NUM_TASKS",
                                 "SLURM_LOCALID",
                                 "SLURM_STEP_ID",
                                 "SLURM_NODELIST",
                                 "SLURM_STEP_NODELIST",
                                 "SLURM_JOB_ID",
                                 "SLURM_NTASKS",
                                 "OMPI_COMM_WORLD_RANK",
                                 "OMPI_COMM_WORLD_SIZE",
                                 "OMPI_COMM_WORLD_LOCAL_RANK"};

Place place_with(std::initializer_list<std::pair<const char*, const char*>> variables) {
  for (const char* name : kRead) ::unsetenv(name);
  for (const auto& [name, value] : variables) ::setenv(name, value, 1);
  return place_of_environment();
}

TEST_CASE("the environment of each launcher says where a process stands") {
  const auto alone = place_with({});
  CHECK(alone.size == 1);
  CHECK(alone.rank == 0);

  const auto torchrun = place_with({{"RANK", "5"},
                                    {"WORLD_SIZE", "8"},
                                    {"LOCAL_RANK", "1"},
                                    {"MASTER_ADDR", "box"},
                                    {"MASTER_PORT", "29501"}});
  CHECK(torchrun.rank == 5);
  CHECK(torchrun.size == 8);
  CHECK(torchrun.local == 1);
  CHECK(torchrun.address == "box");
  CHECK(torchrun.port == 29501);
  CHECK(place_with({{"RANK", "1"},
                    {"WORLD_SIZE", "2"},
                    {"MASTER_PORT", "29501"},
                    {"TORCHELASTIC_USE_AGENT_STORE", "True"}})
            .port == 29502);

  const auto slurm = place_with({{"SLURM_JOB_ID", "1234567"},
                                 {"SLURM_STEP_ID", "0"},
                                 {"SLURM_PROCID", "3"},
                                 {"SLURM_STEP_NUM_TASKS", "4"},
                                 {"SLURM_LOCALID", "1"},
                                 {"SLURM_STEP_NODELIST", "gpu[07-08]"}});
  CHECK(slurm.rank == 3);
  CHECK(slurm.size == 4);
  CHECK(slurm.local == 1);
  CHECK(slurm.address == "gpu07");
  CHECK(slurm.port == 24567);

  const auto mpi = place_with(
      {{"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "2"}, {"MASTER_ADDR", "first"}});
  CHECK(mpi.rank == 1);
  CHECK(mpi.size == 2);
  CHECK(mpi.address == "first");
}

TEST_CASE("a batch script is one process, whatever its job has asked for") {
  CHECK(place_with({{"SLURM_JOB_ID", "7"}, {"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}}).size ==
        1);
  CHECK(place_with({{"WORLD_SIZE", "1"}}).size == 1);
}

TEST_CASE("a variable that is missing or no number is named") {
  using base::ConfigError;
  CHECK_THROWS_WITH(place_with({{"WORLD_SIZE", "2"}}), ContainsSubstring("RANK is not set"));
  CHECK_THROWS_WITH(place_with({{"WORLD_SIZE", "2"}, {"RANK", "2"}}),
                    ContainsSubstring("RANK is \"2\", expected a whole number from 0 to 1"));
  CHECK_THROWS_AS(place_with({{"WORLD_SIZE", "2"}, {"RANK", "1"}, {"MASTER_PORT", "port"}}),
                  ConfigError);
  CHECK_THROWS_WITH(place_with({{"OMPI_COMM_WORLD_SIZE", "2"}, {"OMPI_COMM_WORLD_RANK", "0"}}),
                    ContainsSubstring("MASTER_ADDR is not set"));
  place_with({});
}

TEST_CASE("the first node of SLURM's list") {
  CHECK(first_node("box") == "box");
  CHECK(first_node("box1,box2") == "box1");
  CHECK(first_node("gpu[03-05,9]") == "gpu03");
  CHECK(first_node("gpu[3,9],cpu1") == "gpu3");
  CHECK(first_node("a1,gpu[3,9]") == "a1");
}

}  // namespace
}  // namespace reaugkd::parallel
