// A data set as token ids: [CLS] a [SEP] or [CLS] a [SEP] b [SEP] for each row (RoBERTa: <s> a </s>
// or <s> a </s></s> b </s>). Made once per stage, read by the batches of training and evaluation.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/text_column.h"
#include "text/tokenizer.h"

namespace reaugkd::text {

/// Rows as one array of ids and what divides it.
struct EncodedRows {
  std::vector<std::int32_t> input_ids;       // of all rows, one after the other
  std::vector<std::int32_t> lengths;         // of each row
  std::vector<std::int32_t> first_segments;  // how many ids, from the front, have token_type_id 0
  std::vector<std::uint8_t> truncated;       // 1: tokens were cut to fit the maximum length
};

class EncodedDataset {
 public:
  std::int64_t size() const { return static_cast<std::int64_t>(input_ids_.size()); }
  std::int64_t length(std::int64_t row) const {
    return static_cast<std::int64_t>(input_ids(row).size());
  }
  /// The row's input_ids, special tokens included.
  std::span<const std::int32_t> input_ids(std::int64_t row) const {
    return input_ids_[static_cast<std::size_t>(row)];
  }
  /// How many of them, from the front, have token_type_id 0.
  std::int64_t first_segment_length(std::int64_t row) const { return first_segment_[row]; }
  /// Adds rows whose ids lie one after the other at `input_ids` and stay there: rows.input_ids may
  /// be elsewhere.
  void add_rows(const EncodedRows& rows, const std::int32_t* input_ids);
  /// Lets `keeper`, which holds the ids, live as long as this.
  void keep_alive(std::shared_ptr<const void> keeper) { keeper_ = std::move(keeper); }
  /// Whether tokens of the row were cut to fit the maximum length.
  bool truncated(std::int64_t row) const { return truncated_[row] != 0; }
  /// How many rows that is.
  std::int64_t num_truncated() const { return num_truncated_; }

 private:
  void add_row(std::span<const std::int32_t> input_ids, std::int32_t first_segment, bool truncated);

  std::shared_ptr<const void> keeper_;  // of the tokens
  std::vector<std::span<const std::int32_t>> input_ids_;
  std::vector<std::int32_t> first_segment_;
  std::vector<std::uint8_t> truncated_;
  std::int64_t num_truncated_ = 0;
};

/// Encodes rows [begin, end) on `threads` threads; the result does not depend on their number.
/// `text_b` is empty for single-sentence tasks, else of the same size as `text_a`. A pair that is
/// too long loses one token at a time from the end of the longer text, from the second on a tie.
EncodedRows encode_rows(const Tokenizer& tokenizer, const base::TextColumn& text_a,
                        const base::TextColumn& text_b, std::size_t begin, std::size_t end,
                        std::int64_t max_seq_length, int threads);

/// The same of all rows. Ids that do not fit in memory are where base/blocks.h puts them.
EncodedDataset encode_dataset(const Tokenizer& tokenizer, const base::TextColumn& text_a,
                              const base::TextColumn& text_b, std::int64_t max_seq_length,
                              int threads);

}  // namespace reaugkd::text
