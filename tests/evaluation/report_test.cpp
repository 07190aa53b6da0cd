// eval's report: the table's size, and metrics.json both ways.
#include "evaluation/report.h"

#include <algorithm>
#include <sstream>

#include "base/error.h"
#include "catch.h"
#include "evaluation/confusion_lines.h"
#include "evaluation/screen_lines.h"

namespace reaugkd::evaluation {
namespace {

metrics::Scores scores(double value) {
  return {{"accuracy", value},
          {"macro_f1", value},
          {"weighted_f1", value},
          {"balanced_accuracy", value}};
}

/// Ten confusions of long names and texts.
std::vector<ConfusedClasses> many_confusions() {
  std::vector<ConfusedClasses> confusions;
  for (std::int64_t i = 0; i < 10; ++i) {
    const std::string name = fmt::format("class number {} of 150 with quite a long name", i);
    const std::string text(200, 't');
    confusions.push_back({name, "not " + name, 20 - i, {{i, text}, {i + 1, text}}});
  }
  return confusions;
}

/// A report of 150 classes that has all there is.
Report full_report() {
  Report report;
  report.task = "intents";
  report.split = "dev";
  report.examples = 3000;
  RetrievalChoice choice;
  choice.setting = {.k = 16, .beta = 0.5, .tau = 0.05};
  choice.selection = SelectionRecord{"holdout:0.1", "loss", {}, {}, 1000, 0.5, 0.6};
  choice.index = "hnsw";
  choice.rows = 15000;
  report.retrieval = choice;
  FileReport& file = report.scored;
  file.with_teacher = true;
  file.with_retrieval = true;
  file.metrics = {scores(0.8), scores(0.7), scores(0.85), scores(0.9)};
  file.majority = scores(0.01);
  const metrics::Scores calibration = {
      {"mean_confidence", 0.8}, {"expected_calibration_error", 0.05}, {"nll", 0.7}};
  file.calibration = {calibration, calibration, calibration, {}};
  file.retrieval.changed =
      ChangedPredictions{100, ChangedPredictions::Outcome{80, 20, {{"accuracy", 0.9}}}};
  file.retrieval.permuted = PermutedControl{choice.setting, {{"accuracy", 0.8}}};
  file.old_classes = ClassPart{2900, {scores(0.8), scores(0.7), scores(0.85), {}}};
  file.new_classes = ClassPart{100, {scores(0), scores(0.7), scores(0.6), {}}};
  file.confusions = many_confusions();
  file.warnings = {
      "the HNSW index finds 84 % of the nearest neighbors, which moves p^KB by 0.045 "
      "on average and changes 55 of 3000 answers"};
  report.latency = Latency{};
  report.latency->with_retrieval.emplace();
  return report;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST_CASE("the table of 150 classes has at most 40 lines of 80 columns", "[evaluation]") {
  const auto table = report_table(full_report());
  INFO(table);
  const auto lines = lines_of(table);
  CHECK(lines.size() <= 40);
  for (const auto& line : lines) CHECK(columns_of(line) <= 80);
  CHECK_THAT(table, ContainsSubstring("row 9: ttt"));  // the last confusion has its examples
  CHECK_THAT(table, ContainsSubstring("balanced_accuracy"));
  CHECK_THAT(table, ContainsSubstring("selected on holdout:0.1 by loss"));
}

TEST_CASE("with beta = 1 the table says that retrieval is not used", "[evaluation]") {
  Report report = full_report();
  report.retrieval->setting.beta = 1;
  const auto table = report_table(report);
  CHECK_THAT(table, ContainsSubstring("  combined        retrieval not used\n"));
  CHECK_THAT(table, ContainsSubstring("  retrieval not used: beta = 1"));
  CHECK_THAT(table, ContainsSubstring("  retrieval         0.7000"));  // the knowledge base alone
  for (const char* number :
       {"retrieval changed", "control", "combined 0.05", "with retrieval", "k ="}) {
    CHECK_THAT(table, !ContainsSubstring(number));
  }
  CHECK(to_json(report).at("retrieval").at("used") == false);
  CHECK(report_table(report_of_json(to_json(report), "metrics.json")) == table);
  // A gate's mean is not a beta for all rows.
  report.retrieval->beta_mode = "gate";
  report.retrieval->setting.rule.mode = retrieval::BetaMode::kGate;
  report.retrieval->setting.rule.gate.weights.resize(retrieval::gate_feature_names().size());
  CHECK_THAT(report_table(report), !ContainsSubstring("not used"));
}

TEST_CASE("metrics that have no room are left to metrics.json", "[evaluation]") {
  Report report = full_report();
  report.scored.metrics.student = {{"accuracy", 0.8}, {"matthews_correlation", 0.7}};
  report.scored.metrics.student.add(scores(0.6));
  const auto table = report_table(report);
  for (const auto& line : lines_of(table)) CHECK(columns_of(line) <= 80);
  CHECK_THAT(table, ContainsSubstring("matthews_correlation"));
  CHECK_THAT(table, !ContainsSubstring("balanced_accuracy"));
}

TEST_CASE("confusions give up their examples where room is scarce", "[evaluation]") {
  const auto confusions = many_confusions();
  CHECK(count_lines(confusion_lines(confusions, 31)) == 31);  // an example a line
  CHECK(count_lines(confusion_lines(confusions, 30)) == 21);  // two examples a line
  CHECK(count_lines(confusion_lines(confusions, 15)) == 15);
  CHECK(count_lines(confusion_lines(confusions, 6)) == 6);
  CHECK(count_lines(confusion_lines(confusions, -5)) == 2);
  CHECK(confusion_lines({}, 20).empty());
  // A short name leaves its room to a long one.
  const std::string longer(59, 'x');
  CHECK_THAT(confusion_lines({{"a", longer, 1, {}}}, 20), ContainsSubstring(longer));
}

TEST_CASE("a report is the same after metrics.json", "[evaluation]") {
  const Report report = full_report();
  const auto json = to_json(report);
  const Report read = report_of_json(base::Json::parse(json.dump()), "metrics.json");
  CHECK(to_json(read) == json);
  CHECK(report_table(read) == report_table(report));
  CHECK(read.scored.confusions.size() == 10);
  CHECK(json.at("confusions").at(0).at("examples").at(1).at("row") == 1);
  base::Json damaged = json;
  damaged.erase("metrics");
  CHECK_THROWS_AS(report_of_json(damaged, "metrics.json"), base::ArtifactError);
}

TEST_CASE("a report of an earlier version has no confusions", "[evaluation]") {
  base::Json json = to_json(full_report());
  json.erase("confusions");
  CHECK(report_of_json(json, "metrics.json").scored.confusions.empty());
}

}  // namespace
}  // namespace reaugkd::evaluation
