#include "retrieval/calibrated_loss.h"

#include <algorithm>
#include <cmath>

#include "catch.h"
#include "retrieval/embeddings.h"
#include "retrieval/selection.h"

namespace reaugkd::retrieval {
namespace {

constexpr std::int64_t kRows = 200;

/// Of three classes, more often right than not.
torch::Tensor logits_of(const torch::Tensor& labels) {
  return tests::normal(kRows, 3, 1) + torch::one_hot(labels.to(torch::kInt64), 3);
}

torch::Tensor some_labels() {
  return torch::arange(kRows).remainder(3).to(torch::kFloat32);
}

}  // namespace

TEST_CASE("the calibrated loss is the smallest of all temperatures", "[calibrated_loss]") {
  const auto labels = some_labels();
  const auto logits = logits_of(labels).to(torch::kFloat64);
  double smallest = 1e9;
  for (double t = 0.1; t < 20; t *= 1.002) {
    smallest = std::min(smallest, prediction_loss(torch::softmax(logits / t, 1), labels,
                                                  base::TaskKind::kClassification));
  }
  const double found = calibrated_loss(torch::softmax(logits, 1), labels);
  CHECK(found <= smallest + 1e-9);
  CHECK(found > smallest - 1e-5);
}

TEST_CASE("the calibrated loss does not see how sure predictions are", "[calibrated_loss]") {
  const auto labels = some_labels();
  const auto logits = logits_of(labels).to(torch::kFloat64);
  const double usual = calibrated_loss(torch::softmax(logits, 1), labels);
  for (const double t : {0.2, 0.5, 3.0, 15.0}) {
    CHECK(calibrated_loss(torch::softmax(logits / t, 1), labels) == Approx(usual));
  }
}

TEST_CASE("a student that is too sure gains likelihood by a mixture with nothing",
          "[calibrated_loss]") {
  const auto labels = some_labels();
  const auto student = torch::softmax(5 * logits_of(labels), 1);
  const Neighbors neighbors{torch::zeros({kRows, 1}, torch::kInt64), torch::ones({kRows, 1})};
  const std::vector<SoftLabels> nothing = {{{}, torch::full({1, 3}, 1.0F / 3)}};
  const RetrievalGrid grid{.k = {1}, .tau = {0.1}};
  const auto by = [&](const Criterion& criterion) {
    return select_setting(grid, neighbors, nothing, student, labels,
                          base::TaskKind::kClassification, criterion)
        .beta;
  };
  CHECK(by({}) < 1);
  CHECK(by([&](const torch::Tensor& p) { return -calibrated_loss(p, labels); }) == 1);
}

TEST_CASE("predictions that know nothing, or all, have a calibrated loss", "[calibrated_loss]") {
  const auto labels = some_labels();
  const auto all = torch::one_hot(labels.to(torch::kInt64), 3).to(torch::kFloat32);
  CHECK(calibrated_loss(torch::full({kRows, 3}, 1.0 / 3), labels) == Approx(std::log(3.0)));
  CHECK(calibrated_loss(all, labels) < 1e-9);
  CHECK(calibrated_loss(all.roll(1, 1), labels) < std::log(3.0) + 0.2);  // T is at most 100
}

}  // namespace reaugkd::retrieval
