#include "stages/warnings.h"

#include <spdlog/spdlog.h>

#include "base/options.h"

namespace reaugkd::stages {

void tell(evaluation::Warnings& warnings) {
  for (auto& warning : warnings) {
    warning = base::with_flags(warning);
    spdlog::warn("{}", warning);
  }
}

}  // namespace reaugkd::stages
