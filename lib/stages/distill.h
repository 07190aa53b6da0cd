// Stage 4: trains a student on the teacher's predictions and embeddings in the knowledge base
// (equation 4), or by one of the methods it is compared with (methods/).
#pragma once

#include <string>

#include "stages/distill_options.h"

namespace reaugkd::stages {

/// Runs the stage; returns the text for stdout. Throws base::Error.
std::string run_distill(DistillOptions options);

}  // namespace reaugkd::stages
