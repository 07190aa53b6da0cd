// Warnings of the library as a stage tells them: logged, with flags for the options that they name.
#pragma once

#include "evaluation/warnings.h"

namespace reaugkd::stages {

/// Logs each and spells its options as flags, for the report that holds them.
void tell(evaluation::Warnings& warnings);

}  // namespace reaugkd::stages
