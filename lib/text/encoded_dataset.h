// A data set as token ids: [CLS] a [SEP] or [CLS] a [SEP] b [SEP] for each row (RoBERTa: <s> a </s>
// or <s> a </s></s> b </s>), in one flat array.
// Made once per stage, read by the batches of training and evaluation.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace reaugkd::text {

class EncodedDataset {
 public:
  std::int64_t size() const { return static_cast<std::int64_t>(first_segment_.size()); }
  std::int64_t length(std::int64_t row) const { return offsets_[row + 1] - offsets_[row]; }
  /// The row's input_ids, special tokens included.
  std::span<const std::int32_t> input_ids(std::int64_t row) const {
    return {tokens_.data() + offsets_[row], static_cast<std::size_t>(length(row))};
  }
  /// How many of them, from the front, have token_type_id 0.
  std::int64_t first_segment_length(std::int64_t row) const { return first_segment_[row]; }
  /// Whether tokens of the row were cut to fit the maximum length.
  bool truncated(std::int64_t row) const { return truncated_[row] != 0; }
  /// How many rows that is.
  std::int64_t num_truncated() const { return num_truncated_; }

 private:
  friend EncodedDataset encode_dataset(const Tokenizer&, std::span<const std::string>,
                                       std::span<const std::string>, std::int64_t, int);
  std::vector<std::int32_t> tokens_;
  std::vector<std::int64_t> offsets_ = {0};
  std::vector<std::int32_t> first_segment_;
  std::vector<std::uint8_t> truncated_;
  std::int64_t num_truncated_ = 0;
};

/// Encodes n rows on `threads` threads; the result does not depend on their number. `text_b` is
/// empty for single-sentence tasks, else of the same size as `text_a`. A pair that is too long
/// loses one token at a time from the end of the longer text, from the second on a tie.
EncodedDataset encode_dataset(const Tokenizer& tokenizer, std::span<const std::string> text_a,
                              std::span<const std::string> text_b, std::int64_t max_seq_length,
                              int threads);

}  // namespace reaugkd::text
