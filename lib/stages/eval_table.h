// metrics.json of eval as a table for a person.
#pragma once

#include <string>

#include "core/json.h"

namespace reaugkd::stages {

std::string eval_table(const core::Json& metrics);

}  // namespace reaugkd::stages
