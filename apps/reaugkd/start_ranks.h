// `reaugkd --ranks N COMMAND ...`: N processes of the program on this machine, which end together.
#pragma once

#include <string>

namespace reaugkd::apps {

/// How many ranks the arguments ask for, as their first two; 0 where they do not. Exits with 2
/// where the number is none.
int ranks_asked_for(int argc, char** argv);

/// Starts `program` once for each rank with torchrun's variables and its share of the cores, passes
/// signals on, and when one rank has failed ends the others. Returns the exit code of the first
/// rank whose code is not 0.
int run_ranks(const std::string& program, int ranks, char** arguments);

}  // namespace reaugkd::apps
