#include "losses/cosine.h"

#include "base/error.h"

namespace reaugkd::losses {

torch::Tensor cosine_distance(const torch::Tensor& z, const torch::Tensor& s) {
  REAUGKD_CHECK(z.dim() == 2 && z.sizes() == s.sizes(), "z and s are (B, D)");
  return 1 - (z.detach() * s).sum(1).mean();
}

}  // namespace reaugkd::losses
