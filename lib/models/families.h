// The table of model families.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/family.h"

namespace reaugkd::models {

/// The family of this model_type, or nullptr. It lives as long as the process.
const Family* find_family(const std::string& model_type);

/// Every model_type we know, for messages.
std::vector<std::string> supported_model_types();

/// Adds a family to the table: for tests and for programs that embed the library.
void add_family(std::unique_ptr<Family> family);

}  // namespace reaugkd::models
