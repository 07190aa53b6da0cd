// The version of this build with the commit it was made from ("0.1.0+g0123456789ab"), for --version
// and run.json.
#pragma once

#include <string>

namespace reaugkd::core {

std::string version();

}  // namespace reaugkd::core
