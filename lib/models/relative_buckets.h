// Where a pair of tokens finds its row in a table of relative positions, as MPNet and DeBERTa count
// them: near pairs one row each, far pairs in buckets that widen.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "models/deberta_settings.h"

namespace reaugkd::models {

/// MPNet's bucket of (query, key), 0 to 31: (T, T) int64 on the CPU.
torch::Tensor mpnet_buckets(std::int64_t tokens);

/// The rows that texts of T tokens use, and which pair uses which.
struct DebertaPlaces {
  std::vector<std::int64_t> rows;    // (P): rows of the table, from the last one used down
  std::vector<std::int32_t> places;  // (2T - 1): of key - query + T - 1, the index in `rows`
};

DebertaPlaces deberta_places(const DebertaPositions& positions, std::int64_t tokens);

}  // namespace reaugkd::models
