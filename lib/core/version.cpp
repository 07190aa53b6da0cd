#include "core/version.h"

namespace reaugkd::core {

std::string version() {
  return REAUGKD_VERSION;
}

}  // namespace reaugkd::core
