#include "retrieval/hnsw_codes.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/vector_clones.h"
#include "retrieval/inner_product_kernel.h"

namespace reaugkd::retrieval {
namespace {

constexpr float kLargest = 127;
constexpr float kSmallestScale = 1e-30F;  // smaller vectors are zeros
constexpr int kOffset = 128;              // of a query's bytes

/// What stands behind a row's bytes.
struct RowTail {
  float scale;
  std::int32_t sum;  // of its bytes: what a query's offset adds to their product, / kOffset
};

float scale_of(const float* vector, std::size_t dimension) {
  constexpr std::size_t kLanes = 16;
  float largest[kLanes] = {};  // of every 16th, so that 16 are compared at once
  std::size_t i = 0;
  for (; i + kLanes <= dimension; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float value = std::abs(vector[i + lane]);
      largest[lane] = value > largest[lane] ? value : largest[lane];
    }
  }
  for (; i < dimension; ++i) largest[0] = std::max(largest[0], std::abs(vector[i]));
  return *std::max_element(largest, largest + kLanes) / kLargest;
}

/// What a vector is multiplied by to give its code.
float factor_of(float scale) {
  return scale > kSmallestScale ? 1 / scale : 0;
}

/// The nearest whole number.
int rounded(float value) {
  return static_cast<int>(value + (value < 0 ? -0.5F : 0.5F));
}

}  // namespace

std::size_t row_code_bytes(std::size_t dimension) {
  return (dimension + 3) / 4 * 4 + sizeof(RowTail);  // links behind it are read as whole words
}

std::size_t query_code_bytes(std::size_t dimension) {
  return dimension + sizeof(float);
}

REAUGKD_VECTOR_CLONES
void encode_row(const float* z, std::size_t dimension, char* code) {
  RowTail tail{scale_of(z, dimension), 0};
  const float factor = factor_of(tail.scale);
  for (std::size_t i = 0; i < dimension; ++i) {
    const int value = rounded(z[i] * factor);
    code[i] = static_cast<char>(value);
    tail.sum += value;
  }
  std::memcpy(code + dimension, &tail, sizeof tail);
}

REAUGKD_VECTOR_CLONES
void encode_query(const float* s, std::size_t dimension, char* code) {
  const float scale = scale_of(s, dimension);
  const float factor = factor_of(scale);
  for (std::size_t i = 0; i < dimension; ++i) {
    code[i] = static_cast<char>(rounded(s[i] * factor) + kOffset);
  }
  std::memcpy(code + dimension, &scale, sizeof scale);
}

float inner_product_of_codes(const char* query_code, const char* row_code, std::size_t dimension) {
  RowTail row;
  float query_scale;
  std::memcpy(&row, row_code + dimension, sizeof row);
  std::memcpy(&query_scale, query_code + dimension, sizeof query_scale);
  const std::int32_t product = inner_product(reinterpret_cast<const std::uint8_t*>(query_code),
                                             reinterpret_cast<const std::int8_t*>(row_code),
                                             static_cast<std::int64_t>(dimension));
  return query_scale * row.scale * static_cast<float>(product - kOffset * row.sum);
}

}  // namespace reaugkd::retrieval
