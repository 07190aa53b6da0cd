// The plane of embeddings.tsv by hand.
#include "evaluation/embedding_map.h"

#include <limits>
#include <sstream>
#include <tuple>

#include "catch.h"

namespace reaugkd::evaluation {
namespace {

TEST_CASE("principal components are the widest directions, the largest first", "[stages]") {
  // Widest along e1, then along e0; the mean is not at the origin.
  const auto rows = torch::tensor(
      {{1.0, 4.0, 7.0}, {1.0, -2.0, 7.0}, {3.0, 1.0, 7.0}, {-1.0, 1.0, 7.0}}, torch::kFloat64);
  const auto expected = torch::tensor({{0.0, 1.0}, {1.0, 0.0}, {0.0, 0.0}}, torch::kFloat64);
  CHECK(torch::allclose(principal_components(rows), expected));
  CHECK(torch::allclose(principal_components(-rows), expected));  // the sign is settled
}

TEST_CASE("embeddings.tsv lays students into the plane of the knowledge base", "[stages]") {
  retrieval::KnowledgeBase kb;
  kb.embeddings = torch::tensor({{1.0F, 0.0F}, {-1.0F, 0.0F}, {0.0F, 0.5F}, {0.0F, -0.5F}});
  kb.labels = torch::tensor({0.0F, 1.0F, std::numeric_limits<float>::quiet_NaN(), 1.0F});
  data::Task task;
  task.labels = {"sad", "glad"};
  std::istringstream lines(embedding_map(task, kb, torch::tensor({{0.25F, 0.75F}}), {1}));
  std::string line;
  std::getline(lines, line);
  CHECK(line == "source\tlabel\tx\ty");
  const std::vector<std::tuple<std::string, double, double>> expected = {
      {"teacher\tsad", 1, 0},
      {"teacher\tglad", -1, 0},
      {"teacher\t", 0, 0.5},
      {"teacher\tglad", 0, -0.5},
      {"student\tglad", 0.25, 0.75}};
  for (const auto& [name, x, y] : expected) {
    REQUIRE(std::getline(lines, line));
    const auto tab = line.find('\t', line.find('\t') + 1);
    CHECK(line.substr(0, tab) == name);
    std::istringstream numbers(line.substr(tab + 1));
    double found_x = 9;
    double found_y = 9;
    numbers >> found_x >> found_y;
    CHECK(found_x == Approx(x).margin(1e-6));
    CHECK(found_y == Approx(y).margin(1e-6));
  }
  CHECK_FALSE(std::getline(lines, line));
}

}  // namespace
}  // namespace reaugkd::evaluation
