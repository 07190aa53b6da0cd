// A row's text as reports show it: on one line, and not without end. Used by explanations and by
// the confusions of eval's report.
#pragma once

#include <cstdint>
#include <string>

#include "base/text_column.h"

namespace reaugkd::evaluation {

/// Line ends and tabs become spaces. A text of more than 300 bytes is cut, between two characters.
std::string on_one_line(std::string text);

/// The text of row `row`, or "a || b" of a pair, on one line; `text_b` is empty for single texts.
std::string row_text(const base::TextColumn& text_a, const base::TextColumn& text_b,
                     std::int64_t row);

}  // namespace reaugkd::evaluation
