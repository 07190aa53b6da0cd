#include "data/label_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "data/record_checks.h"
#include "text/unicode.h"

namespace reaugkd::data {

std::optional<float> parse_number(std::string_view field) {
  double number = 0;
  const char* end = field.data() + field.size();
  const auto [stop, error] = std::from_chars(field.data(), end, number);
  const auto rounded = static_cast<float>(number);
  if (error != std::errc() || stop != end || !std::isfinite(rounded)) return std::nullopt;
  return rounded;
}

std::optional<float> parse_label(std::string_view field, const Task& task) {
  if (task.regression()) return parse_number(field);
  const auto place = std::find(task.labels.begin(), task.labels.end(), field);
  if (place == task.labels.end()) return std::nullopt;
  return static_cast<float>(place - task.labels.begin());
}

void check_class_name(std::string_view label, const std::string& where) {
  if (label.find_first_of("\t\r\n") == label.npos && text::valid_utf8(label)) return;
  throw base::DataError(
      "{}: the label \"{}\" has a tab, a line's end or no valid UTF-8: it cannot be a class", where,
      shown(label));
}

}  // namespace reaugkd::data
