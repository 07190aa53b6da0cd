// What a label's field spells.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "data/task.h"

namespace reaugkd::data {

/// The finite number that `field` spells, by way of a double, so that one too small for a float is
/// 0 and no error; none where it spells none.
std::optional<float> parse_number(std::string_view field);

/// The class or score that `field` spells; none where it spells none.
std::optional<float> parse_label(std::string_view field, const Task& task);

/// Throws DataError unless the label can be a class: valid UTF-8 on one line, without tabs.
void check_class_name(std::string_view label, const std::string& where);

}  // namespace reaugkd::data
