#include "kernels/attention_weights.h"

#include "kernels/number_formats.h"
#include "kernels/row_reductions.h"
#include "kernels/vector_clones.h"

namespace reaugkd::kernels {
namespace {

template <typename Value>
REAUGKD_INTO_CLONES void forward(const AttentionRows& shape, std::int64_t first, std::int64_t rows,
                                 const Value* __restrict scores, const AttentionBiases& biases,
                                 float* __restrict scratch, Value* __restrict weights,
                                 Value* __restrict dropped) {
  const AttentionRows s = shape;
  const std::int64_t n = s.tokens;
  const float* __restrict padding = biases.padding;
  const float* __restrict relative = biases.relative;
  for (std::int64_t row = 0; row < rows; ++row, scores += n, weights += n) {
    const std::int64_t query = (first + row) % n;
    const std::int64_t begin = query > s.window ? query - s.window : 0;
    const std::int64_t end = query + s.window < n ? query + s.window + 1 : n;
    for (std::int64_t i = begin; i < end; ++i) {
      scratch[i] = to_float(scores[i]) * s.scale + padding[i];
    }
    if (relative != nullptr) {
      for (std::int64_t i = begin; i < end; ++i) scratch[i] += relative[row * n + i];
    }
    const float largest = largest_of(scratch + begin, end - begin);
    for (std::int64_t i = begin; i < end; ++i) scratch[i] = exp_of(scratch[i] - largest);
    const float share = 1.0F / sum_of(scratch + begin, end - begin);
    for (std::int64_t i = 0; i < begin; ++i) scratch[i] = 0;
    for (std::int64_t i = end; i < n; ++i) scratch[i] = 0;
    for (std::int64_t i = 0; i < n; ++i) store(scratch[i] * share, weights[i]);
    if (dropped == nullptr) continue;
    const auto start = static_cast<std::uint32_t>((first + row) * n);
    for (std::int64_t i = 0; i < n; ++i) {
      const bool keep = keeps(s.mask, start + static_cast<std::uint32_t>(i));
      store(keep ? scratch[i] * share * s.mask.scale : 0.0F, dropped[i]);
    }
    dropped += n;
  }
}

/// dS = scale (W dW - W sum(W dW)), dW = gradient / (1 - p) where kept, else 0.
template <typename Value>
REAUGKD_INTO_CLONES void backward(const AttentionRows& shape, std::int64_t first, std::int64_t rows,
                                  const Value* __restrict weights, const Value* __restrict gradient,
                                  float* __restrict scratch, Value* __restrict to) {
  const AttentionRows s = shape;
  const std::int64_t n = s.tokens;
  for (std::int64_t row = 0; row < rows; ++row, weights += n, gradient += n, to += n) {
    const auto start = static_cast<std::uint32_t>((first + row) * n);
    for (std::int64_t i = 0; i < n; ++i) {
      const bool keep = keeps(s.mask, start + static_cast<std::uint32_t>(i));
      scratch[i] = keep ? to_float(gradient[i]) * s.mask.scale * to_float(weights[i]) : 0.0F;
    }
    const float sum = sum_of(scratch, n);
    for (std::int64_t i = 0; i < n; ++i) {
      store(s.scale * (scratch[i] - to_float(weights[i]) * sum), to[i]);
    }
  }
}

}  // namespace

REAUGKD_VECTOR_CLONES
void attention_weights_forward(const AttentionRows& shape, std::int64_t first, std::int64_t rows,
                               const float* scores, const AttentionBiases& biases, float* scratch,
                               float* weights, float* dropped) {
  forward(shape, first, rows, scores, biases, scratch, weights, dropped);
}

REAUGKD_VECTOR_CLONES
void attention_weights_forward(const AttentionRows& shape, std::int64_t first, std::int64_t rows,
                               const std::uint16_t* scores, const AttentionBiases& biases,
                               float* scratch, std::uint16_t* weights, std::uint16_t* dropped) {
  forward(shape, first, rows, scores, biases, scratch, weights, dropped);
}

REAUGKD_VECTOR_CLONES
void attention_weights_backward(const AttentionRows& shape, std::int64_t first, std::int64_t rows,
                                const float* weights, const float* gradient, float* scratch,
                                float* to) {
  backward(shape, first, rows, weights, gradient, scratch, to);
}

REAUGKD_VECTOR_CLONES
void attention_weights_backward(const AttentionRows& shape, std::int64_t first, std::int64_t rows,
                                const std::uint16_t* weights, const std::uint16_t* gradient,
                                float* scratch, std::uint16_t* to) {
  backward(shape, first, rows, weights, gradient, scratch, to);
}

}  // namespace reaugkd::kernels
