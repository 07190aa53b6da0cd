// The loops that positions need (biases by distance and windows in attention's weights, DeBERTa's
// tables, rotary angles, gates) against plain LibTorch in fp64, values and gradients, and in bf16.
#include <torch/torch.h>

#include "catch.h"
#include "models/attention_weights.h"
#include "models/gelu.h"
#include "models/golden.h"
#include "models/relative_buckets.h"
#include "models/relative_scores.h"
#include "models/rotary.h"

namespace reaugkd::models {
namespace {

using tests::largest_difference;
using TensorList = std::vector<torch::Tensor>;

TensorList converted(const TensorList& inputs, torch::ScalarType type) {
  TensorList all;
  for (const auto& x : inputs) all.push_back(x.to(type, false, /*copy=*/true).requires_grad_());
  return all;
}

/// `work` in fp32, by the kernels, gives the values and gradients of fp64, by LibTorch; in bf16 the
/// values to bf16's rounding of what is added up.
template <typename Work>
void check_kernel(const TensorList& inputs, const Work& work) {
  const auto exact = converted(inputs, torch::kFloat64);
  const auto ours = converted(inputs, torch::kFloat32);
  const auto expected = work(exact);
  const auto found = work(ours);
  REQUIRE(expected.scalar_type() == torch::kFloat64);
  REQUIRE(found.scalar_type() == torch::kFloat32);
  CHECK(largest_difference(expected, found) < 1e-5);
  const auto upstream = torch::randn_like(expected);
  (expected * upstream).sum().backward();
  (found * upstream.to(torch::kFloat32)).sum().backward();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    INFO("input " << i);
    CHECK(largest_difference(exact[i].grad(), ours[i].grad()) < 2e-5);
  }
  const torch::NoGradGuard no_grad;
  const auto rounded = work(converted(inputs, torch::kBFloat16));
  REQUIRE(rounded.scalar_type() == torch::kBFloat16);
  CHECK(largest_difference(expected, rounded.to(torch::kFloat64)) < 0.1);
}

TEST_CASE("biases by distance and windows are what LibTorch adds and masks", "[positions]") {
  torch::manual_seed(1);
  for (const std::int64_t tokens : {1, 5, 19, 40}) {
    for (const std::int64_t window : {std::int64_t{3}, AttentionBias::kNoWindow}) {
      INFO("tokens " << tokens << ", window " << window);
      auto padding = torch::zeros({2, 1, 1, tokens});
      if (tokens > 3) padding.slice(0, 1).slice(3, tokens - 3).fill_(-1e9);
      check_kernel({torch::randn({2, 3, tokens, tokens})}, [&](const TensorList& in) {
        const auto of =
            in[0].scalar_type() == torch::kFloat64 ? padding.to(torch::kFloat64) : padding;
        return attention_weights(in[0], {of, {}, window}, 0.5, 0, false);
      });
    }
  }
}

TEST_CASE("a learned bias by distance has the sum of all texts' gradients", "[positions]") {
  torch::manual_seed(2);
  const std::int64_t tokens = 13;
  const auto scores = torch::randn({4, 2, tokens, tokens});
  const auto padding = torch::zeros({4, 1, 1, tokens});
  const auto start = torch::randn({1, 2, tokens, tokens});
  const auto upstream = torch::randn_like(scores);
  auto ours = start.clone().requires_grad_();
  auto theirs = start.clone().requires_grad_();
  const auto found = attention_weights(scores, {padding, ours}, 0.25, 0, false);
  const auto expected = torch::softmax(scores * 0.25 + theirs, -1);
  CHECK(largest_difference(found, expected) < 1e-6);
  (found * upstream).sum().backward();
  (expected * upstream).sum().backward();
  CHECK(largest_difference(ours.grad(), theirs.grad()) < 1e-5);
  CHECK(theirs.grad().abs().max().item<double>() > 0.1);
}

TEST_CASE("what lies beyond the window has weight 0 and no gradient", "[positions]") {
  const auto padding = torch::zeros({1, 1, 1, 9});
  const auto weights =
      attention_weights(torch::randn({1, 1, 9, 9}), {padding, {}, 2}, 1, 0, false)[0][0];
  for (std::int64_t i = 0; i < 9; ++i) {
    for (std::int64_t j = 0; j < 9; ++j) {
      CHECK((weights[i][j].item<float>() > 0) == (std::abs(i - j) <= 2));
    }
  }
}

TEST_CASE("scores by content and position are gathered, and their gradients scattered",
          "[positions]") {
  torch::manual_seed(3);
  for (const std::int64_t tokens : {1, 2, 7, 30}) {
    for (const std::int64_t buckets : {-1, 8}) {  // each distance its own row, or shared ones
      INFO("tokens " << tokens << ", buckets " << buckets);
      const auto places = deberta_places({buckets > 0 ? buckets : 64, buckets, 64}, tokens);
      const auto positions = static_cast<std::int64_t>(places.rows.size());
      const auto scores = torch::randn({5, tokens, tokens});
      const auto table = torch::randn({2, 5, tokens, positions});
      const auto by = [&](bool queries, bool keys) {
        return [&places, queries, keys](const TensorList& in) {
          return relative_scores(in[0], queries ? in[1] : torch::Tensor(),
                                 keys ? in.back() : torch::Tensor(), places.places);
        };
      };
      check_kernel({scores, table[0], table[1]}, by(true, true));
      check_kernel({scores, table[0]}, by(true, false));
      check_kernel({scores, table[1]}, by(false, true));
    }
  }
}

TEST_CASE("DeBERTa's rows are the published ones", "[positions]") {
  // Of 8 buckets up to distance 64: exact to 4, then ceil(log(d / 4) / log(63 / 4) * 3) + 4; row =
  // 8 + the bucket of query - key, at most 15.
  const auto places = deberta_places({8, 8, 64}, 20);
  const auto row = [&](std::int64_t query, std::int64_t key) {
    return places
        .rows[static_cast<std::size_t>(places.places[static_cast<std::size_t>(key - query + 19)])];
  };
  CHECK(row(0, 0) == 8);
  CHECK(row(3, 0) == 11);
  CHECK(row(0, 4) == 4);
  CHECK(row(5, 0) == 8 + 5);   // log(5 / 4) / log(63 / 4) * 3 = 0.24
  CHECK(row(12, 0) == 8 + 6);  // 1.20
  CHECK(row(0, 19) == 8 - 6);  // 1.70
  CHECK(places.rows.size() == 13);
  const auto far = deberta_places({4, -1, 4}, 10);
  CHECK(far.rows.front() == 7);  // 4 + 9, clamped
  CHECK(far.rows.back() == 0);
}

TEST_CASE("MPNet's buckets are the published ones", "[positions]") {
  const auto buckets = mpnet_buckets(140);
  const auto bucket = [&](std::int64_t query, std::int64_t key) {
    return buckets[query][key].item<std::int64_t>();
  };
  CHECK(bucket(7, 7) == 0);
  CHECK(bucket(7, 0) == 7);
  CHECK(bucket(0, 7) == 16 + 7);
  CHECK(bucket(8, 0) == 8);
  CHECK(bucket(11, 0) == 8);
  CHECK(bucket(12, 0) == 9);
  CHECK(bucket(31, 0) == 11);
  CHECK(bucket(0, 32) == 16 + 12);
  CHECK(bucket(139, 0) == 15);
}

TEST_CASE("rotary turns by the distance alone", "[positions]") {
  torch::manual_seed(4);
  RotaryTable table(100, 6);
  const auto angles = table.angles(11, torch::kCPU);
  const RotaryAngles exact{angles.cosines.to(torch::kFloat64), angles.sines.to(torch::kFloat64)};
  const auto x = torch::randn({2, 11, 12});
  check_kernel({x}, [&](const TensorList& in) {
    return rotary(in[0], 2, in[0].scalar_type() == torch::kFloat64 ? exact : angles);
  });
  // From a slice of a wider matrix, as Wqkv gives it.
  const auto wide = torch::randn({2, 11, 36});
  CHECK(torch::equal(rotary(wide.slice(2, 12, 24), 2, angles),
                     rotary(wide.slice(2, 12, 24).contiguous(), 2, angles)));
  // The product of two turned vectors depends on how far apart they stand.
  const auto one = torch::randn({1, 1, 12}).expand({1, 11, 12});
  const auto turned = rotary(one, 2, angles);
  const auto products = torch::matmul(turned, turned.transpose(-1, -2))[0][0];
  CHECK(std::abs(products[3][1].item<double>() - products[10][8].item<double>()) < 1e-4);
  CHECK(std::abs(products[3][1].item<double>() - products[3][0].item<double>()) > 1e-3);
  // A longer text than before: the table grows, and its rows stay what they were.
  CHECK(torch::equal(table.angles(700, torch::kCPU).cosines.slice(0, 0, 11), angles.cosines));
}

TEST_CASE("gates multiply GELU's values", "[positions]") {
  torch::manual_seed(5);
  for (const std::int64_t n : {1, 7, 64}) {
    check_kernel({3 * torch::randn({4, 3, 2 * n})},
                 [](const TensorList& in) { return geglu(in[0]) / 8; });
  }
}

}  // namespace
}  // namespace reaugkd::models
