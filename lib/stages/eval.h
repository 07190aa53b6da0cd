// Stage 5: scores a model alone and, with a knowledge base, with retrieval (equations 5 to 7);
// picks k, beta and tau' on the validation part; measures what retrieval costs.
#pragma once

#include <string>

#include "stages/eval_options.h"

namespace reaugkd::stages {

/// Runs the stage; returns the table for stdout. Throws base::Error.
std::string run_eval(EvalOptions options);

}  // namespace reaugkd::stages
