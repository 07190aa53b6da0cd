#include "text/normal_form.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "text/unicode.h"
#include "text/unicode_versions.h"

namespace reaugkd::text {
namespace {

using CodePoints = std::vector<utf8proc_int32_t>;

/// 0 for marks that the library does not know: they keep their place.
utf8proc_propval_t combining_class(utf8proc_int32_t code_point) {
  const auto known = utf8proc_get_property(code_point)->combining_class;
  return known != 0 && in_ranges(kNotMark, static_cast<char32_t>(code_point))
             ? utf8proc_propval_t{0}
             : known;
}

void append_parts(char32_t code_point, utf8proc_option_t how, CodePoints& parts) {
  std::array<utf8proc_int32_t, 32> found{};  // the longest decomposition has 18
  int boundary = 0;
  utf8proc_ssize_t count = 0;
  if (code_point >= 0x80 && !in_ranges(kNotDecomposed, code_point)) {
    count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(code_point), found.data(),
                                    static_cast<utf8proc_ssize_t>(found.size()), how, &boundary);
  }
  if (count <= 0 || count > static_cast<utf8proc_ssize_t>(found.size())) {
    parts.push_back(static_cast<utf8proc_int32_t>(code_point));  // it stands for itself
    return;
  }
  parts.insert(parts.end(), found.begin(), found.begin() + count);
}

/// Unicode's canonical order: a run of marks is sorted by class, those of one class as they stand.
void order_marks(CodePoints& code_points) {
  for (auto begin = code_points.begin(); begin != code_points.end();) {
    begin = std::find_if(begin, code_points.end(),
                         [](auto point) { return combining_class(point) != 0; });
    const auto end = std::find_if(begin, code_points.end(),
                                  [](auto point) { return combining_class(point) == 0; });
    std::stable_sort(begin, end,
                     [](auto a, auto b) { return combining_class(a) < combining_class(b); });
    begin = end;
  }
}

/// Composes decomposed text, between marks that the library does not know.
void compose(CodePoints& code_points) {
  CodePoints composed;
  for (auto begin = code_points.begin(); begin != code_points.end();) {
    auto end = std::find_if(begin, code_points.end(), [](auto point) {
      return in_ranges(kNotMark, static_cast<char32_t>(point));
    });
    const auto size = utf8proc_normalize_utf32(
        &*begin, end - begin, static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
    composed.insert(composed.end(), begin, begin + size);
    if (end != code_points.end()) composed.push_back(*end++);
    begin = end;
  }
  code_points = std::move(composed);
}

}  // namespace

std::string normal_form(std::string_view text, NormalForm form) {
  if (is_ascii(text)) return std::string(text);
  std::vector<utf8proc_int32_t> code_points;
  code_points.reserve(text.size() * 2);
  const bool compatible = form == NormalForm::kNfkc || form == NormalForm::kNfkd;
  const auto how =
      static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | (compatible ? UTF8PROC_COMPAT : 0));
  for (std::size_t position = 0; position < text.size();) {
    append_parts(next_code_point(text, position), how, code_points);
  }
  order_marks(code_points);
  if (form == NormalForm::kNfc || form == NormalForm::kNfkc) compose(code_points);
  std::string result;
  result.reserve(text.size());
  for (const auto code_point : code_points) append_utf8(static_cast<char32_t>(code_point), result);
  return result;
}

std::size_t end_of_grapheme(std::string_view text, std::size_t position) {
  utf8proc_int32_t state = 0;
  auto before = static_cast<utf8proc_int32_t>(next_code_point(text, position));
  while (position < text.size()) {
    std::size_t next = position;
    const auto after = static_cast<utf8proc_int32_t>(next_code_point(text, next));
    const bool extends = in_ranges(kExtendToo, static_cast<char32_t>(after));
    if (!extends && utf8proc_grapheme_break_stateful(before, after, &state)) break;
    before = after;
    position = next;
  }
  return position;
}

}  // namespace reaugkd::text
