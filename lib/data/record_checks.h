// What every record must satisfy. A row is taken as it stands or refused: nothing is cut, filled or
// guessed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "data/task.h"

namespace reaugkd::data {

using Fields = std::vector<std::string_view>;

/// "the header" or "the first line": what says how many fields a record of tsv or csv has.
inline constexpr const char* kHeader = "the header";
inline constexpr const char* kFirstLine = "the first line";

/// Throws DataError unless a record has as many fields as `model`, kHeader or kFirstLine, has.
void check_field_count(std::size_t found, std::size_t expected, const std::string& where,
                       FileFormat format, const char* model = kHeader);

/// Throws DataError where every field is empty, as in the rows of commas that Excel leaves behind a
/// table. Of jsonl, whose keys are written out, nothing is refused.
void check_not_blank(const Fields& fields, const std::string& where, FileFormat format);

/// Throws DataError unless `text` is valid UTF-8 without NUL. `column`: as messages call it.
void check_text(std::string_view text, const std::string& column, const std::string& where);

/// Throws DataError where a header has one of `names` twice.
void check_header_names(const Fields& header, const std::vector<std::string>& names,
                        const std::string& where);

/// A field as a message shows it: valid UTF-8 on one line, not too long.
std::string shown(std::string_view field);

}  // namespace reaugkd::data
