#include "models/activation.h"

#include "base/error.h"
#include "models/gelu.h"

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

}  // namespace reaugkd::models
