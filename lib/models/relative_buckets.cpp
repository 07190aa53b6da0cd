#include "models/relative_buckets.h"

#include "models/bert_variants.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

namespace reaugkd::models {
namespace {

/// 8 + floor(8 log(distance / 8) / log(128 / 8)) for distances of 8 and more, at most 15: the
/// distances at which the next bucket begins.
constexpr std::int64_t kMpnetExact = 8;
constexpr std::array<std::int64_t, 7> kMpnetThresholds = {12, 16, 23, 32, 46, 64, 91};

std::int64_t mpnet_bucket(std::int64_t distance) {
  if (distance < kMpnetExact) return distance;
  return kMpnetExact + std::ranges::count_if(kMpnetThresholds, [&](std::int64_t threshold) {
           return distance >= threshold;
         });
}

/// DeBERTa's make_log_bucket_position of a distance of 0 or more, in fp32 as published.
std::int64_t deberta_bucket(const DebertaPositions& positions, std::int64_t distance) {
  const std::int64_t middle = positions.buckets / 2;
  if (positions.buckets <= 0 || distance <= middle) return distance;
  const auto of = [&](std::int64_t x) {
    return std::log(static_cast<float>(x) / static_cast<float>(middle));
  };
  const float share = of(distance) / of(positions.max_distance - 1);
  return static_cast<std::int64_t>(std::ceil(share * static_cast<float>(middle - 1))) + middle;
}

}  // namespace

torch::Tensor mpnet_buckets(std::int64_t tokens) {
  auto buckets = torch::empty({tokens, tokens}, torch::kInt64);
  auto* to = buckets.data_ptr<std::int64_t>();
  for (std::int64_t query = 0; query < tokens; ++query) {
    for (std::int64_t key = 0; key < tokens; ++key) {
      const std::int64_t side = key > query ? kMpnetBuckets / 2 : 0;
      *to++ = side + mpnet_bucket(std::abs(key - query));
    }
  }
  return buckets;
}

DebertaPlaces deberta_places(const DebertaPositions& positions, std::int64_t tokens) {
  DebertaPlaces all;
  for (std::int64_t ahead = 1 - tokens; ahead < tokens; ++ahead) {  // key - query
    const std::int64_t bucket = deberta_bucket(positions, std::abs(ahead));
    const std::int64_t row = std::clamp<std::int64_t>(
        positions.span - (ahead > 0 ? bucket : -bucket), 0, 2 * positions.span - 1);
    if (all.rows.empty() || all.rows.back() != row) all.rows.push_back(row);
    all.places.push_back(static_cast<std::int32_t>(all.rows.size()) - 1);
  }
  return all;
}

}  // namespace reaugkd::models
