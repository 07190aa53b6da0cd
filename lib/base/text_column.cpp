#include "base/text_column.h"

#include <utility>

#include "base/error.h"

namespace reaugkd::base {

TextColumn::TextColumn(std::initializer_list<std::string_view> texts) {
  for (const std::string_view text : texts) push_back(text);
}

TextColumn::TextColumn(const std::vector<std::string>& texts) {
  for (const std::string& text : texts) push_back(text);
}

void TextColumn::push_back(std::string_view text) {
  const std::span<const char> place = bytes_.add({text.data(), text.size()});
  texts_.emplace_back(place.data(), place.size());
  size_ += text.size();
}

void TextColumn::append(const TextColumn& more) {
  if (this == &more) return append(TextColumn(more));
  bytes_.share(more.bytes_);
  texts_.insert(texts_.end(), more.texts_.begin(), more.texts_.end());
  size_ += more.size_;
}

TextColumn TextColumn::subset(const std::vector<std::int64_t>& positions) const {
  TextColumn part;
  part.texts_.reserve(positions.size());
  for (const std::int64_t position : positions) {
    REAUGKD_CHECK(position >= 0 && std::cmp_less(position, texts_.size()), "row {} of {}", position,
                  texts_.size());
    part.texts_.push_back(texts_[static_cast<std::size_t>(position)]);
    part.size_ += part.texts_.back().size();
  }
  if (part.size_ < size_ / 4) {  // all of the bytes would live on for a few
    TextColumn copy;
    for (const std::string_view text : part.texts_) copy.push_back(text);
    return copy;
  }
  part.bytes_ = bytes_;
  return part;
}

}  // namespace reaugkd::base
