#include "evaluation/class_report.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "evaluation/row_text.h"
#include "metrics/confusion.h"
#include "metrics/metrics.h"
#include "train/predict.h"

namespace reaugkd::evaluation {
namespace {

constexpr std::size_t kConfusions = 10;
constexpr std::size_t kExamples = 2;
constexpr std::array kAverages = {"macro_f1", "weighted_f1", "balanced_accuracy"};

/// The rows that have a label.
struct Labelled {
  std::vector<std::int64_t> positions;
  std::vector<std::int64_t> labels;
  std::vector<std::int64_t> predictions;
};

Labelled labelled(const torch::Tensor& probabilities, const std::vector<float>& labels) {
  const auto decisions = train::decisions_of(probabilities, base::TaskKind::kClassification);
  Labelled rows;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (std::isnan(labels[i])) continue;
    rows.positions.push_back(static_cast<std::int64_t>(i));
    rows.labels.push_back(static_cast<std::int64_t>(labels[i]));
    rows.predictions.push_back(static_cast<std::int64_t>(decisions[i]));
  }
  return rows;
}

metrics::ConfusionMatrix matrix_of(const data::Task& task, const torch::Tensor& probabilities,
                                   const std::vector<float>& labels) {
  const Labelled rows = labelled(probabilities, labels);
  return {rows.predictions, rows.labels, task.num_labels()};
}

/// Of the rows that are confused so, the surest.
std::vector<ConfusedRow> examples_of(const metrics::Confusion& confusion, const Labelled& labelled,
                                     const data::Dataset& rows, const torch::Tensor& confidences) {
  std::vector<std::int64_t> confused;
  for (std::size_t i = 0; i < labelled.labels.size(); ++i) {
    if (labelled.labels[i] == confusion.label && labelled.predictions[i] == confusion.prediction) {
      confused.push_back(labelled.positions[i]);
    }
  }
  const auto* sure = confidences.data_ptr<float>();
  std::ranges::stable_sort(confused, [&](auto a, auto b) { return sure[a] > sure[b]; });
  std::vector<ConfusedRow> examples;
  for (std::size_t i = 0; i < std::min(kExamples, confused.size()); ++i) {
    examples.push_back({rows.rows[static_cast<std::size_t>(confused[i])],
                        row_text(rows.text_a, rows.text_b, confused[i])});
  }
  return examples;
}

}  // namespace

metrics::Scores scores_with_averages(const data::Task& task, const torch::Tensor& probabilities,
                                     const std::vector<float>& labels) {
  metrics::Scores scores = train::score(task, probabilities, labels);
  if (task.regression() || scores.empty()) return scores;
  data::Task averages = task;
  averages.metrics.clear();
  for (const auto* name : kAverages) {
    if (!scores.find(name)) averages.metrics.emplace_back(name);
  }
  scores.add(train::score(averages, probabilities, labels));
  return scores;
}

std::vector<ConfusedClasses> most_confused(const data::Task& task, const data::Dataset& rows,
                                           const torch::Tensor& probabilities) {
  if (task.regression()) return {};
  const Labelled of_rows = labelled(probabilities, rows.labels);
  const metrics::ConfusionMatrix matrix(of_rows.predictions, of_rows.labels, task.num_labels());
  const auto confidences = probabilities.to(torch::kFloat32).amax(1).contiguous();
  std::vector<ConfusedClasses> result;
  for (const auto& confusion : metrics::largest_confusions(matrix, kConfusions)) {
    result.push_back({task.labels[static_cast<std::size_t>(confusion.label)],
                      task.labels[static_cast<std::size_t>(confusion.prediction)], confusion.rows,
                      examples_of(confusion, of_rows, rows, confidences)});
  }
  return result;
}

base::Json to_json(const std::vector<ConfusedClasses>& confusions) {
  base::Json json = base::Json::array();
  for (const auto& confusion : confusions) {
    base::Json examples = base::Json::array();
    for (const auto& example : confusion.examples) {
      examples.push_back({{"row", example.row}, {"text", base::json_text(example.text)}});
    }
    json.push_back({{"label", confusion.label},
                    {"prediction", confusion.prediction},
                    {"rows", confusion.rows},
                    {"examples", examples}});
  }
  return json;
}

std::vector<ConfusedClasses> confusions_of_json(const base::Json& json, const std::string& where) {
  std::vector<ConfusedClasses> confusions;
  for (const auto& each : json) {
    ConfusedClasses confusion{base::json_at<std::string>(each, "label", where),
                              base::json_at<std::string>(each, "prediction", where),
                              base::json_at<std::int64_t>(each, "rows", where),
                              {}};
    for (const auto& example : base::json_at<base::Json>(each, "examples", where)) {
      confusion.examples.push_back({base::json_at<std::int64_t>(example, "row", where),
                                    base::json_at<std::string>(example, "text", where)});
    }
    confusions.push_back(std::move(confusion));
  }
  return confusions;
}

void write_classes(const std::filesystem::path& path, const data::Task& task,
                   const data::Dataset& rows, const RowPredictions& predictions) {
  const bool with_kb = predictions.knowledge_base.defined();
  const auto final = matrix_of(task, predictions.final, rows.labels);
  std::string text = "label\tsupport\tpredicted\tprecision\trecall\tf1";
  text += with_kb ? "\tstudent_f1\tkb_f1\n" : "\n";
  std::vector<metrics::ConfusionMatrix> parts;
  if (with_kb) {
    parts.push_back(matrix_of(task, predictions.student, rows.labels));
    parts.push_back(matrix_of(task, predictions.knowledge_base, rows.labels));
  }
  for (std::int64_t c = 0; c < task.num_labels(); ++c) {
    const auto score = final.of_class(c);
    text +=
        fmt::format("{}\t{}\t{}\t{:.6g}\t{:.6g}\t{:.6g}", task.labels[static_cast<std::size_t>(c)],
                    score.support, score.predicted, score.precision, score.recall, score.f1);
    for (const auto& part : parts) text += fmt::format("\t{:.6g}", part.of_class(c).f1);
    text += "\n";
  }
  base::write_file(path, text);
}

void write_confusion(const std::filesystem::path& path, const data::Task& task,
                     const data::Dataset& rows, const torch::Tensor& probabilities) {
  const auto matrix = matrix_of(task, probabilities, rows.labels);
  std::string text = "label";
  for (const auto& label : task.labels) text += "\t" + label;
  text += "\n";
  for (std::int64_t c = 0; c < task.num_labels(); ++c) {
    text += task.labels[static_cast<std::size_t>(c)];
    for (std::int64_t p = 0; p < task.num_labels(); ++p)
      text += fmt::format("\t{}", matrix.at(c, p));
    text += "\n";
  }
  base::write_file(path, text);
}

}  // namespace reaugkd::evaluation
