#include "text/encoded_dataset.h"

#include <algorithm>
#include <functional>
#include <future>
#include <optional>
#include <string_view>

#include "base/blocks.h"
#include "base/error.h"
#include "base/progress.h"

namespace reaugkd::text {
namespace {

constexpr std::size_t kRowsAtOnce = 1 << 14;  // encoded before they go where they stay

using base::TextColumn;

std::int64_t num_special_tokens(const SpecialTokens& special, bool pairs) {
  return pairs ? 2 + special.separators : 2;
}

// One token at a time from the longer text, from the second on a tie, without the loop: `first`
// keeps all it has while it is not longer than its share, else what `second` leaves.
void truncate(std::vector<std::int32_t>& first, std::vector<std::int32_t>& second,
              std::size_t capacity) {
  const std::size_t share = (capacity + 1) / 2;
  const std::size_t kept_of_first =
      std::min(first.size(), std::max(share, capacity - std::min(capacity, second.size())));
  first.resize(kept_of_first);
  second.resize(std::min(second.size(), capacity - std::min(capacity, kept_of_first)));
}

void encode_row(const Tokenizer& tokenizer, std::string_view text_a,
                std::optional<std::string_view> text_b, std::int64_t max_seq_length,
                EncodedRows& rows) {
  const SpecialTokens& special = tokenizer.special_tokens();
  const bool pair = text_b.has_value();
  const auto capacity =
      static_cast<std::size_t>(max_seq_length - num_special_tokens(special, pair));
  std::vector<std::int32_t> first = tokenizer.encode(text_a);
  std::vector<std::int32_t> second = pair ? tokenizer.encode(*text_b) : std::vector<std::int32_t>{};
  const bool too_long = first.size() + second.size() > capacity;
  if (too_long) truncate(first, second, capacity);
  rows.truncated.push_back(too_long ? 1 : 0);
  auto& ids = rows.input_ids;
  const std::size_t before = ids.size();
  ids.push_back(special.cls);
  ids.insert(ids.end(), first.begin(), first.end());
  ids.push_back(special.sep);
  rows.first_segments.push_back(static_cast<std::int32_t>(first.size()) + 2);
  if (pair) {
    ids.insert(ids.end(), special.separators - 1, special.sep);
    ids.insert(ids.end(), second.begin(), second.end());
    ids.push_back(special.sep);
  }
  rows.lengths.push_back(static_cast<std::int32_t>(ids.size() - before));
}

/// Rows [begin, end) by this thread alone.
EncodedRows encode_part(const Tokenizer& tokenizer, const TextColumn& text_a,
                        const TextColumn& text_b, std::size_t begin, std::size_t end,
                        std::int64_t max_seq_length) {
  EncodedRows rows;
  for (std::size_t row = begin; row < end; ++row) {
    const auto second = text_b.empty() ? std::nullopt : std::optional(text_b[row]);
    encode_row(tokenizer, text_a[row], second, max_seq_length, rows);
  }
  return rows;
}

template <typename T>
void append(std::vector<T>& values, const std::vector<T>& more) {
  values.insert(values.end(), more.begin(), more.end());
}

}  // namespace

void EncodedDataset::add_row(std::span<const std::int32_t> input_ids, std::int32_t first_segment,
                             bool truncated) {
  input_ids_.push_back(input_ids);
  first_segment_.push_back(first_segment);
  truncated_.push_back(truncated ? 1 : 0);
  num_truncated_ += truncated ? 1 : 0;
}

void EncodedDataset::add_rows(const EncodedRows& rows, const std::int32_t* input_ids) {
  for (std::size_t row = 0; row < rows.lengths.size(); ++row) {
    const auto length = static_cast<std::size_t>(rows.lengths[row]);
    add_row({input_ids, length}, rows.first_segments[row], rows.truncated[row] != 0);
    input_ids += length;
  }
}

EncodedRows encode_rows(const Tokenizer& tokenizer, const TextColumn& text_a,
                        const TextColumn& text_b, std::size_t begin, std::size_t end,
                        std::int64_t max_seq_length, int threads) {
  REAUGKD_CHECK(threads >= 1, "{} threads", threads);
  REAUGKD_CHECK(text_b.empty() || text_a.size() == text_b.size(), "{} first, {} second texts",
                text_a.size(), text_b.size());
  const std::int64_t shortest = num_special_tokens(tokenizer.special_tokens(), !text_b.empty()) + 1;
  if (max_seq_length < shortest) {
    throw base::ConfigError("max-seq-length {} leaves no room for text: expected {} or more",
                            max_seq_length, shortest);
  }
  // Each thread takes an equal part of the rows, one after the other.
  const std::size_t n = end - begin;
  const auto parts_n = std::min<std::size_t>(threads, n);
  std::vector<std::future<EncodedRows>> parts;
  for (std::size_t i = 0; i < parts_n; ++i) {
    parts.push_back(std::async(std::launch::async, encode_part, std::cref(tokenizer),
                               std::cref(text_a), std::cref(text_b), begin + n * i / parts_n,
                               begin + n * (i + 1) / parts_n, max_seq_length));
  }
  EncodedRows rows;
  if (!parts.empty()) rows = parts.front().get();
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const EncodedRows more = parts[i].get();
    append(rows.input_ids, more.input_ids);
    append(rows.lengths, more.lengths);
    append(rows.first_segments, more.first_segments);
    append(rows.truncated, more.truncated);
  }
  return rows;
}

EncodedDataset encode_dataset(const Tokenizer& tokenizer, const TextColumn& text_a,
                              const TextColumn& text_b, std::int64_t max_seq_length, int threads) {
  EncodedDataset dataset;
  const auto input_ids = std::make_shared<base::Blocks<std::int32_t>>();
  dataset.keep_alive(input_ids);
  base::Progress progress("tokenizing", static_cast<std::int64_t>(text_a.size()), "rows");
  for (std::size_t begin = 0; begin < text_a.size(); begin += kRowsAtOnce) {
    const std::size_t end = std::min(begin + kRowsAtOnce, text_a.size());
    const auto rows = encode_rows(tokenizer, text_a, text_b, begin, end, max_seq_length, threads);
    dataset.add_rows(rows, input_ids->add(rows.input_ids).data());
    progress.update(static_cast<std::int64_t>(end));
  }
  return dataset;
}

}  // namespace reaugkd::text
