// The version of this build, for --version and run.json.
#pragma once

#include <string>

namespace reaugkd::core {

std::string version();

}  // namespace reaugkd::core
