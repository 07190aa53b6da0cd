// What a GPU computes beside the CPU: an encoder and its gradients, AdamW, the exact search.
// Skipped, aloud, where there is none; tests/gpu lends one to a LibTorch for CPUs.
#include <torch/torch.h>

#include "catch.h"
#include "losses/relation.h"
#include "models/golden.h"
#include "models/model_directory.h"
#include "retrieval/indexes.h"
#include "tensor/device.h"
#include "train/optimizer.h"

namespace reaugkd {
namespace {

bool no_gpu() {
  if (torch::cuda::is_available()) return false;
  WARN("skipped: no GPU");
  return true;
}

double difference(const torch::Tensor& a, const torch::Tensor& b) {
  return (a.detach().cpu() - b.detach().cpu()).abs().max().item<double>();
}

/// Rows (n, d) of length 1.
torch::Tensor unit_rows(std::int64_t n, std::int64_t d) {
  const auto x = torch::randn({n, d});
  return x / x.norm(2, 1, true);
}

models::Classifier bert() {
  return models::load_classifier(tests::kGoldenBert, models::load_config(tests::kGoldenBert), {})
      .model;
}

/// Three texts of 7, 3 and 5 tokens.
models::EncoderInput batch(const torch::Device& device) {
  const auto lengths = torch::tensor({7, 3, 5}).unsqueeze(1);
  const auto mask = (torch::arange(7).unsqueeze(0) < lengths).to(torch::kInt64);
  const auto ids = (torch::arange(21).view({3, 7}) + 5) * mask;
  return {ids.to(device), torch::zeros_like(ids).to(device), mask.to(device)};
}

TEST_CASE("a GPU trains the encoder as the CPU does", "[.][cuda]") {
  if (no_gpu()) return;
  const torch::Device gpu = tensor::parse_device("cuda");
  auto here = bert();
  auto there = bert();
  there->to(gpu);
  here->eval();  // no dropout
  there->eval();
  train::AdamW optimizer_here(train::decay_groups(*here, 1e-3, 0.01));
  train::AdamW optimizer_there(train::decay_groups(*there, 1e-3, 0.01));
  for (int step = 0; step < 3; ++step) {
    const auto forward = [](models::Classifier& model, const torch::Device& device) {
      return model->forward(batch(device), models::Pooling::kCls);
    };
    {
      const torch::NoGradGuard no_grad;  // joined weights that are kept must not be old ones
      CHECK(difference(forward(here, torch::kCPU).logits, forward(there, gpu).logits) < 1e-4);
    }
    const auto take_step = [&](models::Classifier& model, const torch::Device& device,
                               train::AdamW& optimizer) {
      forward(model, device).logits.square().sum().backward();
      const auto norm = optimizer.gradient_norm();
      optimizer.step(1, train::clip_factor(norm, 1));
      return norm;
    };
    const auto norm = take_step(here, torch::kCPU, optimizer_here);
    CHECK(difference(norm, take_step(there, gpu, optimizer_there)) < 1e-3 * norm.item<double>());
  }
  const tensor::AutocastGuard bf16(gpu, tensor::Precision::kBf16);
  const auto halves = there->forward(batch(gpu), models::Pooling::kCls);
  CHECK(halves.logits.isfinite().all().item<bool>());
}

TEST_CASE("a GPU computes each family's outputs", "[.][cuda]") {
  if (no_gpu()) return;
  const torch::NoGradGuard no_grad;
  const torch::Device gpu = tensor::parse_device("cuda");
  for (const std::string family : {"distilbert", "roberta", "electra", "albert"}) {
    INFO(family);
    const auto directory = tests::kGolden / "families" / family;
    const auto expected = tensor::load_safetensors(directory / "expected.safetensors");
    auto model = models::load_classifier(directory, models::load_config(directory), {}).model;
    model->to(gpu);
    model->eval();
    const auto input = tests::input_of(expected);
    const auto states = model->encode(input.to(gpu));
    const auto mask = input.attention_mask.unsqueeze(-1);
    CHECK(difference(states.last_hidden_state.cpu() * mask, expected.at("last_hidden_state")) <
          1e-4);
    CHECK(difference(states.pooler_output, expected.at("head_state")) < 1e-4);
  }
}

TEST_CASE("a GPU finds the neighbors that the CPU finds", "[.][cuda]") {
  if (no_gpu()) return;
  torch::manual_seed(5);
  const auto rows = unit_rows(3000, 32);
  const auto queries = unit_rows(70, 32);
  const auto here = retrieval::make_exact_index(rows)->search(queries, 10);
  const auto there = retrieval::make_exact_index(rows.cuda())->search(queries.cuda(), 10);
  CHECK(there.indices.is_cpu());
  CHECK(retrieval::recall(there, here) > 0.999);
  CHECK(difference(here.similarities, there.similarities) < 1e-5);
  const auto parts = retrieval::make_exact_index_in_parts(rows, torch::kCUDA, 700);
  CHECK(retrieval::recall(parts->search(queries, 10), here) > 0.999);
}

TEST_CASE("a GPU's relational loss is the CPU's", "[.][cuda]") {
  if (no_gpu()) return;
  torch::manual_seed(6);
  const auto z = unit_rows(8, 16);
  const auto s = unit_rows(8, 16);
  const auto anchors = unit_rows(20, 16);
  const auto own = torch::zeros({8, 20}, torch::kBool);
  const losses::RelationOptions options;
  CHECK(difference(losses::relational_divergence(z, s, options),
                   losses::relational_divergence(z.cuda(), s.cuda(), options)) < 1e-5);
  CHECK(difference(losses::anchored_divergence(z, s, anchors, own, options),
                   losses::anchored_divergence(z.cuda(), s.cuda(), anchors.cuda(), own.cuda(),
                                               options)) < 1e-5);
}

}  // namespace
}  // namespace reaugkd
