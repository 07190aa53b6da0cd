// Heads that a checkpoint may have beside its encoder and that we have no use for: what they are
// for, told by the names of their tensors, or by the Python class that saved them.
#pragma once

#include <string>

#include "base/json.h"

namespace reaugkd::models {

/// What the head of this published tensor is for ("masked words"); empty where the name is of no
/// head that we know.
std::string head_purpose(const std::string& published);

/// Whether the tensor is of a head that any family's checkpoints may have.
bool is_other_head(const std::string& published);

/// What the tensors called "classifier" are for, by config.json's `architectures`: "tokens" of
/// BertForTokenClassification; empty where they are for texts or nothing is said.
std::string classifier_purpose(const base::Json& config);

}  // namespace reaugkd::models
