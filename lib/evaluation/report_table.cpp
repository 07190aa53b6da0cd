// eval's report as a table for a person.
#include "base/error.h"
#include "evaluation/report.h"

namespace reaugkd::evaluation {
namespace {

/// A line of the table per predictor, a column per metric.
std::string score_lines(const FileReport& file, const metrics::Scores& majority) {
  std::string text = fmt::format("  {:<18}", "");
  for (const auto& [name, value] : file.metrics.student) text += fmt::format("  {:>20}", name);
  text += "\n";
  const auto line = [&](const std::string& name, const metrics::Scores& scores) {
    text += fmt::format("  {:<18}", name);
    for (const auto& [metric, value] : scores) text += fmt::format("  {:>20.4f}", value);
    text += "\n";
  };
  if (!majority.empty()) line("majority class", majority);
  if (file.with_teacher) line("teacher", file.metrics.teacher);
  line("student", file.metrics.student);
  if (file.with_retrieval) {
    line("retrieval", file.metrics.retrieval);
    line("combined", file.metrics.combined);
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

/// ", T = 2, labels answer": what is not the usual.
std::string answer_words(const retrieval::RetrievalSetting& setting) {
  const auto& rule = setting.answers;
  std::string text = rule.temperature == 1 ? "" : ", T = " + number(rule.temperature);
  if (setting.balance != 0) text += ", class balance " + number(setting.balance);
  if (rule.source == retrieval::AnswerSource::kMix) {
    return text + fmt::format(", {} label + {} teacher", number(rule.label_weight),
                              number(1 - rule.label_weight));
  }
  if (rule.source != retrieval::AnswerSource::kAuto)
    text += ", " + to_string(rule.source) + " answer";
  return text;
}

std::string choice_lines(const RetrievalChoice& choice) {
  const auto& setting = choice.setting;
  std::string text = fmt::format(
      "  retrieval: k = {}, beta = {}, tau = {}{} ({}), {} index{} over {} rows\n", setting.k,
      beta_words(setting), number(setting.tau), answer_words(setting),
      choice.selection ? fmt::format("selected on {} by {}", choice.selection->selected_on,
                                     choice.selection->selected_by)
                       : "as given",
      choice.index, choice.ef_search ? fmt::format(" (ef {})", choice.ef_search->ef_search) : "",
      choice.rows);
  if (setting.rule.mode == retrieval::BetaMode::kGate) {
    text += "  beta of a row by a gate, its weights:";
    const auto& names = retrieval::gate_feature_names();
    for (std::size_t i = 0; i < names.size(); ++i) {
      text += fmt::format(" {} {:.3g}", names[i], setting.rule.gate.weights[i]);
    }
    text += "\n";
  } else if (choice.beta_mode != "constant") {
    text += fmt::format("  beta is that at {} {:.4g}; its logit changes by {:.4g} for each unit\n",
                        choice.beta_mode, setting.rule.center, setting.rule.slope);
  }
  return text;
}

/// "  new classes, 680 examples: accuracy student 0.0000, retrieval 0.8382, combined 0.8309".
std::string part_line(const char* what, const std::optional<ClassPart>& part) {
  if (!part || part->examples == 0) return "";
  std::string text = fmt::format("  {}, {} examples:", what, part->examples);
  const auto& name = part->metrics.student.begin()->first;
  text += fmt::format(" {} student {:.4f}", name, part->metrics.student.at(name));
  const auto add = [&](const char* who, const metrics::Scores& scores) {
    if (!scores.empty()) text += fmt::format(", {} {:.4f}", who, scores.at(name));
  };
  add("retrieval", part->metrics.retrieval);
  add("combined", part->metrics.combined);
  return text + "\n";
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
    text += "  control, soft labels permuted: combined";
    for (const auto& [name, value] : effect.permuted->combined) {
      text += fmt::format(" {} {:.4f}", name, value);
    }
    text += "\n";
  }
  return text;
}

std::string calibration_line(const FileReport& file) {
  std::string text = "  expected calibration error:";
  const auto add = [&](const char* name, const metrics::Scores& scores) {
    if (const auto error = scores.find("expected_calibration_error")) {
      text += fmt::format(" {} {:.4f}", name, *error);
    }
  };
  add("student", file.calibration.student);
  if (file.with_retrieval) {
    add("retrieval", file.calibration.retrieval);
    add("combined", file.calibration.combined);
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
  return fmt::format("  for {:.4g} % right, answer from p = {:.4g}: {:.1f} % of the rows of {}\n",
                     100 * threshold.target_precision, threshold.point.min_probability,
                     100 * threshold.point.coverage, threshold.chosen_on);
}

/// "95 % interval over the rows: combined accuracy 0.9192 to 0.9377"
std::string interval_lines(const FileReport& file) {
  std::string text;
  for (const auto& [name, interval] : file.intervals) {
    text += fmt::format("  95 % interval over the rows: {} {} {:.4f} to {:.4f}\n",
                        file.with_retrieval ? "combined" : "student", name, interval.low,
                        interval.high);
  }
  return text;
}

std::string latency_lines(const Latency& latency) {
  const auto& retrieval = latency.with_retrieval;
  std::string text = fmt::format("  latency at batch 1: {:.2f} ms (p50)", latency.at_batch_1.p50);
  if (retrieval) {
    text += fmt::format(", with retrieval {:.2f} ms: {:+.1f} %", retrieval->at_batch_1.p50,
                        retrieval->overhead_percent);
  }
  text += fmt::format("\n  throughput at batch {}: {:.0f} examples/s", latency.batch_size,
                      latency.examples_per_second);
  if (retrieval) {
    text += fmt::format(", with retrieval {:.0f}: {:+.1f} %", retrieval->examples_per_second,
                        retrieval->throughput_overhead_percent);
  }
  return text + "\n";
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
  std::string text = fmt::format("{} {}, {} examples{}\n", report.task, report.split,
                                 report.examples, selected_on(report));
  text += file.metrics.student.empty() ? "  no labels: predictions only\n"
                                       : score_lines(file, file.majority);
  text += part_line("old classes", file.old_classes) + part_line("new classes", file.new_classes);
  if (report.mismatched) text += "mismatched\n" + score_lines(*report.mismatched, {});
  if (report.retrieval) text += choice_lines(*report.retrieval) + effect_lines(file.retrieval);
  text += interval_lines(file);
  if (!file.calibration.student.empty()) text += calibration_line(file);
  if (!file.coverage.empty()) text += coverage_lines(file.coverage);
  if (report.threshold) text += threshold_line(*report.threshold);
  for (const auto& warning : file.warnings) text += fmt::format("  warning: {}\n", warning);
  if (report.latency) text += latency_lines(*report.latency);
  return text;
}

}  // namespace reaugkd::evaluation
