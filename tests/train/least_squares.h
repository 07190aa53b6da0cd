// A fit with a known answer.
#pragma once

#include <torch/torch.h>

#include <limits>

#include "train/batches.h"
#include "train/fit.h"

namespace reaugkd::tests {

/// Least squares y = x w on fixed data: one parameter vector.
class LeastSquares : public train::Objective {
 public:
  explicit LeastSquares(double rate) : rate_(rate) {
    torch::manual_seed(3);
    x_ = torch::randn({12, 3});
    y_ = torch::matmul(x_, torch::tensor({1.0F, -2.0F, 0.5F}));
    w_ = torch::zeros({3}).requires_grad_(true);
  }
  train::LossTerms loss(const std::vector<std::int64_t>& rows) override {
    const auto index = torch::tensor(rows, torch::kInt64);
    const auto error = torch::matmul(x_.index_select(0, index), w_) - y_.index_select(0, index);
    const auto total = error.square().mean();
    return {poison_ ? total * std::numeric_limits<double>::quiet_NaN() : total, {{"mse", total}}};
  }
  std::vector<train::ParameterGroup> parameter_groups() override { return {{{w_}, rate_, 0}}; }
  void set_training(bool) override {}

  torch::Tensor w_;
  bool poison_ = false;

 private:
  double rate_;
  torch::Tensor x_, y_;
};

inline train::Batches twelve_rows_by(std::int64_t size) {
  train::Batches batches;
  for (std::int64_t i = 0; i < 12; ++i) {
    if (i % size == 0) batches.emplace_back();
    batches.back().push_back(i);
  }
  return batches;
}

}  // namespace reaugkd::tests
