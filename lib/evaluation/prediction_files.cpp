#include "evaluation/prediction_files.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "tensor/safetensors.h"
#include "train/predict.h"

namespace reaugkd::evaluation {
namespace {

/// "p_<label>" for classes or "score" for regression, with a prefix.
std::string column_names(const data::Task& task, const std::string& prefix) {
  std::string text;
  for (const auto& name : task.distribution_names()) text += fmt::format("\t{}{}", prefix, name);
  return text;
}

/// Whose predictions: what the names of its columns begin with.
struct Part {
  std::string prefix;
  torch::Tensor probabilities;  // (n, C)
};

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

/// "prediction" and "probability" of a part; the final prediction stands among the first columns.
std::string answer_names(const data::Task& task, const std::string& prefix) {
  if (task.regression()) return "";
  return (prefix.empty() ? "" : fmt::format("\t{}prediction", prefix)) +
         fmt::format("\t{}probability", prefix);
}

std::string answer(const data::Task& task, const Part& part, std::int64_t row) {
  if (task.regression()) return "";
  const auto values = part.probabilities[row].to(torch::kFloat32).contiguous();
  const auto* first = values.data_ptr<float>();
  const auto* best = std::max_element(first, first + values.numel());
  const std::string name = name_of(task, static_cast<double>(best - first), false);
  return (part.prefix.empty() ? "" : "\t" + name) + fmt::format("\t{:.9g}", *best);
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
  const bool distributions = task.num_labels() <= kMostColumns;
  std::vector<Part> parts = {{"", predictions.final}};
  if (with_kb) {
    parts.push_back({"student_", predictions.student});
    parts.push_back({"kb_", predictions.knowledge_base});
  }
  std::string text = "index\tlabel\tprediction";
  for (const auto& part : parts) {
    if (distributions) text += column_names(task, part.prefix);
  }
  for (const auto& part : parts) text += answer_names(task, part.prefix);
  text += "\n";
  const auto decisions = train::decisions_of(predictions.final, task.kind());
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    text += fmt::format("{}\t{}\t{}", rows.rows[i], label_text(task, rows.labels[i]),
                        name_of(task, decisions[i], false));
    for (const auto& part : parts) {
      if (distributions) text += columns(part.probabilities, i);
    }
    for (const auto& part : parts) text += answer(task, part, i);
    text += "\n";
  }
  base::write_file(path, text);
}

void write_probabilities(const std::filesystem::path& path, const data::Task& task,
                         const RowPredictions& predictions) {
  tensor::TensorMap tensors = {{"final", predictions.final.to(torch::kFloat32)}};
  if (predictions.knowledge_base.defined()) {
    tensors["student"] = predictions.student.to(torch::kFloat32);
    tensors["knowledge_base"] = predictions.knowledge_base.to(torch::kFloat32);
  }
  tensor::save_safetensors(path, tensors, {{"labels", base::Json(task.labels).dump()}});
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
