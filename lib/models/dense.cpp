#include "models/dense.h"

#include "base/error.h"
#include "models/kernel_values.h"
#include "tensor/device.h"

namespace reaugkd::models {
namespace {

constexpr std::int64_t kManyRows = 256;  // from there on a copy gains nothing

std::int64_t rows_of(const torch::Tensor& x) {
  return x.numel() / x.size(-1);
}

}  // namespace

std::shared_ptr<const kernels::PackedWeights> WeightProduct::packed(const torch::Tensor& weight,
                                                                    kernels::Format format) {
  const auto version = static_cast<std::uint32_t>(weight._version());
  const std::lock_guard lock(mutex_);
  if (!made_of_.defined() || made_of_.data_ptr() != weight.data_ptr() || version_ != version) {
    kept_ = std::make_shared<kernels::PackedWeights>(format, weight.size(0), weight.size(1),
                                                     values<float>(weight));
    made_of_ = weight.detach();
    version_ = version;
  }
  return kept_;
}

torch::Tensor WeightProduct::operator()(const torch::Tensor& x, const torch::Tensor& weight,
                                        const torch::Tensor& bias,
                                        std::optional<kernels::Format> format) {
  const bool int8 = format == kernels::Format::kInt8;
  const bool many = !int8 && rows_of(x) >= kManyRows;
  const bool own = format && x.is_cpu() && !torch::GradMode::is_enabled() &&
                   !tensor::autocast_enabled(torch::kCPU) &&
                   (!many || kernels::favors_product_of_rows());
  REAUGKD_CHECK(own || !int8, "8-bit products are on a CPU, without gradients and autocast");
  if (!own) return torch::linear(x, weight, bias);
  REAUGKD_CHECK(x.size(-1) == weight.size(1) && x.scalar_type() == torch::kFloat32 &&
                    weight.scalar_type() == torch::kFloat32 && weight.is_contiguous(),
                "a layer's weights or states are not as oneDNN's products want them");
  const auto from = x.contiguous();
  auto sizes = x.sizes().vec();
  sizes.back() = weight.size(0);
  auto y = torch::empty(sizes, x.options());
  if (many) {
    kernels::product_of_rows(rows_of(from), weight.size(0), weight.size(1), values<float>(from),
                             values<float>(weight), values<float>(y));
  } else {
    packed(weight, *format)->product(rows_of(from), values<float>(from), values<float>(y));
  }
  return bias.defined() ? y.add_(bias) : y;
}

torch::Tensor DenseImpl::product(const torch::Tensor& x, const torch::Tensor& added) {
  const bool int8 = format_ == kernels::Format::kInt8;  // never under autocast: the product says so
  if (int8 || !RoundedProduct::is_for(x, weight)) return product_(x, weight, added, format_);
  std::vector<torch::Tensor> biases;
  if (added.defined()) biases.push_back(added);
  return rounded_(x, {weight}, biases);
}

torch::Tensor DenseImpl::product(const torch::Tensor& x) {
  return product(x, {});
}

torch::Tensor DenseImpl::forward(const torch::Tensor& x) {
  return product(x, bias);
}

}  // namespace reaugkd::models
