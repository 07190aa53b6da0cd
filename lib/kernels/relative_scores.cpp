#include "kernels/relative_scores.h"

#include "kernels/number_formats.h"
#include "kernels/vector_clones.h"

namespace reaugkd::kernels {
namespace {

/// Whether every distance has a position of its own: a query's positions then lie side by side.
REAUGKD_INTO_CLONES bool is_dense(const RelativeShape& shape) {
  return shape.positions == 2 * shape.tokens - 1;
}

template <typename Value>
REAUGKD_INTO_CLONES void add(const RelativeShape& shape, const Value* __restrict scores,
                             const Value* of_queries, const Value* of_keys, Value* __restrict sum) {
  const std::int64_t n = shape.tokens;
  const std::int64_t p = shape.positions;
  const bool dense = is_dense(shape);
  for (std::int64_t i = 0; i < n; ++i, scores += n, sum += n) {
    const std::int32_t* __restrict places = shape.places + n - 1 - i;  // of key 0, 1, ..
    const Value* __restrict query = of_queries == nullptr ? nullptr : of_queries + i * p;
    const Value* __restrict keys = of_keys;
    if (dense && query != nullptr && keys != nullptr) {
      query += n - 1 - i;
      keys += n - 1 - i;
      for (std::int64_t j = 0; j < n; ++j) {
        store(to_float(scores[j]) + to_float(query[j]) + to_float(keys[j * (p + 1)]), sum[j]);
      }
      continue;
    }
    for (std::int64_t j = 0; j < n; ++j) {
      float value = to_float(scores[j]);
      if (query != nullptr) value += to_float(query[places[j]]);
      if (keys != nullptr) value += to_float(keys[j * p + places[j]]);
      store(value, sum[j]);
    }
  }
}

template <typename Value>
REAUGKD_INTO_CLONES void store_all(std::int64_t n, const float* __restrict from,
                                   Value* __restrict to) {
  for (std::int64_t i = 0; i < n; ++i) store(from[i], to[i]);
}

template <typename Value>
REAUGKD_INTO_CLONES void query_gradient(const RelativeShape& shape,
                                        const Value* __restrict gradient, float* __restrict scratch,
                                        Value* __restrict of_queries) {
  const std::int64_t n = shape.tokens;
  const std::int64_t p = shape.positions;
  for (std::int64_t i = 0; i < n; ++i, gradient += n) {
    const std::int32_t* __restrict places = shape.places + n - 1 - i;
    for (std::int64_t k = 0; k < p; ++k) scratch[k] = 0;
    if (is_dense(shape)) {
      for (std::int64_t j = 0; j < n; ++j) scratch[n - 1 - i + j] = to_float(gradient[j]);
    } else {
      for (std::int64_t j = 0; j < n; ++j) scratch[places[j]] += to_float(gradient[j]);
    }
    store_all(p, scratch, of_queries + i * p);
  }
}

template <typename Value>
REAUGKD_INTO_CLONES void key_gradient(const RelativeShape& shape, const Value* __restrict gradient,
                                      float* __restrict scratch, Value* __restrict of_keys) {
  const std::int64_t n = shape.tokens;
  const std::int64_t p = shape.positions;
  for (std::int64_t k = 0; k < n * p; ++k) scratch[k] = 0;
  for (std::int64_t i = 0; i < n; ++i, gradient += n) {
    const std::int32_t* __restrict places = shape.places + n - 1 - i;
    for (std::int64_t j = 0; j < n; ++j) scratch[j * p + places[j]] += to_float(gradient[j]);
  }
  store_all(n * p, scratch, of_keys);
}

}  // namespace

REAUGKD_VECTOR_CLONES
void add_relative_scores(const RelativeShape& shape, const float* scores, const float* of_queries,
                         const float* of_keys, float* sum) {
  add(shape, scores, of_queries, of_keys, sum);
}

REAUGKD_VECTOR_CLONES
void add_relative_scores(const RelativeShape& shape, const std::uint16_t* scores,
                         const std::uint16_t* of_queries, const std::uint16_t* of_keys,
                         std::uint16_t* sum) {
  add(shape, scores, of_queries, of_keys, sum);
}

REAUGKD_VECTOR_CLONES
void relative_query_gradient(const RelativeShape& shape, const float* gradient, float* scratch,
                             float* of_queries) {
  query_gradient(shape, gradient, scratch, of_queries);
}

REAUGKD_VECTOR_CLONES
void relative_query_gradient(const RelativeShape& shape, const std::uint16_t* gradient,
                             float* scratch, std::uint16_t* of_queries) {
  query_gradient(shape, gradient, scratch, of_queries);
}

REAUGKD_VECTOR_CLONES
void relative_key_gradient(const RelativeShape& shape, const float* gradient, float* scratch,
                           float* of_keys) {
  key_gradient(shape, gradient, scratch, of_keys);
}

REAUGKD_VECTOR_CLONES
void relative_key_gradient(const RelativeShape& shape, const std::uint16_t* gradient,
                           float* scratch, std::uint16_t* of_keys) {
  key_gradient(shape, gradient, scratch, of_keys);
}

}  // namespace reaugkd::kernels
