#include "models/activation.h"

#include "base/error.h"
#include "models/gelu.h"
#include "models/kernel_values.h"

namespace reaugkd::models {

torch::Tensor activate(const torch::Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::kGelu:
      return models::gelu(x);
    case Activation::kGeluNew:
      return at::gelu(x, "tanh");
    case Activation::kRelu:
      return at::relu(x);
    case Activation::kTanh:
      return torch::tanh(x);
  }
  throw base::InternalError("unknown activation");
}

torch::Tensor activated(Dense& dense, const torch::Tensor& x, Activation activation) {
  if (activation != Activation::kGelu || !has_kernels(x)) return activate(dense(x), activation);
  return models::biased_gelu(dense->product(x), dense->bias);
}

}  // namespace reaugkd::models
