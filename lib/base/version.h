// The version of this build with the commit that was checked out when it was configured
// ("0.1.0+g0123456789ab"), for --version and run.json.
#pragma once

#include <string>

namespace reaugkd::base {

std::string version();

}  // namespace reaugkd::base
