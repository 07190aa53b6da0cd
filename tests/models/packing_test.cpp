// A batch without its padding against LibTorch's operators on the batch with it.
#include "models/packing.h"

#include <cmath>
#include <set>

#include "catch.h"
#include "models/dropout.h"
#include "models/golden.h"
#include "models/model_directory.h"
#include "tensor/device.h"

namespace reaugkd::models {
namespace {

constexpr std::int64_t kTextHeads = 3;

torch::Tensor mask_of(const std::vector<std::int64_t>& lengths, std::int64_t longest) {
  auto mask = torch::zeros({static_cast<std::int64_t>(lengths.size()), longest}, torch::kInt64);
  for (std::size_t text = 0; text < lengths.size(); ++text) {
    mask[static_cast<std::int64_t>(text)].slice(0, 0, lengths[text]).fill_(1);
  }
  return mask;
}

/// The definition, text by text and in fp64: the dropout mask is read off `weights_kept`, one
/// (heads, T, T) for each text, where it is given.
torch::Tensor by_definition(const torch::Tensor& projections, const Packing& packing,
                            const torch::Tensor& relative,
                            const std::vector<torch::Tensor>& weights_kept) {
  const auto parts = projections.to(torch::kFloat64).chunk(3, 1);
  std::vector<torch::Tensor> contexts;
  for (std::size_t text = 0; text + 1 < packing.begins.size(); ++text) {
    const std::int64_t begin = packing.begins[text];
    const std::int64_t tokens = packing.begins[text + 1] - begin;
    const auto heads_of = [&](const torch::Tensor& x) {
      return x.slice(0, begin, begin + tokens).view({tokens, kTextHeads, -1}).transpose(0, 1);
    };
    const auto q = heads_of(parts[0]), k = heads_of(parts[1]), v = heads_of(parts[2]);
    auto scores = torch::matmul(q, k.transpose(1, 2)) / std::sqrt(static_cast<double>(q.size(2)));
    if (relative.defined()) {
      scores = scores + relative[0].slice(1, 0, tokens).slice(2, 0, tokens);
    }
    auto weights = torch::softmax(scores, -1);
    if (!weights_kept.empty()) weights = weights * weights_kept[text];
    contexts.push_back(torch::matmul(weights, v).transpose(0, 1).reshape({tokens, -1}));
  }
  return torch::cat(contexts);
}

/// What dropout multiplies the weights by, read off an attention whose V is the identity: 0 or 1 /
/// (1
/// - p) times a weight. Needs d >= T.
std::vector<torch::Tensor> kept_weights(const Packing& packing, std::int64_t width, double p) {
  auto projections = torch::zeros({packing.places.numel(), 3 * kTextHeads * width});
  for (std::size_t text = 0; text + 1 < packing.begins.size(); ++text) {
    for (std::int64_t row = packing.begins[text]; row < packing.begins[text + 1]; ++row) {
      for (std::int64_t head = 0; head < kTextHeads; ++head) {
        projections[row][(2 * kTextHeads + head) * width + row - packing.begins[text]] = 1;
      }
    }
  }
  const auto context = packed_attention(projections, packing, kTextHeads, {}, p, true);
  std::vector<torch::Tensor> kept;
  for (std::size_t text = 0; text + 1 < packing.begins.size(); ++text) {
    const std::int64_t tokens = packing.begins[text + 1] - packing.begins[text];
    const auto rows = context.slice(0, packing.begins[text], packing.begins[text + 1]);
    kept.push_back(static_cast<double>(tokens) * rows.view({tokens, kTextHeads, width})
                                                     .slice(2, 0, tokens)
                                                     .transpose(0, 1)
                                                     .to(torch::kFloat64));
  }
  return kept;
}

TEST_CASE("attention of packed texts and its gradients are the definition's", "[packing]") {
  const auto with_relative = GENERATE(false, true);
  const double p = GENERATE(0.0, 0.2);
  const std::int64_t width = GENERATE(5, 32, 64);  // of a head; 5: less than a vector
  const std::int64_t longest = p > 0 ? std::min<std::int64_t>(width, 40) : 70;
  const bool few_shapes = with_relative;
  INFO("relative " << with_relative << " p " << p << " width " << width);
  torch::manual_seed(1);
  const Packing packing(mask_of({longest, 1, longest / 2, 3}, longest), few_shapes);
  auto projections =
      torch::randn({packing.places.numel(), 3 * kTextHeads * width}).requires_grad_();
  auto relative = with_relative ? torch::randn({1, kTextHeads, longest, longest}).requires_grad_()
                                : torch::Tensor();
  std::vector<torch::Tensor> kept;
  torch::manual_seed(2);
  if (p > 0) kept = kept_weights(packing, width, p);
  torch::manual_seed(2);
  const auto ours = packed_attention(projections, packing, kTextHeads, relative, p, true);
  auto expected = by_definition(projections, packing, relative, kept);
  CHECK(ours.size(0) == packing.places.numel());
  expected = torch::constant_pad_nd(expected, {0, 0, 0, ours.size(0) - expected.size(0)});
  CHECK(torch::allclose(ours.to(torch::kFloat64), expected, 1e-4, 1e-5));
  const auto upstream = torch::randn_like(ours);
  const auto wanted = with_relative ? std::vector<torch::Tensor>{projections, relative}
                                    : std::vector<torch::Tensor>{projections};
  const auto slopes = torch::autograd::grad({ours}, wanted, {upstream});
  const auto exact = torch::autograd::grad({expected}, wanted, {upstream.to(torch::kFloat64)});
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    CHECK(torch::allclose(slopes[i], exact[i], 1e-4, 2e-5));
  }
}

TEST_CASE("a packed text depends neither on others nor on threads", "[packing]") {
  torch::manual_seed(3);
  const Packing both(mask_of({20, 33}, 40), false);
  const Packing alone(mask_of({33}, 33), false);
  const auto projections = torch::randn({53, 3 * kTextHeads * 16});
  const auto of = [&](const torch::Tensor& x, const Packing& packing) {
    return packed_attention(x, packing, kTextHeads, {}, 0, false);
  };
  const auto together = of(projections, both);
  CHECK(torch::equal(together.slice(0, 20), of(projections.slice(0, 20), alone)));
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  CHECK(torch::equal(together, of(projections, both)));
  at::set_num_threads(before);
}

TEST_CASE("bf16 projections are multiplied in fp32 and the context rounded once", "[packing]") {
  torch::manual_seed(4);
  const Packing packing(mask_of({24, 9}, 24), false);
  const auto projections = torch::randn({33, 3 * kTextHeads * 32}).to(torch::kBFloat16);
  const auto context = packed_attention(projections, packing, kTextHeads, {}, 0, false);
  REQUIRE(context.scalar_type() == torch::kBFloat16);
  const auto expected = by_definition(projections, packing, {}, {});
  CHECK(torch::allclose(context.to(torch::kFloat64), expected, 1.0 / 256, 1e-6));
}

/// Logits, embeddings and gradients of a golden checkpoint; with a trace the batch keeps its
/// padding.
std::vector<torch::Tensor> outcome(const std::filesystem::path& directory, bool with_padding) {
  auto loaded = load_classifier(directory, load_config(directory), {});
  const auto input = tests::input_of(tensor::load_safetensors(directory / "expected.safetensors"));
  EncoderTrace trace;
  const auto output = loaded.model->forward(input, Pooling::kMean, with_padding ? &trace : nullptr);
  (output.logits.square().sum() + output.embedding.sin().sum()).backward();
  std::vector<torch::Tensor> all = {output.logits, output.embedding};
  for (const auto& parameter : loaded.model->parameters()) {
    const auto gradient = tests::gradient_of(parameter);
    all.push_back(gradient.defined() ? gradient : torch::zeros_like(parameter));
  }
  return all;
}

TEST_CASE("a model gives the same of a batch with and without its padding", "[packing][golden]") {
  const auto families = tests::kGolden / "families";
  for (const auto& directory :
       {tests::kGoldenBert, families / "roberta", families / "albert", families / "mpnet"}) {
    INFO(directory.string());
    const auto packed = outcome(directory, false);
    const auto padded = outcome(directory, true);
    REQUIRE(packed.size() == padded.size());
    for (std::size_t i = 0; i < packed.size(); ++i) {
      INFO("tensor " << i);
      CHECK(tests::largest_difference(packed[i], padded[i]) <
            1e-5 * std::max(1.0, padded[i].abs().max().item<double>()));
    }
  }
}

TEST_CASE("what is packed comes back, with 0 at the padding", "[packing]") {
  const bool few_shapes = GENERATE(false, true);
  const auto mask = mask_of({2, 4, 0}, 4);
  const Packing packing(mask, few_shapes);
  CHECK(packing.begins == std::vector<std::int64_t>{0, 2, 6, 6});
  auto x = torch::randn({3, 4, 5}).requires_grad_();
  const auto packed = packing.pack(x);
  CHECK(packed.sizes() == torch::IntArrayRef({few_shapes ? 8 : 6, 5}));
  const auto back = packing.unpack(packed);
  CHECK(torch::equal(back, x * mask.unsqueeze(-1)));
  back.sum().backward();
  CHECK(torch::equal(x.grad(), mask.unsqueeze(-1).expand_as(x).to(torch::kFloat32)));
  CHECK_THROWS(Packing(torch::tensor({{1, 0, 1}}, torch::kInt64), few_shapes));
}

TEST_CASE("numbers of rows come again", "[packing]") {
  std::set<std::int64_t> rows;
  for (std::int64_t tokens = 1; tokens <= 4096; ++tokens) {
    const auto n = Packing(torch::ones({1, tokens}, torch::kInt64), true).places.numel();
    CHECK(n >= tokens);
    CHECK((n - tokens < 8 || 8 * (n - tokens) <= tokens));
    rows.insert(n);
  }
  CHECK(rows.size() <= 16 + 5 * 8);
}

}  // namespace
}  // namespace reaugkd::models
