#include "evaluation/prediction_files.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "train/predict.h"

namespace reaugkd::evaluation {
namespace {

/// "p_<label>" for classes or "score" for regression, with a prefix.
std::string column_names(const data::Task& task, const std::string& prefix) {
  std::string text;
  for (const auto& name : task.distribution_names()) text += fmt::format("\t{}{}", prefix, name);
  return text;
}

std::string columns(const torch::Tensor& probabilities, std::int64_t row) {
  const auto values = probabilities[row].contiguous();
  std::string text;
  for (std::int64_t c = 0; c < values.numel(); ++c) {
    text += fmt::format("\t{:.9g}", values.data_ptr<float>()[c]);
  }
  return text;
}

std::string name_of(const data::Task& task, double decision, bool submission) {
  if (task.regression()) {
    // GLUE's server takes scores from 0 to 5.
    return submission ? fmt::format("{:.3f}", std::clamp(decision, 0.0, 5.0))
                      : fmt::format("{:.9g}", decision);
  }
  return (submission ? task.submission_labels : task.labels)[static_cast<std::size_t>(decision)];
}

/// As the data has it: a score is spelled as short as its float can be.
std::string label_text(const data::Task& task, float label) {
  if (std::isnan(label)) return "";
  return task.regression() ? fmt::format("{}", label) : name_of(task, label, false);
}

}  // namespace

void write_predictions(const std::filesystem::path& path, const data::Task& task,
                       const data::Dataset& rows, const RowPredictions& predictions) {
  const bool with_kb = predictions.knowledge_base.defined();
  std::string text = "index\tlabel\tprediction" + column_names(task, "");
  if (with_kb) text += column_names(task, "student_") + column_names(task, "kb_");
  text += "\n";
  const auto decisions = train::decisions_of(predictions.final, task.kind());
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    text += fmt::format("{}\t{}\t{}", rows.rows[i], label_text(task, rows.labels[i]),
                        name_of(task, decisions[i], false));
    text += columns(predictions.final, i);
    if (with_kb) text += columns(predictions.student, i) + columns(predictions.knowledge_base, i);
    text += "\n";
  }
  base::write_file(path, text);
}

void write_submission(const std::filesystem::path& path, const data::Task& task,
                      const data::Dataset& rows, const torch::Tensor& probabilities) {
  std::string text = "index\tprediction\n";
  const auto decisions = train::decisions_of(probabilities, task.kind());
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    text += fmt::format("{}\t{}\n", rows.rows[i], name_of(task, decisions[i], true));
  }
  base::write_file(path, text);
}

}  // namespace reaugkd::evaluation
