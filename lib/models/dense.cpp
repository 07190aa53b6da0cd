#include "models/dense.h"

#include "base/error.h"
#include "models/kernel_values.h"
#include "tensor/device.h"

namespace reaugkd::models {
namespace {

constexpr std::int64_t kFewRows = 256;  // OpenBLAS is as fast from there on

std::int64_t rows_of(const torch::Tensor& x) {
  return x.numel() / x.size(-1);
}

bool from_packed(const torch::Tensor& x, const torch::Tensor& weight, bool int8) {
  return !torch::GradMode::is_enabled() && (int8 || rows_of(x) < kFewRows) && x.is_cpu() &&
         x.scalar_type() == torch::kFloat32 && weight.scalar_type() == torch::kFloat32 &&
         weight.is_contiguous() && !tensor::autocast_enabled(torch::kCPU);
}

}  // namespace

std::shared_ptr<const kernels::PackedWeights> WeightProduct::packed(const torch::Tensor& weight,
                                                                    bool int8) {
  using Format = kernels::PackedWeights::Format;
  const auto version = static_cast<std::uint32_t>(weight._version());
  const std::lock_guard lock(mutex_);
  if (!made_of_.defined() || made_of_.data_ptr() != weight.data_ptr() || version_ != version ||
      int8_ != int8) {
    kept_ = std::make_shared<kernels::PackedWeights>(int8 ? Format::kInt8 : Format::kFp32,
                                                     weight.size(0), weight.size(1),
                                                     values<float>(weight));
    made_of_ = weight.detach();
    version_ = version;
    int8_ = int8;
  }
  return kept_;
}

torch::Tensor WeightProduct::operator()(const torch::Tensor& x, const torch::Tensor& weight,
                                        const torch::Tensor& bias, bool int8) {
  const bool packs = from_packed(x, weight, int8);
  REAUGKD_CHECK(packs || !int8, "8-bit products are of fp32 on a CPU, without gradients");
  if (!packs) return torch::linear(x, weight, bias);
  const auto from = x.contiguous();
  auto sizes = x.sizes().vec();
  sizes.back() = weight.size(0);
  auto y = torch::empty(sizes, x.options());
  packed(weight, int8)->product(rows_of(from), values<float>(from), values<float>(y));
  return bias.defined() ? y.add_(bias) : y;
}

torch::Tensor DenseImpl::product(const torch::Tensor& x) {
  return product_(x, weight, {}, int8_);
}

torch::Tensor DenseImpl::forward(const torch::Tensor& x) {
  return product_(x, weight, bias, int8_);
}

void round_to_int8(torch::nn::Module& model) {
  for (const auto& module : model.modules(/*include_self=*/false)) {
    if (auto* const dense = module->as<DenseImpl>()) dense->round_to_int8();
  }
}

}  // namespace reaugkd::models
