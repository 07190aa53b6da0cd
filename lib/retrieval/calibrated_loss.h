// The loss of predictions whose temperature is the best one: what they know, whatever they say of
// how sure they are. Used by eval to select a setting.
#pragma once

#include <torch/torch.h>

namespace reaugkd::retrieval {

/// The smallest mean of -log softmax(log p / T)[label] over all T (temperature scaling, Guo et al.,
/// ICML 2017). probabilities (B, C), of which those below 1e-12 count as 1e-12; labels (B) are
/// classes. fp64. T is between 0.01 and 100.
double calibrated_loss(const torch::Tensor& probabilities, const torch::Tensor& labels);

}  // namespace reaugkd::retrieval
