#include "evaluation/kb_report.h"

#include "base/error.h"

namespace reaugkd::evaluation {
namespace {

using base::Json;

Json cross_fit_json(const CrossFitReport& report) {
  Json json = {{"folds", report.folds.size()}, {"fold_precision", report.precision}};
  for (const auto& fold : report.folds) json["fold"].push_back(to_json(fold));
  return json;
}

Json index_check_json(const IndexCheck& check) {
  return {{"queries", check.queries},
          {"examples", check.agreement.examples},
          {"k", check.k},
          {"tau_retrieval", check.tau},
          {"ef_search", check.ef_search},
          {"recall", check.agreement.recall},
          {"changed", check.agreement.changed},
          {"largest_difference", check.agreement.largest_difference}};
}

void put(Json& json, const char* key, const metrics::Scores& scores) {
  if (!scores.empty()) json[key] = metrics::to_json(scores);
}

}  // namespace

Json to_json(const FoldReport& report) {
  Json json = {{"rows", report.rows},
               {"trained_on", report.trained_on},
               {"validation", metrics::to_json(report.validation)},
               {"best_epoch", report.best_epoch}};
  if (!report.warnings.empty()) json["warnings"] = report.warnings;
  return json;
}

FoldReport fold_report_of_json(const Json& json, const std::string& where) {
  FoldReport report{base::json_at<std::int64_t>(json, "rows", where),
                    base::json_at<std::int64_t>(json, "trained_on", where),
                    metrics::scores_of_json(base::json_at<Json>(json, "validation", where), where),
                    base::json_at<double>(json, "best_epoch", where),
                    {}};
  if (json.contains("warnings")) {
    report.warnings = base::json_at<Warnings>(json, "warnings", where);
  }
  return report;
}

Json to_json(const KbReport& report) {
  Json json;
  json["task"] = report.task;
  json["rows"] = report.rows;
  json["dimension"] = report.dimension;
  json["dtype"] = report.dtype;
  json["index"] = report.index;
  if (!report.new_classes.empty()) json["new_classes"] = report.new_classes;
  if (report.index_check) json["index_check"] = index_check_json(*report.index_check);
  json["teacher_on_kb"] = metrics::to_json(report.teacher_on_kb);
  put(json, "teacher_on_seen_rows", report.teacher_on_seen_rows);
  put(json, "teacher_on_validation", report.teacher_on_validation);
  put(json, "knn_on_validation", report.knn_on_validation);
  if (report.cross_fit) {
    json["cross_fit"] = cross_fit_json(*report.cross_fit);
    json["timing"]["cross_fit_seconds"] = report.cross_fit->seconds;
  }
  if (report.keys) json["keys"] = to_json(*report.keys);
  if (!report.warnings.empty()) json["warnings"] = report.warnings;
  json["timing"]["index_seconds"] = report.index_seconds;
  return json;
}

std::string kb_summary(const KbReport& report) {
  std::string text = fmt::format("build-kb: {} rows, D = {}, index {} ({:.2f} s)\n", report.rows,
                                 report.dimension, report.index, report.index_seconds);
  if (!report.new_classes.empty()) {
    text += fmt::format("  {:<22} {}\n", "new classes", report.new_classes.size());
  }
  if (const auto& check = report.index_check) {
    text += fmt::format("  {:<22} recall {:.4f}, {} of {} answers changed, ef_search {}\n",
                        "index_check", check->agreement.recall, check->agreement.changed,
                        check->agreement.examples, check->ef_search);
  }
  const auto add = [&](const char* what, const metrics::Scores& scores) {
    if (scores.empty()) return;
    text += fmt::format("  {:<22}", what);
    for (const auto& [name, value] : scores) text += fmt::format(" {} {:.4f}", name, value);
    text += "\n";
  };
  add("teacher_on_kb", report.teacher_on_kb);
  add("teacher_on_seen_rows", report.teacher_on_seen_rows);
  add("teacher_on_validation", report.teacher_on_validation);
  add("knn_on_validation", report.knn_on_validation);
  if (report.keys) text += key_line(*report.keys);
  return text;
}

}  // namespace reaugkd::evaluation
