#include "base/version.h"

namespace reaugkd::base {

std::string version() {
  return REAUGKD_VERSION;
}

}  // namespace reaugkd::base
