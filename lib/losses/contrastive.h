// Equation 1: the supervised contrastive loss (Khosla et al., NeurIPS 2020) that trains the
// teacher's projection L and nothing else. Used by project.
#pragma once

#include <torch/torch.h>

namespace reaugkd::losses {

/// mean over i with P(i) not empty of
///   -1/|P(i)| sum_{p in P(i)} log( exp(z_i.z_p/tau) / sum_{a != i} exp(z_i.z_a/tau) ),
/// P(i) = the other rows with i's label. z (B, D) unit rows, B >= 2; labels (B) of any dtype with
/// exact equality. Returns a scalar; 0 where no row has a partner. No tau^2 or tau/tau_base factor.
torch::Tensor supervised_contrastive(const torch::Tensor& z, const torch::Tensor& labels,
                                     double tau);

}  // namespace reaugkd::losses
