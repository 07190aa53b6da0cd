#include "text/encoded_dataset.h"

#include <algorithm>
#include <exception>
#include <thread>

#include "base/error.h"

namespace reaugkd::text {
namespace {

using Texts = std::span<const std::string>;

// The rows of one thread, in order.
struct Chunk {
  std::vector<std::int32_t> tokens;
  std::vector<std::int64_t> lengths;
  std::vector<std::int32_t> first_segments;
  std::vector<std::uint8_t> truncated;
  std::exception_ptr error;
};

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

void encode_row(const Tokenizer& tokenizer, const std::string& text_a, const std::string* text_b,
                std::int64_t max_seq_length, Chunk& chunk) {
  const SpecialTokens& special = tokenizer.special_tokens();
  const bool pair = text_b != nullptr;
  const auto capacity =
      static_cast<std::size_t>(max_seq_length - num_special_tokens(special, pair));
  std::vector<std::int32_t> first = tokenizer.encode(text_a);
  std::vector<std::int32_t> second = pair ? tokenizer.encode(*text_b) : std::vector<std::int32_t>{};
  const bool too_long = first.size() + second.size() > capacity;
  if (too_long) truncate(first, second, capacity);
  chunk.truncated.push_back(too_long ? 1 : 0);
  const std::size_t before = chunk.tokens.size();
  chunk.tokens.push_back(special.cls);
  chunk.tokens.insert(chunk.tokens.end(), first.begin(), first.end());
  chunk.tokens.push_back(special.sep);
  chunk.first_segments.push_back(static_cast<std::int32_t>(first.size()) + 2);
  if (pair) {
    chunk.tokens.insert(chunk.tokens.end(), special.separators - 1, special.sep);
    chunk.tokens.insert(chunk.tokens.end(), second.begin(), second.end());
    chunk.tokens.push_back(special.sep);
  }
  chunk.lengths.push_back(static_cast<std::int64_t>(chunk.tokens.size() - before));
}

void encode_rows(const Tokenizer& tokenizer, Texts text_a, Texts text_b,
                 std::int64_t max_seq_length, Chunk& chunk) {
  try {
    for (std::size_t row = 0; row < text_a.size(); ++row) {
      encode_row(tokenizer, text_a[row], text_b.empty() ? nullptr : &text_b[row], max_seq_length,
                 chunk);
    }
  } catch (...) {
    chunk.error = std::current_exception();
  }
}

// Each thread takes an equal part of the rows, one after the other.
std::vector<Chunk> encode_chunks(const Tokenizer& tokenizer, Texts text_a, Texts text_b,
                                 std::int64_t max_seq_length, std::size_t num_chunks) {
  std::vector<Chunk> chunks(num_chunks);
  std::vector<std::jthread> workers;
  for (std::size_t i = 0; i < num_chunks; ++i) {
    const std::size_t begin = text_a.size() * i / num_chunks;
    const std::size_t count = text_a.size() * (i + 1) / num_chunks - begin;
    const Texts rows_b = text_b.empty() ? text_b : text_b.subspan(begin, count);
    workers.emplace_back(encode_rows, std::cref(tokenizer), text_a.subspan(begin, count), rows_b,
                         max_seq_length, std::ref(chunks[i]));
  }
  workers.clear();  // joins
  for (const Chunk& chunk : chunks) {
    if (chunk.error) {
      std::rethrow_exception(chunk.error);
    }
  }
  return chunks;
}

}  // namespace

EncodedDataset encode_dataset(const Tokenizer& tokenizer, std::span<const std::string> text_a,
                              std::span<const std::string> text_b, std::int64_t max_seq_length,
                              int threads) {
  REAUGKD_CHECK(threads >= 1, "{} threads", threads);
  REAUGKD_CHECK(text_b.empty() || text_a.size() == text_b.size(), "{} first, {} second texts",
                text_a.size(), text_b.size());
  const std::int64_t shortest = num_special_tokens(tokenizer.special_tokens(), !text_b.empty()) + 1;
  if (max_seq_length < shortest) {
    throw base::ConfigError("max-seq-length {} leaves no room for text: expected {} or more",
                            max_seq_length, shortest);
  }
  const std::size_t num_chunks = std::min<std::size_t>(threads, text_a.size());
  EncodedDataset dataset;
  for (const Chunk& chunk : encode_chunks(tokenizer, text_a, text_b, max_seq_length, num_chunks)) {
    dataset.tokens_.insert(dataset.tokens_.end(), chunk.tokens.begin(), chunk.tokens.end());
    dataset.first_segment_.insert(dataset.first_segment_.end(), chunk.first_segments.begin(),
                                  chunk.first_segments.end());
    for (const std::int64_t length : chunk.lengths) {
      dataset.offsets_.push_back(dataset.offsets_.back() + length);
    }
    dataset.truncated_.insert(dataset.truncated_.end(), chunk.truncated.begin(),
                              chunk.truncated.end());
    dataset.num_truncated_ += std::ranges::count(chunk.truncated, 1);
  }
  return dataset;
}

}  // namespace reaugkd::text
