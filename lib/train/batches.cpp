#include "train/batches.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <span>

#include "base/error.h"
#include "base/random.h"

namespace reaugkd::train {
namespace {

constexpr std::int64_t kBucketBatches = 50;  // batches' worth of rows that are sorted together
constexpr std::int64_t kPadMultiple = 8;     // what matrix units like

std::vector<std::int64_t> shuffled_rows(std::int64_t n, std::uint64_t seed, std::int64_t epoch) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(n));
  std::iota(rows.begin(), rows.end(), 0);
  base::Random(base::stream_seed(seed, "rows", static_cast<std::uint64_t>(epoch))).shuffle(rows);
  return rows;
}

Batches cut(const std::vector<std::int64_t>& rows, std::int64_t batch_size) {
  REAUGKD_CHECK(batch_size > 0, "batch_size is {}", batch_size);
  Batches batches;
  const auto n = static_cast<std::int64_t>(rows.size());
  for (std::int64_t begin = 0; begin < n; begin += batch_size) {
    const std::int64_t end = std::min(begin + batch_size, n);
    batches.emplace_back(rows.begin() + begin, rows.begin() + end);
  }
  return batches;
}

void join_single_row(Batches& batches) {
  if (batches.size() > 1 && batches.back().size() == 1) {
    const std::int64_t row = batches.back().front();
    batches.pop_back();
    batches.back().push_back(row);
  }
}

/// Rows, longest first, as two halves that have about as many tokens: of each two rows that follow
/// one another the longer one goes to either half in turn. Each half is then divided likewise.
void deal_in_halves(std::span<std::int64_t> rows) {
  if (rows.size() < 3) return;
  std::vector<std::int64_t> first, second;
  for (std::size_t i = 0; i + 1 < rows.size(); i += 2) {
    const bool swapped = i / 2 % 2 == 1;
    first.push_back(rows[swapped ? i + 1 : i]);
    second.push_back(rows[swapped ? i : i + 1]);
  }
  if (rows.size() % 2 == 1) second.push_back(rows.back());
  deal_in_halves(first);
  deal_in_halves(second);
  std::ranges::copy(second, std::ranges::copy(first, rows.begin()).out);
}

}  // namespace

Batches shuffled_batches(std::int64_t n, std::int64_t batch_size, std::uint64_t seed,
                         std::int64_t epoch) {
  Batches batches = cut(shuffled_rows(n, seed, epoch), batch_size);
  join_single_row(batches);
  return batches;
}

Batches length_bucketed_batches(const std::vector<std::int64_t>& lengths, std::int64_t batch_size,
                                std::uint64_t seed, std::int64_t epoch) {
  auto rows = shuffled_rows(static_cast<std::int64_t>(lengths.size()), seed, epoch);
  const auto bucket = static_cast<std::size_t>(kBucketBatches * batch_size);
  for (std::size_t begin = 0; begin < rows.size(); begin += bucket) {
    const std::size_t end = std::min(begin + bucket, rows.size());
    std::stable_sort(rows.begin() + static_cast<std::ptrdiff_t>(begin),
                     rows.begin() + static_cast<std::ptrdiff_t>(end),
                     [&](std::int64_t a, std::int64_t b) { return lengths[a] < lengths[b]; });
  }
  Batches batches = cut(rows, batch_size);
  join_single_row(batches);
  base::Random(base::stream_seed(seed, "batches", static_cast<std::uint64_t>(epoch)))
      .shuffle(batches);
  return batches;
}

Batches with_even_parts(Batches batches, const std::vector<std::int64_t>& lengths) {
  for (auto& rows : batches) {
    std::ranges::stable_sort(rows, std::ranges::greater{},
                             [&](std::int64_t row) { return lengths[row]; });
    deal_in_halves(rows);
  }
  return batches;
}

Batches training_batches(const std::vector<std::int64_t>& lengths, std::int64_t batch_size,
                         std::uint64_t seed, std::int64_t epoch, bool random) {
  return with_even_parts(random ? shuffled_batches(std::ssize(lengths), batch_size, seed, epoch)
                                : length_bucketed_batches(lengths, batch_size, seed, epoch),
                         lengths);
}

Batches sorted_batches(const std::vector<std::int64_t>& lengths, std::int64_t batch_size) {
  std::vector<std::int64_t> rows(lengths.size());
  std::iota(rows.begin(), rows.end(), 0);
  std::stable_sort(rows.begin(), rows.end(),
                   [&](std::int64_t a, std::int64_t b) { return lengths[a] > lengths[b]; });
  return cut(rows, batch_size);
}

std::vector<std::int64_t> lengths_of(const text::EncodedDataset& dataset) {
  std::vector<std::int64_t> lengths(static_cast<std::size_t>(dataset.size()));
  for (std::int64_t i = 0; i < dataset.size(); ++i) lengths[i] = dataset.length(i);
  return lengths;
}

models::EncoderInput collate(const text::EncodedDataset& dataset,
                             const std::vector<std::int64_t>& rows, std::int64_t pad_token_id,
                             std::int64_t max_tokens) {
  std::int64_t tokens = 1;
  for (const auto row : rows) tokens = std::max(tokens, dataset.length(row));
  REAUGKD_CHECK(tokens <= max_tokens, "a row has {} tokens of at most {}", tokens, max_tokens);
  tokens = std::min((tokens + kPadMultiple - 1) / kPadMultiple * kPadMultiple, max_tokens);

  const auto batch = static_cast<std::int64_t>(rows.size());
  models::EncoderInput input{torch::full({batch, tokens}, pad_token_id, torch::kInt64),
                             torch::zeros({batch, tokens}, torch::kInt64),
                             torch::zeros({batch, tokens}, torch::kInt64)};
  for (std::int64_t b = 0; b < batch; ++b) {
    const auto ids = dataset.input_ids(rows[b]);
    const std::int64_t first = dataset.first_segment_length(rows[b]);
    auto* id_row = input.input_ids.data_ptr<std::int64_t>() + b * tokens;
    auto* type_row = input.token_type_ids.data_ptr<std::int64_t>() + b * tokens;
    auto* mask_row = input.attention_mask.data_ptr<std::int64_t>() + b * tokens;
    const auto length = static_cast<std::int64_t>(ids.size());
    std::copy(ids.begin(), ids.end(), id_row);
    std::fill(type_row + std::min(first, length), type_row + length, 1);
    std::fill(mask_row, mask_row + length, 1);
  }
  return input;
}

}  // namespace reaugkd::train
