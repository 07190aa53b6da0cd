// sweep.tsv by hand: two rows, two neighbors.
#include "evaluation/sweep.h"

#include <cmath>
#include <sstream>

#include "catch.h"

namespace reaugkd::evaluation {
namespace {

TEST_CASE("a line of sweep.tsv has the losses and scores of its setting", "[stages]") {
  const auto sharp = torch::tensor({{0.75F, 0.25F}, {0.25F, 0.75F}});
  const auto soft = torch::tensor({{0.625F, 0.375F}, {0.375F, 0.625F}});
  // The nearest says 0.75 for class 0 to the first row, for class 1 to the second.
  const retrieval::Neighbors neighbors{torch::tensor({{0, 1}, {1, 0}}, torch::kInt64),
                                       torch::tensor({{0.5F, 0.25F}, {0.5F, 0.25F}})};
  const auto student = torch::tensor({{0.25F, 0.75F}, {0.25F, 0.75F}});
  const LabelledQueries validation{{student, {}, neighbors}, {0, 1}};
  const LabelledQueries scored{{student, {}, neighbors}, {1, 1}};
  data::Task task;
  task.labels = {"sad", "glad"};
  task.metrics = {"accuracy"};
  std::istringstream lines(
      sweep_table({{1}, {0, 1}, {0.1}}, task, {{{1}, sharp}, {{2}, soft}}, validation, scored));
  std::string header;
  std::getline(lines, header);
  CHECK(header == "k\ttau\tbeta\tkb_temperature\tvalidation_loss\tloss\taccuracy");
  const double sure = -std::log(0.75);
  const double unsure = -std::log(0.25);
  const double softer = -std::log(0.625);
  const double softly_wrong = -std::log(0.375);
  // beta 0: the neighbor; beta 1: the student
  const double expected[4][5] = {{0, 1, sure, (unsure + sure) / 2, 0.5},
                                 {1, 1, (unsure + sure) / 2, sure, 1},
                                 {0, 2, softer, (softly_wrong + softer) / 2, 0.5},
                                 {1, 2, (unsure + sure) / 2, sure, 1}};
  for (const auto& [beta, temperature, validation_loss, loss, accuracy] : expected) {
    double k = 0, tau = 0, found[5] = {};
    lines >> k >> tau;
    for (double& value : found) lines >> value;
    CHECK(k == 1);
    CHECK(tau == 0.1);
    CHECK(found[0] == beta);
    CHECK(found[1] == temperature);
    CHECK(found[2] == Approx(validation_loss).epsilon(1e-6));
    CHECK(found[3] == Approx(loss).epsilon(1e-6));
    CHECK(found[4] == accuracy);
  }
}

}  // namespace
}  // namespace reaugkd::evaluation
