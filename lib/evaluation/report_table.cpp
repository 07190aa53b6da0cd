// eval's report as a table for a person.
#include <algorithm>

#include "base/error.h"
#include "evaluation/confusion_lines.h"
#include "evaluation/report.h"
#include "evaluation/screen_lines.h"

namespace reaugkd::evaluation {
namespace {

constexpr std::int64_t kScreenLines = 40;
constexpr std::size_t kNameColumns = 14;  // "majority class"
constexpr std::size_t kScoreColumns = 6;  // "0.8750"

/// As many of the first metrics as have room; all are in metrics.json.
std::vector<std::string> shown_metrics(const metrics::Scores& scores) {
  std::vector<std::string> names;
  std::size_t used = 2 + kNameColumns;
  for (const auto& [name, value] : scores) {
    used += 2 + std::max(kScoreColumns, name.size());
    if (used <= kScreenColumns) names.push_back(name);
  }
  return names;
}

/// A line of the table per predictor, a column per metric.
std::string score_lines(const FileReport& file, const metrics::Scores& majority, bool unused) {
  const auto names = shown_metrics(file.metrics.student);
  std::string text(2 + kNameColumns, ' ');
  for (const auto& name : names) text += fmt::format("  {:>{}}", name, kScoreColumns);
  text += "\n";
  const auto line = [&](const std::string& who, const metrics::Scores& scores) {
    text += fmt::format("  {:<{}}", who, kNameColumns);
    for (const auto& name : names) {
      const auto width = std::max(kScoreColumns, name.size());
      text += fmt::format("  {:>{}.4f}", scores.find(name).value_or(0), width);
    }
    text += "\n";
  };
  if (!majority.empty()) line("majority class", majority);
  if (file.with_teacher) line("teacher", file.metrics.teacher);
  line("student", file.metrics.student);
  if (file.with_retrieval) {
    line("retrieval", file.metrics.retrieval);
    if (unused) {
      text += fmt::format("  {:<{}}  retrieval not used\n", "combined", kNameColumns);
    } else {
      line("combined", file.metrics.combined);
    }
  }
  return text;
}

/// As JSON writes it: 0.5, 1.0.
std::string number(double value) {
  return base::Json(value).dump();
}

/// "0.5"; of a gate "0.64 on average".
std::string beta_words(const retrieval::RetrievalSetting& setting) {
  return setting.rule.mode == retrieval::BetaMode::kGate
             ? fmt::format("{:.2f} on average", setting.beta)
             : number(setting.beta);
}

/// "T = 2", "labels answer": what is not the usual.
std::vector<std::string> answer_words(const retrieval::RetrievalSetting& setting) {
  const auto& rule = setting.answers;
  std::vector<std::string> words;
  if (rule.temperature != 1) words.push_back("T = " + number(rule.temperature));
  if (setting.balance != 0) words.push_back("class balance " + number(setting.balance));
  if (rule.source == retrieval::AnswerSource::kMix) {
    words.push_back(fmt::format("{} label + {} teacher", number(rule.label_weight),
                                number(1 - rule.label_weight)));
  } else if (rule.source != retrieval::AnswerSource::kAuto) {
    words.push_back(to_string(rule.source) + " answer");
  }
  return words;
}

/// How beta differs from row to row; empty where it does not.
std::string rule_lines(const RetrievalChoice& choice) {
  const auto& rule = choice.setting.rule;
  if (rule.mode == retrieval::BetaMode::kGate) {
    std::vector<std::string> weights;
    const auto& names = retrieval::gate_feature_names();
    for (std::size_t i = 0; i < names.size(); ++i) {
      weights.push_back(fmt::format("{} {:.3g}", names[i], rule.gate.weights[i]));
    }
    return parts_lines("  beta of a row by a gate, its weights: ", weights);
  }
  if (choice.beta_mode == "constant") return "";
  return fmt::format("  beta is that at {} {:.4g}; its logit changes by {:.4g} for each unit\n",
                     choice.beta_mode, rule.center, rule.slope);
}

/// "exact index over 7198 rows", and where the setting comes from.
std::vector<std::string> source_words(const RetrievalChoice& choice) {
  return {fmt::format("{} index{} over {} rows", choice.index,
                      choice.ef_search ? fmt::format(" (ef {})", choice.ef_search->ef_search) : "",
                      choice.rows),
          choice.selection ? fmt::format("selected on {} by {}", choice.selection->selected_on,
                                         choice.selection->selected_by)
                           : "as given"};
}

std::string choice_lines(const RetrievalChoice& choice) {
  const auto& setting = choice.setting;
  std::vector<std::string> parts = {fmt::format("k = {}", setting.k),
                                    "beta = " + beta_words(setting),
                                    "tau = " + number(setting.tau)};
  for (auto& words : answer_words(setting)) parts.push_back(std::move(words));
  for (auto& words : source_words(choice)) parts.push_back(std::move(words));
  return parts_lines("  retrieval: ", parts) + rule_lines(choice);
}

/// "  new classes, 680 examples: accuracy student 0.0000, retrieval 0.8382, combined 0.8309".
std::string part_line(const char* what, const std::optional<ClassPart>& part) {
  if (!part || part->examples == 0) return "";
  const auto& name = part->metrics.student.begin()->first;
  std::vector<std::string> parts;
  const auto add = [&](const std::string& who, const metrics::Scores& scores) {
    if (!scores.empty()) parts.push_back(fmt::format("{} {:.4f}", who, scores.at(name)));
  };
  add(name + " student", part->metrics.student);
  add("retrieval", part->metrics.retrieval);
  add("combined", part->metrics.combined);
  return parts_lines(fmt::format("  {}, {} examples: ", what, part->examples), parts);
}

/// In place of the numbers of a retrieval that changes nothing.
std::string unused_lines(const RetrievalChoice& choice) {
  std::vector<std::string> parts = {"beta = 1, the student alone answers"};
  for (auto& words : source_words(choice)) parts.push_back(std::move(words));
  return parts_lines("  retrieval not used: ", parts);
}

std::string effect_lines(const RetrievalEffect& effect) {
  std::string text;
  if (effect.changed) {
    text += fmt::format("  retrieval changed {} predictions", effect.changed->changed);
    if (const auto& outcome = effect.changed->outcome) {
      text += fmt::format(": {} wrong to right, {} right to wrong", outcome->wrong_to_right,
                          outcome->right_to_wrong);
    }
    text += "\n";
  }
  if (effect.permuted) {
    std::vector<std::string> scores;
    for (const auto& [name, value] : effect.permuted->combined) {
      scores.push_back(fmt::format("{} {:.4f}", name, value));
    }
    text += parts_lines("  control, soft labels permuted: combined ", scores);
  }
  return text;
}

std::string calibration_line(const FileReport& file, bool unused) {
  std::string text = "  expected calibration error:";
  const auto add = [&](const char* name, const metrics::Scores& scores) {
    if (const auto error = scores.find("expected_calibration_error")) {
      text += fmt::format(" {} {:.4f}", name, *error);
    }
  };
  add("student", file.calibration.student);
  if (file.with_retrieval) {
    add("retrieval", file.calibration.retrieval);
    if (!unused) add("combined", file.calibration.combined);
  }
  return text + "\n";
}

/// "answered from p = 0.5: 98.2 % of the rows, 91.3 % right": two lines of a table.
std::string coverage_lines(const std::vector<CoveragePoint>& points) {
  std::string head = fmt::format("  {:<26}", "answered from p =");
  std::string coverage = fmt::format("  {:<26}", "  % of the rows");
  std::string accuracy = fmt::format("  {:<26}", "  % of them right");
  for (const auto& point : points) {
    head += fmt::format("{:>7.2f}", point.min_probability);
    coverage += fmt::format("{:>7.1f}", 100 * point.coverage);
    accuracy += point.coverage > 0 ? fmt::format("{:>7.1f}", 100 * point.accuracy) : "      -";
  }
  return head + "\n" + coverage + "\n" + accuracy + "\n";
}

std::string threshold_line(const ChosenThreshold& threshold) {
  return parts_lines(fmt::format("  for {:.4g} % right: ", 100 * threshold.target_precision),
                     {fmt::format("answer from p = {:.4g}", threshold.point.min_probability),
                      fmt::format("{:.1f} % of the rows of {}", 100 * threshold.point.coverage,
                                  threshold.chosen_on)});
}

/// "95 % interval over the rows: combined accuracy 0.9192 to 0.9377"
std::string interval_lines(const FileReport& file, bool unused) {
  std::string text;
  for (const auto& [name, interval] : file.intervals) {
    text += fmt::format("  95 % interval over the rows: {} {} {:.4f} to {:.4f}\n",
                        file.with_retrieval && !unused ? "combined" : "student", name, interval.low,
                        interval.high);
  }
  return text;
}

std::string latency_lines(const Latency& latency, bool unused) {
  const auto& retrieval = latency.with_retrieval;
  std::vector<std::string> times = {fmt::format("{:.2f} ms (p50)", latency.at_batch_1.p50)};
  std::vector<std::string> rates = {fmt::format("{:.0f} examples/s", latency.examples_per_second)};
  if (retrieval && !unused) {
    times.push_back(fmt::format("with retrieval {:.2f} ms: {:+.1f} %", retrieval->at_batch_1.p50,
                                retrieval->overhead_percent));
    rates.push_back(fmt::format("with retrieval {:.0f}: {:+.1f} %", retrieval->examples_per_second,
                                retrieval->throughput_overhead_percent));
  }
  return parts_lines("  latency at batch 1: ", times) +
         parts_lines(fmt::format("  throughput at batch {}: ", latency.batch_size), rates);
}

/// On which split the scored rows' model or setting was selected, where that is the scored one.
std::string selected_on(const Report& report) {
  std::string on = report.validation_split;
  if (on.empty() && report.retrieval && report.retrieval->selection) {
    on = report.retrieval->selection->selected_on;
  }
  return on.starts_with(report.split) ? ", selected on " + report.split : "";
}

}  // namespace

std::string report_table(const Report& report) {
  const FileReport& file = report.scored;
  const bool unused = report.retrieval && report.retrieval->unused();
  std::string text = fmt::format("{} {}, {} examples{}\n", report.task, report.split,
                                 report.examples, selected_on(report));
  text += file.metrics.student.empty() ? "  no labels: predictions only\n"
                                       : score_lines(file, file.majority, unused);
  text += part_line("old classes", file.old_classes) + part_line("new classes", file.new_classes);
  if (report.mismatched) text += "mismatched\n" + score_lines(*report.mismatched, {}, unused);
  if (unused) {
    text += unused_lines(*report.retrieval);
  } else if (report.retrieval) {
    text += choice_lines(*report.retrieval) + effect_lines(file.retrieval);
  }
  if (!file.calibration.student.empty()) text += calibration_line(file, unused);
  text += interval_lines(file, unused);
  if (!file.coverage.empty()) text += coverage_lines(file.coverage);
  if (report.threshold) text += threshold_line(*report.threshold);
  std::string below;
  for (const auto& warning : file.warnings) below += words_lines("  warning: ", warning);
  if (report.latency) below += latency_lines(*report.latency, unused);
  const auto left = kScreenLines - count_lines(text) - count_lines(below);
  return text + confusion_lines(file.confusions, left) + below;
}

}  // namespace reaugkd::evaluation
