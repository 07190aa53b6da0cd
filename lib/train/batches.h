// Which rows make a batch, in which order, and how token rows become padded tensors. Batch order
// depends on (seed, epoch) only. Used by the training loop and by predict.
#pragma once

#include <cstdint>
#include <vector>

#include "models/classifier.h"
#include "text/encoded_dataset.h"

namespace reaugkd::train {

using Batches = std::vector<std::vector<std::int64_t>>;

/// A permutation of n rows cut into batches of `batch_size`; a last batch of one row joins its
/// neighbor, since the relational losses need two.
Batches shuffled_batches(std::int64_t n, std::int64_t batch_size, std::uint64_t seed,
                         std::int64_t epoch);

/// The same, but rows of about the same length share a batch: within each run of 50 batches of the
/// permutation rows are sorted by length, cut, and the batches of the epoch are shuffled again.
/// Every row is seen once an epoch, and which rows meet still changes from epoch to epoch.
Batches length_bucketed_batches(const std::vector<std::int64_t>& lengths, std::int64_t batch_size,
                                std::uint64_t seed, std::int64_t epoch);

/// The same rows in each batch, in an order in which its halves, their halves, and so on have about
/// as many tokens as one another. Threads and ranks take equal parts of a batch, and wait for the
/// one with the most tokens. The order depends on lengths alone, not on the number of parts.
Batches with_even_parts(Batches batches, const std::vector<std::int64_t>& lengths);

/// The batches of one epoch of training, with even parts: random ones for a loss that compares the
/// rows of a batch, else rows of about the same length.
Batches training_batches(const std::vector<std::int64_t>& lengths, std::int64_t batch_size,
                         std::uint64_t seed, std::int64_t epoch, bool random);

/// Rows in order of length, longest first: the least padding, and the largest batch comes first.
Batches sorted_batches(const std::vector<std::int64_t>& lengths, std::int64_t batch_size);

/// Lengths of all rows, in tokens.
std::vector<std::int64_t> lengths_of(const text::EncodedDataset& dataset);

/// The rows as tensors (B, T) on the CPU, T the longest length rounded up to a multiple of 8 but
/// not above `max_tokens`.
models::EncoderInput collate(const text::EncodedDataset& dataset,
                             const std::vector<std::int64_t>& rows, std::int64_t pad_token_id,
                             std::int64_t max_tokens);

}  // namespace reaugkd::train
