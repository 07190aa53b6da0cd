// Attention of one head over one text of a batch without padding (models/packed_attention.h).
#pragma once

#include <cstdint>

#include "kernels/dropout.h"

namespace reaugkd::kernels {

/// Where a text's rows of one head lie, and what is done with them. A row is one token's.
struct PackedHead {
  std::int64_t tokens;           // T
  std::int64_t width;            // d
  std::int64_t projection_step;  // from a row of q, k or v to the next
  std::int64_t context_step;     // from a row of the context to the next
  float scale;                   // 1 / sqrt(d)
  const float* relative;         // added to scaled scores, (T, T); null: nothing
  std::int64_t relative_step;    // from a row of it to the next
  DropoutMask mask;              // threshold 0, scale 1: nothing is dropped
  std::uint32_t first;  // the mask's position of the score (0, 0); (i, j) is i T + j further
};

/// Floats of scratch that either direction needs.
std::int64_t packed_attention_scratch(std::int64_t tokens, std::int64_t width);

/// context = dropout(softmax(scale q k^T + relative)) v, each (T, d). log_sums (T): of each row's
/// exponentials, for the way back. The sums are in fp32.
void packed_attention_forward(const PackedHead& head, const float* q, const float* k,
                              const float* v, float* scratch, float* context, float* log_sums);
/// The same on bf16 values, given as their bits.
void packed_attention_forward(const PackedHead& head, const std::uint16_t* q,
                              const std::uint16_t* k, const std::uint16_t* v, float* scratch,
                              std::uint16_t* context, float* log_sums);

/// From the gradient of the context those of q, k and v, with their steps; what `relative` gets is
/// added to d_relative (null: not wanted).
void packed_attention_backward(const PackedHead& head, const float* q, const float* k,
                               const float* v, const float* log_sums, const float* gradient,
                               float* scratch, float* dq, float* dk, float* dv, float* d_relative);
void packed_attention_backward(const PackedHead& head, const std::uint16_t* q,
                               const std::uint16_t* k, const std::uint16_t* v,
                               const float* log_sums, const std::uint16_t* gradient, float* scratch,
                               std::uint16_t* dq, std::uint16_t* dk, std::uint16_t* dv,
                               float* d_relative);

}  // namespace reaugkd::kernels
