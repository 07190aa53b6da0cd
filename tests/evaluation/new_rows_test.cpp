#include "evaluation/new_rows.h"

#include <algorithm>
#include <set>

#include "catch.h"
#include "retrieval/sample_kb.h"

namespace reaugkd::evaluation {
namespace {

using Rows = std::vector<std::int64_t>;
const std::string kTrainedOn = "fedcba9876543210" + std::string(48, '0');

TEST_CASE("rows of another file and rows with a corrected label are new to the student") {
  auto kb = tests::sample_kb_with_new_class();
  CHECK(rows_new_to(kb, kTrainedOn) == Rows{12, 13});
  kb.label_answers[3] = true;
  CHECK(rows_new_to(kb, kTrainedOn) == Rows{3, 12, 13});
  CHECK(rows_new_to(kb, std::string(64, '1')).size() == 14);
}

TEST_CASE("each new class is asked about as often as a known one is held out") {
  const auto kb = tests::sample_kb_with_new_class();
  // 15 held-out rows of three classes: five of the new class, which has two.
  const auto asked = sample_of_new_rows(kb, {12, 13}, 15, 1);
  REQUIRE(asked.size() == 5);
  CHECK(std::ranges::count(asked, 12) + std::ranges::count(asked, 13) == 5);
  CHECK(std::ranges::count(asked, 12) >= 2);
  CHECK(sample_of_new_rows(kb, {12, 13}, 15, 1) == asked);
  CHECK(sample_of_new_rows(kb, {12}, 15, 1).empty());  // a single row of its class
}

TEST_CASE("of known classes no more are asked about than are held out") {
  auto kb = tests::sample_kb();
  kb.labels[2] = std::numeric_limits<float>::quiet_NaN();
  Rows all(12);
  for (std::int64_t i = 0; i < 12; ++i) all[static_cast<std::size_t>(i)] = i;
  const auto some = sample_of_new_rows(kb, all, 6, 1);
  CHECK(some.size() == 6);
  CHECK(std::set<std::int64_t>(some.begin(), some.end()).size() == 6);
  CHECK(sample_of_new_rows(kb, all, 600, 1).size() == 11);  // without the one of no label
}

}  // namespace
}  // namespace reaugkd::evaluation
