// Where this process stands among those that were started to work on one command together.
#pragma once

#include <string>

namespace reaugkd::parallel {

struct Place {
  int rank = 0;
  int size = 1;   // ranks in all
  int local = 0;  // among the ranks of this machine: its GPU
  std::string address = "127.0.0.1";
  int port = 29400;  // where rank 0 listens
};

/// What the environment says: torchrun's variables (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR,
/// MASTER_PORT), SLURM's (SLURM_PROCID and so on, of a step with more than one task) or Open MPI's.
/// One process alone where it says nothing. Throws ConfigError, naming the variable.
Place place_of_environment();

/// The first name of SLURM's list of nodes: "gpu[03-05,9]" -> "gpu03".
std::string first_node(const std::string& list);

}  // namespace reaugkd::parallel
