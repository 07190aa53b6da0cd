#include "kernels/packed_attention.h"

#include <cmath>

#include "kernels/number_formats.h"
#include "kernels/row_reductions.h"
#include "kernels/small_product.h"
#include "kernels/vector_clones.h"

namespace reaugkd::kernels {
namespace {

constexpr std::int64_t kQueries = 16;  // rows of scores that are in scratch at once

/// Parts of scratch, one after the other.
struct Scratch {
  float* next;
  float* take(std::int64_t count) {
    float* part = next;
    next += whole_lanes(count);
    return part;
  }
};

/// n rows of d values as floats, `to_step` apart; what follows in a row is 0.
template <typename Value>
REAUGKD_INTO_CLONES void read_rows(std::int64_t n, std::int64_t d, const Value* __restrict from,
                                   std::int64_t from_step, float* __restrict to,
                                   std::int64_t to_step) {
  for (; n > 0; --n, from += from_step, to += to_step) {
    for (std::int64_t i = 0; i < d; ++i) to[i] = to_float(from[i]);
    for (std::int64_t i = d; i < to_step; ++i) to[i] = 0;
  }
}

/// The same, rows as columns: to (d, to_step).
template <typename Value>
REAUGKD_INTO_CLONES void read_columns(std::int64_t n, std::int64_t d, const Value* __restrict from,
                                      std::int64_t from_step, float* __restrict to,
                                      std::int64_t to_step) {
  for (std::int64_t i = 0; i < d; ++i) {
    for (std::int64_t row = 0; row < n; ++row)
      to[i * to_step + row] = to_float(from[row * from_step + i]);
    for (std::int64_t row = n; row < to_step; ++row) to[i * to_step + row] = 0;
  }
}

template <typename Value>
REAUGKD_INTO_CLONES void write_rows(std::int64_t n, std::int64_t d, const float* __restrict from,
                                    std::int64_t from_step, Value* __restrict to,
                                    std::int64_t to_step) {
  for (; n > 0; --n, from += from_step, to += to_step) {
    for (std::int64_t i = 0; i < d; ++i) store(from[i], to[i]);
  }
}

/// scores = scale scores + relative, in place: one row of T.
REAUGKD_INTO_CLONES void add_biases(const PackedHead& head, std::int64_t query,
                                    float* __restrict scores) {
  const std::int64_t n = head.tokens;
  const float scale = head.scale;
  for (std::int64_t i = 0; i < n; ++i) scores[i] *= scale;
  if (head.relative == nullptr) return;
  const float* __restrict relative = head.relative + query * head.relative_step;
  for (std::int64_t i = 0; i < n; ++i) scores[i] += relative[i];
}

/// In place, one row of T weights: 0 where dropped, else divided by 1 - p.
REAUGKD_INTO_CLONES void drop_row(const PackedHead& head, std::int64_t query,
                                  float* __restrict weights) {
  const std::int64_t n = head.tokens;
  const DropoutMask mask = head.mask;
  const std::uint32_t start = head.first + static_cast<std::uint32_t>(query * n);
  for (std::int64_t i = 0; i < n; ++i) {
    const bool keep = keeps(mask, start + static_cast<std::uint32_t>(i));
    const float scaled = weights[i] * mask.scale;
    weights[i] = keep ? scaled : 0.0F;
  }
}

template <int Bytes, typename Value>
REAUGKD_INTO_CLONES void forward_head(const PackedHead& head, const Value* q, const Value* k,
                                      const Value* v, float* scratch, Value* context,
                                      float* log_sums) {
  const std::int64_t n = head.tokens;
  const std::int64_t d = head.width;
  const std::int64_t keys = whole_lanes(n);
  const std::int64_t lanes = whole_lanes(d);
  Scratch parts{scratch};
  float* k_columns = parts.take(d * keys);
  float* v_rows = parts.take(n * lanes);
  float* q_rows = parts.take(kQueries * lanes);
  float* scores = parts.take(kQueries * keys);
  float* sums = parts.take(kQueries * lanes);
  read_columns(n, d, k, head.projection_step, k_columns, keys);
  read_rows(n, d, v, head.projection_step, v_rows, lanes);
  for (std::int64_t begin = 0; begin < n; begin += kQueries) {
    const std::int64_t rows = n - begin < kQueries ? n - begin : kQueries;
    read_rows(rows, d, q + begin * head.projection_step, head.projection_step, q_rows, lanes);
    small_product<Bytes>(rows, keys, d, {q_rows, lanes}, k_columns, keys, scores, keys);
    for (std::int64_t row = 0; row < rows; ++row) {
      float* __restrict weights = scores + row * keys;
      add_biases(head, begin + row, weights);
      const float largest = largest_of(weights, n);
      for (std::int64_t i = 0; i < n; ++i) weights[i] = exp_of(weights[i] - largest);
      const float sum = sum_of(weights, n);
      const float share = 1.0F / sum;
      for (std::int64_t i = 0; i < n; ++i) weights[i] *= share;
      log_sums[begin + row] = largest + std::log(sum);
      if (head.mask.threshold > 0) drop_row(head, begin + row, weights);
    }
    small_product<Bytes>(rows, lanes, n, {scores, keys}, v_rows, lanes, sums, lanes);
    write_rows(rows, d, sums, lanes, context + begin * head.context_step, head.context_step);
  }
}

/// With W the weights, W' what dropout makes of them and S the scaled scores:
///   dV = W'^T dC,  dW' = dC V^T,  dS = W (dW - sum_j W dW),  dQ = scale dS K,  dK = scale dS^T Q.
template <int Bytes, typename Value>
REAUGKD_INTO_CLONES void backward_head(const PackedHead& head, const Value* q, const Value* k,
                                       const Value* v, const float* log_sums, const Value* gradient,
                                       float* scratch, Value* dq, Value* dk, Value* dv,
                                       float* d_relative) {
  const std::int64_t n = head.tokens;
  const std::int64_t d = head.width;
  const std::int64_t keys = whole_lanes(n);
  const std::int64_t lanes = whole_lanes(d);
  const std::int64_t step = head.projection_step;
  Scratch parts{scratch};
  float* k_columns = parts.take(d * keys);
  float* k_rows = parts.take(n * lanes);
  float* v_columns = parts.take(d * keys);
  float* k_sums = parts.take(n * lanes);
  float* v_sums = parts.take(n * lanes);
  float* q_rows = parts.take(kQueries * lanes);
  float* out_rows = parts.take(kQueries * lanes);
  float* q_sums = parts.take(kQueries * lanes);
  float* weights = parts.take(kQueries * keys);
  float* dropped = parts.take(kQueries * keys);
  float* slopes = parts.take(kQueries * keys);
  read_columns(n, d, k, step, k_columns, keys);
  read_rows(n, d, k, step, k_rows, lanes);
  read_columns(n, d, v, step, v_columns, keys);
  for (std::int64_t i = 0; i < n * lanes; ++i) k_sums[i] = v_sums[i] = 0;
  for (std::int64_t begin = 0; begin < n; begin += kQueries) {
    const std::int64_t rows = n - begin < kQueries ? n - begin : kQueries;
    read_rows(rows, d, q + begin * step, step, q_rows, lanes);
    read_rows(rows, d, gradient + begin * head.context_step, head.context_step, out_rows, lanes);
    small_product<Bytes>(rows, keys, d, {q_rows, lanes}, k_columns, keys, weights, keys);
    small_product<Bytes>(rows, keys, d, {out_rows, lanes}, v_columns, keys, slopes, keys);
    for (std::int64_t row = 0; row < rows; ++row) {
      float* __restrict w = weights + row * keys;
      float* __restrict kept = dropped + row * keys;
      float* __restrict slope = slopes + row * keys;
      add_biases(head, begin + row, w);
      const float log_sum = log_sums[begin + row];
      for (std::int64_t i = 0; i < n; ++i) w[i] = exp_of(w[i] - log_sum);
      for (std::int64_t i = 0; i < n; ++i) kept[i] = w[i];
      if (head.mask.threshold > 0) {
        drop_row(head, begin + row, kept);
        drop_row(head, begin + row, slope);
      }
      for (std::int64_t i = 0; i < n; ++i) slope[i] *= w[i];
      const float sum = sum_of(slope, n);
      for (std::int64_t i = 0; i < n; ++i) slope[i] -= w[i] * sum;
      if (d_relative != nullptr) {
        float* __restrict to = d_relative + (begin + row) * head.relative_step;
        for (std::int64_t i = 0; i < n; ++i) to[i] += slope[i];
      }
      const float scale = head.scale;
      for (std::int64_t i = 0; i < n; ++i) slope[i] *= scale;
    }
    small_product<Bytes>(n, lanes, rows, {dropped, 1, keys}, out_rows, lanes, v_sums, lanes, true);
    small_product<Bytes>(n, lanes, rows, {slopes, 1, keys}, q_rows, lanes, k_sums, lanes, true);
    small_product<Bytes>(rows, lanes, n, {slopes, keys}, k_rows, lanes, q_sums, lanes);
    write_rows(rows, d, q_sums, lanes, dq + begin * step, step);
  }
  write_rows(n, d, k_sums, lanes, dk, step);
  write_rows(n, d, v_sums, lanes, dv, step);
}

REAUGKD_FOR_EACH_WIDTH(forward_fp32, void, forward,
                       (const PackedHead& head, const float* q, const float* k, const float* v,
                        float* scratch, float* context, float* log_sums),
                       (head, q, k, v, scratch, context, log_sums), forward_head)
REAUGKD_FOR_EACH_WIDTH(backward_fp32, void, backward,
                       (const PackedHead& head, const float* q, const float* k, const float* v,
                        const float* log_sums, const float* gradient, float* scratch, float* dq,
                        float* dk, float* dv, float* d_relative),
                       (head, q, k, v, log_sums, gradient, scratch, dq, dk, dv, d_relative),
                       backward_head)
REAUGKD_FOR_EACH_WIDTH(forward_bf16, void, forward,
                       (const PackedHead& head, const std::uint16_t* q, const std::uint16_t* k,
                        const std::uint16_t* v, float* scratch, std::uint16_t* context,
                        float* log_sums),
                       (head, q, k, v, scratch, context, log_sums), forward_head)
REAUGKD_FOR_EACH_WIDTH(backward_bf16, void, backward,
                       (const PackedHead& head, const std::uint16_t* q, const std::uint16_t* k,
                        const std::uint16_t* v, const float* log_sums,
                        const std::uint16_t* gradient, float* scratch, std::uint16_t* dq,
                        std::uint16_t* dk, std::uint16_t* dv, float* d_relative),
                       (head, q, k, v, log_sums, gradient, scratch, dq, dk, dv, d_relative),
                       backward_head)

}  // namespace

std::int64_t packed_attention_scratch(std::int64_t tokens, std::int64_t width) {
  const std::int64_t keys = whole_lanes(tokens);
  const std::int64_t lanes = whole_lanes(width);
  return 2 * width * keys + 3 * tokens * lanes + 3 * kQueries * (lanes + keys) + 11 * kLanes;
}

void packed_attention_forward(const PackedHead& head, const float* q, const float* k,
                              const float* v, float* scratch, float* context, float* log_sums) {
  forward(head, q, k, v, scratch, context, log_sums);
}

void packed_attention_forward(const PackedHead& head, const std::uint16_t* q,
                              const std::uint16_t* k, const std::uint16_t* v, float* scratch,
                              std::uint16_t* context, float* log_sums) {
  forward(head, q, k, v, scratch, context, log_sums);
}

void packed_attention_backward(const PackedHead& head, const float* q, const float* k,
                               const float* v, const float* log_sums, const float* gradient,
                               float* scratch, float* dq, float* dk, float* dv, float* d_relative) {
  backward(head, q, k, v, log_sums, gradient, scratch, dq, dk, dv, d_relative);
}

void packed_attention_backward(const PackedHead& head, const std::uint16_t* q,
                               const std::uint16_t* k, const std::uint16_t* v,
                               const float* log_sums, const std::uint16_t* gradient, float* scratch,
                               std::uint16_t* dq, std::uint16_t* dk, std::uint16_t* dv,
                               float* d_relative) {
  backward(head, q, k, v, log_sums, gradient, scratch, dq, dk, dv, d_relative);
}

}  // namespace reaugkd::kernels
