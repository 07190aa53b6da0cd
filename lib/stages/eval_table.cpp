#include "stages/eval_table.h"

#include <array>

#include "core/error.h"

namespace reaugkd::stages {
namespace {

using core::Json;

/// A line of the table per predictor, a column per metric.
std::string score_lines(const Json& scores, const Json& majority) {
  std::string text = fmt::format("  {:<18}", "");
  for (const auto& [name, value] : scores["student"].items()) text += fmt::format("  {:>20}", name);
  text += "\n";
  const auto line = [&](const std::string& name, const Json& values) {
    text += fmt::format("  {:<18}", name);
    for (const auto& [metric, value] : values.items()) {
      text += fmt::format("  {:>20.4f}", value.get<double>());
    }
    text += "\n";
  };
  if (!majority.is_null()) line("majority class", majority);
  for (const char* name : {"teacher", "student", "retrieval", "combined"}) {
    if (scores.contains(name)) line(name, scores[name]);
  }
  return text;
}

std::string retrieval_lines(const Json& retrieval) {
  std::string text = fmt::format(
      "  retrieval: k = {}, beta = {}, tau = {}{} ({}), {} index{} over {} rows\n",
      retrieval["k"].dump(), retrieval["beta"].dump(), retrieval["tau"].dump(),
      retrieval.value("kb_temperature", 1.0) == 1 ? ""
                                                  : ", T = " + retrieval["kb_temperature"].dump(),
      retrieval.contains("selected_on")
          ? fmt::format("selected on {} by {}", retrieval["selected_on"].get<std::string>(),
                        retrieval.value("selected_by", "loss"))
          : "as given",
      retrieval["index"].get<std::string>(),
      retrieval.contains("ef_search") ? fmt::format(" (ef {})", retrieval["ef_search"].dump()) : "",
      retrieval["rows"].dump());
  if (retrieval.contains("beta_rule")) {
    const Json& rule = retrieval["beta_rule"];
    text += fmt::format("  beta is that at {} {:.4g}; its logit changes by {:.4g} for each unit\n",
                        rule["mode"].get<std::string>(), rule["center"].get<double>(),
                        rule["slope"].get<double>());
  }
  if (retrieval.contains("changed")) {
    text += fmt::format("  retrieval changed {} predictions", retrieval["changed"].dump());
    if (retrieval.contains("wrong_to_right")) {
      text += fmt::format(": {} wrong to right, {} right to wrong",
                          retrieval["wrong_to_right"].dump(), retrieval["right_to_wrong"].dump());
    }
    text += "\n";
  }
  if (retrieval.contains("permuted")) {
    text += "  control, soft labels permuted: combined";
    for (const auto& [name, value] : retrieval["permuted"]["combined"].items()) {
      text += fmt::format(" {} {:.4f}", name, value.get<double>());
    }
    text += "\n";
  }
  return text;
}

std::string calibration_lines(const Json& calibration) {
  std::string text = "  expected calibration error:";
  for (const auto& [name, values] : calibration.items()) {
    text += fmt::format(" {} {:.4f}", name, values["expected_calibration_error"].get<double>());
  }
  return text + "\n";
}

std::string latency_lines(const Json& latency) {
  const Json& single = latency["batch_1"];
  std::string text =
      fmt::format("  latency at batch 1: {:.2f} ms (p50)", single["model"]["p50_ms"].get<double>());
  if (single.contains("with_retrieval")) {
    text += fmt::format(", with retrieval {:.2f} ms: {:+.1f} %",
                        single["with_retrieval"]["p50_ms"].get<double>(),
                        single["overhead_percent"].get<double>());
  }
  text += fmt::format("\n  throughput at batch {}: {:.0f} examples/s", latency["batch_size"].dump(),
                      latency["throughput"]["model"].get<double>());
  if (single.contains("with_retrieval")) {
    text += fmt::format(", with retrieval {:.0f}: {:+.1f} %",
                        latency["throughput"]["with_retrieval"].get<double>(),
                        latency["throughput"]["overhead_percent"].get<double>());
  }
  return text + "\n";
}

}  // namespace

std::string eval_table(const Json& metrics) {
  const auto split = metrics["split"].get<std::string>();
  std::string selected_on = metrics.value("validation_split", "");
  if (selected_on.empty() && metrics.contains("retrieval")) {
    selected_on = metrics["retrieval"].value("selected_on", "");
  }
  std::string text = fmt::format("{} {}, {} examples{}\n", metrics["task"].get<std::string>(),
                                 split, metrics["examples"].dump(),
                                 selected_on.starts_with(split) ? ", selected on " + split : "");
  const Json& scores = metrics["metrics"];
  if (scores["student"].empty()) {
    text += "  no labels: predictions only\n";
  } else {
    text += score_lines(scores, metrics.contains("majority") ? metrics["majority"] : Json());
  }
  if (metrics.contains("metrics_mismatched")) {
    text += "mismatched\n" + score_lines(metrics["metrics_mismatched"], {});
  }
  if (metrics.contains("retrieval")) text += retrieval_lines(metrics["retrieval"]);
  if (metrics.contains("calibration")) text += calibration_lines(metrics["calibration"]);
  if (metrics.contains("warnings")) {
    for (const auto& warning : metrics["warnings"]) {
      text += fmt::format("  warning: {}\n", warning.get<std::string>());
    }
  }
  if (metrics.contains("latency")) text += latency_lines(metrics["latency"]);
  return text;
}

}  // namespace reaugkd::stages
