// A batch in slices gives what it gives whole: outputs, traces and gradients; the same bytes again;
// and threads really share the work.
#include "models/thread_parallel.h"

#include <ATen/Parallel.h>

#include <set>
#include <thread>

#include "catch.h"
#include "models/golden.h"
#include "models/model_directory.h"
#include "tensor/device.h"

namespace reaugkd::models {
namespace {

using tests::kGoldenBert;
using tests::largest_difference;

/// LibTorch's threads, as they were before once it is gone.
class Threads {
 public:
  explicit Threads(int count) : before_(at::get_num_threads()) { at::set_num_threads(count); }
  ~Threads() { at::set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

Classifier bert() {
  return load_classifier(kGoldenBert, load_config(kGoldenBert), {}).model;
}

/// Five texts of 3 to 7 tokens.
EncoderInput batch() {
  torch::manual_seed(3);
  const auto lengths = torch::tensor({7, 3, 5, 4, 6}).unsqueeze(1);
  const auto mask = (torch::arange(7).unsqueeze(0) < lengths).to(torch::kInt64);
  return {torch::randint(5, 50, {5, 7}, torch::kInt64) * mask, torch::zeros({5, 7}, torch::kInt64),
          mask};
}

/// Everything a forward and its way back give, in one list.
std::vector<torch::Tensor> results(Classifier& model, const EncoderInput& input, int threads,
                                   bool traced,
                                   std::int64_t attention_from = EncoderTrace::kNoLayer) {
  const Threads these(threads);
  EncoderTrace trace{attention_from};
  model->zero_grad();
  const auto output = forward_on_threads(model, input, Pooling::kCls, traced ? &trace : nullptr);
  std::vector<torch::Tensor> all = {output.logits, output.embedding};
  auto loss = output.logits.square().sum() + output.embedding.sin().sum();
  if (traced) {
    all.insert(all.end(), trace.hidden_states.begin(), trace.hidden_states.end());
    all.insert(all.end(), trace.attention_scores.begin(), trace.attention_scores.end());
    loss = loss + trace.hidden_states[1].square().mean();
    if (trace.values.defined()) {
      all.push_back(trace.values);
      loss = loss + trace.attention_scores.back().square().mean() + trace.values.square().mean();
    }
  }
  loss.backward();
  for (const auto& parameter : model->parameters()) {
    const auto gradient = tests::gradient_of(parameter);
    all.push_back(gradient.defined() ? gradient.clone() : torch::zeros_like(parameter));
  }
  return all;
}

/// Of any value, as a share of its tensor's largest.
double largest_difference_of(const std::vector<torch::Tensor>& a,
                             const std::vector<torch::Tensor>& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    REQUIRE(a[i].sizes() == b[i].sizes());
    const auto scale = std::max(1.0, a[i].abs().max().item<double>());
    largest = std::max(largest, largest_difference(a[i], b[i]) / scale);
  }
  return largest;
}

TEST_CASE("a batch in slices gives what it gives whole", "[slices]") {
  auto model = bert();
  model->eval();
  const bool traced = GENERATE(false, true);
  const auto attention_from = GENERATE(std::int64_t{0}, 1, EncoderTrace::kNoLayer);
  const auto whole = results(model, batch(), 1, traced, attention_from);
  for (const int threads : {2, 3, 5, 8}) {
    CHECK(largest_difference_of(whole, results(model, batch(), threads, traced, attention_from)) <
          1e-5);
  }
  const torch::NoGradGuard no_grad;
  const Threads three(3);
  const auto output = forward_on_threads(model, batch(), Pooling::kCls);
  CHECK(largest_difference(whole[0], output.logits) < 1e-5);
  CHECK(!output.logits.requires_grad());
}

TEST_CASE("two batches on their way at once keep their gradients apart", "[slices]") {
  auto model = bert();
  model->eval();
  const auto gradients = [&](const std::vector<EncoderInput>& inputs) {
    model->zero_grad();
    torch::Tensor loss = torch::zeros({});
    for (const auto& input : inputs) {
      loss = loss + forward_on_threads(model, input, Pooling::kMean).embedding.sin().sum();
    }
    loss.backward();
    std::vector<torch::Tensor> all;
    for (const auto& parameter : model->parameters()) {
      const auto gradient = tests::gradient_of(parameter);
      all.push_back(gradient.defined() ? gradient.clone() : torch::zeros_like(parameter));
    }
    return all;
  };
  const Threads threads(GENERATE(1, 2, 3));
  auto other = batch();
  other.input_ids = other.input_ids.flip({0});
  other.attention_mask = other.attention_mask.flip({0});
  const auto first = gradients({batch()});
  auto sum = gradients({other});
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] = sum[i] + first[i];
  CHECK(largest_difference_of(sum, gradients({batch(), other})) < 1e-5);
}

TEST_CASE("a trace notes the attention of the layers that it asks for", "[slices]") {
  auto model = bert();
  model->eval();
  const Threads threads(GENERATE(1, 2));
  EncoderTrace all{0}, last{1}, none;
  for (auto* trace : {&all, &last, &none}) {
    forward_on_threads(model, batch(), Pooling::kCls, trace);
    CHECK(trace->hidden_states.size() == 3);  // the embeddings and two layers
  }
  REQUIRE(all.attention_scores.size() == 2);
  REQUIRE(last.attention_scores.size() == 1);
  CHECK(torch::equal(all.attention_scores[1], last.attention_scores[0]));
  CHECK(torch::equal(all.values, last.values));
  CHECK(none.attention_scores.empty());
  CHECK(!none.values.defined());
}

TEST_CASE("dropout in slices: the same bytes again, other ones from another seed", "[slices]") {
  auto model = bert();
  model->train();
  const auto input = batch();
  const auto run = [&](std::uint64_t seed) {
    torch::manual_seed(seed);
    return results(model, input, 3, false);
  };
  const auto first = run(1);
  CHECK(largest_difference_of(first, run(1)) == 0);
  CHECK(largest_difference_of(first, run(2)) > 1e-3);
  model->eval();
  CHECK(largest_difference_of(first, run(1)) > 1e-3);
}

TEST_CASE("a text's dropout does not depend on how its batch is cut", "[slices]") {
  const std::string family = GENERATE("bert", "deberta", "deberta-v2", "mpnet", "distilbert");
  const auto directory = family == "bert" ? kGoldenBert : tests::kGolden / "families" / family;
  auto model = load_classifier(directory, load_config(directory), {}).model;
  model->train();
  const bool traced = GENERATE(false, true);
  auto input = batch();
  input.input_ids.remainder_(20);  // words that every family has
  const auto run = [&](int threads, std::uint64_t seed = 5) {
    torch::manual_seed(seed);
    return results(model, input, threads, traced);
  };
  const auto whole = run(1);
  for (const int threads : {2, 3, 5}) {
    INFO(family << ", " << threads << " slices");
    CHECK(largest_difference_of(whole, run(threads)) < 1e-5);
  }
  CHECK(largest_difference_of(whole, run(1, 6)) > 1e-3);
}

TEST_CASE("what no loss looks at has no gradient, in slices as whole", "[slices]") {
  auto model = bert();
  model->eval();
  const bool frozen = GENERATE(false, true);
  for (auto& item : model->named_parameters()) {
    if (frozen && item.key().find("layer.1") != std::string::npos) {
      item.value().set_requires_grad(false);
    }
  }
  const auto gradients = [&](int threads) {
    const Threads these(threads);
    for (auto& parameter : model->parameters()) parameter.mutable_grad() = torch::Tensor();
    for (int micro_batch = 0; micro_batch < 2; ++micro_batch) {
      EncoderTrace trace;
      forward_on_threads(model, batch(), Pooling::kCls, &trace);
      trace.hidden_states[1].square().sum().backward();
    }
    std::vector<torch::Tensor> all;
    for (const auto& parameter : model->parameters()) all.push_back(tests::gradient_of(parameter));
    return all;
  };
  const auto whole = gradients(1);
  const auto sliced = gradients(3);
  REQUIRE(whole.size() == sliced.size());
  std::size_t without = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    REQUIRE(whole[i].defined() == sliced[i].defined());
    if (whole[i].defined()) {
      CHECK(largest_difference_of({whole[i]}, {sliced[i]}) < 1e-5);
    } else {
      ++without;
    }
  }
  CHECK(without > 16);  // the second layer, the pooler and the head
}

TEST_CASE("a batch in slices has one way back", "[slices]") {
  auto model = bert();
  const Threads two(2);
  const auto loss = forward_on_threads(model, batch(), Pooling::kCls).logits.sum();
  loss.backward({}, /*retain_graph=*/true);
  CHECK_THROWS_WITH(loss.backward(), ContainsSubstring("one way back"));
}

TEST_CASE("slices have masks of their own", "[slices]") {
  auto model = bert();
  model->train();
  const Threads four(4);
  const auto one = batch();
  const auto same = [&](const torch::Tensor& x) { return x.slice(0, 0, 1).repeat({4, 1}); };
  const auto logits =
      forward_on_threads(model,
                         {same(one.input_ids), same(one.token_type_ids), same(one.attention_mask)},
                         Pooling::kCls)
          .logits;
  for (int i = 1; i < 4; ++i) CHECK(largest_difference(logits[0], logits[i]) > 1e-5);
}

TEST_CASE("in bf16 too, and a weight that changed is seen", "[slices]") {
  auto model = bert();
  model->eval();
  const Threads two(2);
  const auto logits = [&] {
    const tensor::AutocastGuard autocast(torch::kCPU, tensor::Precision::kBf16);
    return forward_on_threads(model, batch(), Pooling::kCls).logits;
  };
  const auto before = logits();
  {
    const torch::NoGradGuard no_grad;
    for (auto& parameter : model->parameters()) parameter.mul_(1.5);
  }
  // Query, key and value as one, and three more products of each layer.
  CHECK(model->round_weights() == 4 * load_config(kGoldenBert).num_hidden_layers);
  const auto after = logits();
  CHECK(largest_difference(before, after) > 1e-2);
  const Threads one(1);
  CHECK(largest_difference_of({after}, {logits()}) < 5e-2);
}

TEST_CASE("an error of a slice is the caller's", "[slices]") {
  auto model = bert();
  const Threads two(2);
  auto wrong = batch();
  wrong.input_ids[4][0] = 1'000'000;
  CHECK_THROWS(forward_on_threads(model, wrong, Pooling::kCls));
  CHECK(forward_on_threads(model, batch(), Pooling::kCls).logits.size(0) == 5);
}

TEST_CASE("LibTorch's header runs our loops on its threads", "[slices]") {
  const Threads two(2);
  std::set<std::thread::id> threads;
  std::mutex mutex;
  at::parallel_for(0, 2, 1, [&](std::int64_t, std::int64_t) {
    const std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
  });
  CHECK(threads.size() == 2);
}

}  // namespace
}  // namespace reaugkd::models
