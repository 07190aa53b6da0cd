// Probabilities that came with the data, of a class each: whether they are any, and their logits.
#pragma once

#include <span>
#include <string>

namespace reaugkd::data {

/// The logit of a probability of 0. It is finite, so that no product with it is NaN, and
/// exp(l / T) is 0 in fp32 up to T = 90.
inline constexpr float kLogitOfZero = -1e4F;

/// Why `p` is no distribution: not finite, negative, a sum that is not 1 to 1e-3. Empty where it is
/// one.
std::string why_no_distribution(std::span<const float> p);

/// log(p / sum p) in place of a distribution: softmax(l / T) is p^(1/T), made to sum to 1.
void take_logits(std::span<float> p);

}  // namespace reaugkd::data
