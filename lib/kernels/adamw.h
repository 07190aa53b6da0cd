// AdamW's update of one parameter as a single pass over memory. LibTorch's own makes about ten.
#pragma once

#include <cstdint>

namespace reaugkd::kernels {

/// Constants of one update, t counted from 1.
struct AdamWUpdate {
  float gradient_scale;   // from clipping
  float decay;            // 1 - rate * weight decay
  float step_size;        // rate / (1 - beta1^t)
  float root_correction;  // 1 / sqrt(1 - beta2^t)
  float beta1, one_minus_beta1;
  float beta2, one_minus_beta2;
  float epsilon;
};

/// Algorithm 2 of Loshchilov and Hutter (2019) on n values; all arrays have n entries.
void adamw_update(const AdamWUpdate& step, std::int64_t n, float* parameter, const float* gradient,
                  float* exp_avg, float* exp_avg_sq);

/// The same where the gradient and both averages are 0: values *= decay.
void adamw_decay(const AdamWUpdate& step, std::int64_t n, float* parameter);

/// Sum of squares, added up in double in a fixed order.
double sum_of_squares(std::int64_t n, const float* values);

}  // namespace reaugkd::kernels
