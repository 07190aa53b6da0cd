#include "data/record_checks.h"

#include <algorithm>

#include "base/error.h"
#include "text/unicode.h"

namespace reaugkd::data {
namespace {

constexpr std::size_t kShownCharacters = 60;  // of a field in a message

}  // namespace

void check_field_count(std::size_t found, std::size_t expected, const std::string& where,
                       FileFormat format, const char* model) {
  if (found == expected) return;
  const char* remedy = format == FileFormat::kCsv
                           ? "put a field that has commas in double quotes, or mend the line"
                           : "fields are split by one tab: mend the line";
  throw base::DataError("{}: found {} field{}, expected {} as in {}: {}", where, found,
                        found == 1 ? "" : "s", expected, model, remedy);
}

void check_not_blank(const Fields& fields, const std::string& where, FileFormat format) {
  const bool blank = std::all_of(fields.begin(), fields.end(), [](auto f) { return f.empty(); });
  // A lone empty field of csv is written as "".
  const bool written_out =
      format == FileFormat::kJsonl || (format == FileFormat::kCsv && fields.size() == 1);
  if (!blank || written_out) return;
  throw base::DataError(
      "{}: found a row of empty fields, expected a text (spreadsheets leave such rows behind a "
      "table): delete the line",
      where);
}

void check_text(std::string_view text, const std::string& column, const std::string& where) {
  if (!text::valid_utf8(text)) {
    throw base::DataError("{}: {} is not valid UTF-8 (\"{}\"): convert the file to UTF-8", where,
                          column, shown(text));
  }
  if (text.find('\0') != text.npos) {
    throw base::DataError("{}: {} holds a NUL byte, expected a text: remove the byte", where,
                          column);
  }
}

void check_header_names(const Fields& header, const std::vector<std::string>& names,
                        const std::string& where) {
  for (const auto& name : names) {
    if (std::count(header.begin(), header.end(), name) < 2) continue;
    throw base::DataError("{}: the header has the column \"{}\" twice: rename one", where, name);
  }
}

std::string shown(std::string_view field) {
  std::string result;
  std::size_t position = 0;
  for (std::size_t i = 0; i < kShownCharacters && position < field.size(); ++i) {
    const char32_t code_point = text::next_code_point(field, position);
    if (code_point == '\n' || code_point == '\r' || code_point == '\t') {
      result += code_point == '\n' ? "\\n" : code_point == '\r' ? "\\r" : "\\t";
    } else {
      text::append_utf8(code_point, result);
    }
  }
  return position < field.size() ? result + "..." : result;
}

}  // namespace reaugkd::data
