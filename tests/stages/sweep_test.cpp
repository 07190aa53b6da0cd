// sweep.tsv by hand: two rows, two neighbors.
#include "stages/sweep.h"

#include <cmath>
#include <sstream>

#include "catch.h"

namespace reaugkd::stages {
namespace {

TEST_CASE("a line of sweep.tsv has the losses and scores of its setting", "[stages]") {
  const auto soft_labels = torch::tensor({{0.75F, 0.25F}, {0.25F, 0.75F}});
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
      sweep_table({{1}, {0, 1}, {0.1}}, task, soft_labels, validation, scored));
  std::string header;
  std::getline(lines, header);
  CHECK(header == "k\ttau\tbeta\tvalidation_loss\tloss\taccuracy");
  const double sure = -std::log(0.75);
  const double unsure = -std::log(0.25);
  const double expected[2][3] = {{sure, (unsure + sure) / 2, 0.5},  // beta 0: the neighbor
                                 {(unsure + sure) / 2, sure, 1}};   // beta 1: the student
  for (const int beta : {0, 1}) {
    double k = 0, tau = 0, at = 0, validation_loss = 0, loss = 0, accuracy = 0;
    lines >> k >> tau >> at >> validation_loss >> loss >> accuracy;
    CHECK(k == 1);
    CHECK(tau == 0.1);
    CHECK(at == beta);
    CHECK(validation_loss == Approx(expected[beta][0]).epsilon(1e-6));
    CHECK(loss == Approx(expected[beta][1]).epsilon(1e-6));
    CHECK(accuracy == expected[beta][2]);
  }
}

}  // namespace
}  // namespace reaugkd::stages
