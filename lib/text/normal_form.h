// Unicode's normalization forms and grapheme clusters over utf8proc, for the normalizers.
#pragma once

#include <string>
#include <string_view>

namespace reaugkd::text {

/// Unicode's normalization forms.
enum class NormalForm { kNfc, kNfd, kNfkc, kNfkd };
/// The text in the form; invalid bytes become U+FFFD.
std::string normal_form(std::string_view text, NormalForm form);

/// The end of the grapheme cluster (extended) that begins at `position`, which is below
/// text.size().
std::size_t end_of_grapheme(std::string_view text, std::size_t position);

}  // namespace reaugkd::text
