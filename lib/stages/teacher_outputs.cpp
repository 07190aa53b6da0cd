#include "stages/teacher_outputs.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <numeric>

#include "base/error.h"
#include "base/names.h"

namespace reaugkd::stages {
namespace {

/// The positions of 0 ... n - 1 that are not among `some`, which are ascending.
std::vector<std::int64_t> others(std::int64_t n, const std::vector<std::int64_t>& some) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(n)), rest;
  std::iota(all.begin(), all.end(), std::int64_t{0});
  std::ranges::set_difference(all, some, std::back_inserter(rest));
  return rest;
}

void warn_of(const distill::TeacherOutputs& outputs, const data::Dataset& rows,
             const std::vector<std::int64_t>& positions, const std::string& what) {
  if (positions.empty()) return;
  spdlog::warn("{}: {} of the {} rows to train on {} ({})", outputs.path().string(),
               positions.size(), rows.size(), what, row_numbers(rows, positions));
}

/// Predictions that agree with fewer labels than the most frequent class does are most likely in
/// another order of the classes.
void check_agreement(const distill::TeacherOutputs& outputs, const data::TaskData& data) {
  const auto& task = data.settings.task;
  if (task.regression()) return;
  const auto logits = outputs.logits_of(data.train);
  const auto labels = torch::tensor(data.train.labels);
  const auto both = (logits.isnan().all(1) | labels.isnan()).logical_not().nonzero().squeeze(1);
  if (both.numel() == 0) return;
  const auto known = labels.index_select(0, both).to(torch::kInt64);
  const auto right = logits.index_select(0, both).argmax(1) == known;
  const double agreement = right.to(torch::kFloat64).mean().item<double>();
  const double majority = static_cast<double>(torch::bincount(known).max().item<std::int64_t>()) /
                          static_cast<double>(known.numel());
  spdlog::info("{}: its predictions agree with the labels of {:.1f} % of {} training rows",
               outputs.path().string(), 100 * agreement, known.numel());
  if (agreement >= majority) return;
  spdlog::warn(
      "{}: its predictions agree with the labels of {:.1f} % of the rows, the most frequent class "
      "with {:.1f} %: are its classes in the order of the task ({})?",
      outputs.path().string(), 100 * agreement, 100 * majority, base::few_names(task.labels));
}

void remove_rows(data::TaskData& data, const std::vector<std::int64_t>& positions) {
  if (positions.empty()) return;
  const auto kept = others(data.train.size(), positions);
  if (kept.empty()) {
    throw base::DataError("{}: no row to train on has a label or a prediction",
                          data.train.path.string());
  }
  for (const auto position : positions) {
    std::erase(data.split.train_rows, data.train.rows[static_cast<std::size_t>(position)]);
  }
  data.train = data.train.subset(kept);
}

}  // namespace

std::string row_numbers(const data::Dataset& rows, const std::vector<std::int64_t>& positions) {
  constexpr std::size_t kShown = 5;
  std::string text = positions.size() == 1 ? "row " : "rows ";
  for (std::size_t i = 0; i < std::min(kShown, positions.size()); ++i) {
    text +=
        fmt::format("{}{}", i > 0 ? ", " : "", rows.rows[static_cast<std::size_t>(positions[i])]);
  }
  return positions.size() > kShown ? text + ", ..." : text;
}

distill::TeacherOutputs read_outputs(const std::string& path, const data::TaskData& data,
                                     run::RunDirectory& run) {
  run.add_input(path);
  std::vector<data::AnsweredFile> files = {data::answered_file(data.train)};
  files.front().rows = data.rows_in_train_file;
  if (!data.split.validation.holdout) files.push_back(data::answered_file(data.validation));
  distill::TeacherOutputs outputs(path, data.settings.task, files);
  spdlog::info("{}: embeddings of {}, {}", path,
               outputs.has_embeddings() ? fmt::format("width {}", outputs.width()) : "no row",
               outputs.has_logits() ? "predictions" : "no predictions");
  return outputs;
}

Unanswered take_out_unanswered(const distill::TeacherOutputs& outputs, bool embeddings,
                               data::TaskData& data) {
  check_agreement(outputs, data);
  Unanswered found;
  auto missing = others(data.train.size(), outputs.predicted(data.train));
  std::vector<std::int64_t> nobody;
  std::ranges::copy_if(missing, std::back_inserter(nobody),
                       [&](auto i) { return !data.train.labelled(i); });
  warn_of(outputs, data.train, nobody, "have no prediction there and no label: they are left out");
  remove_rows(data, nobody);
  found.left_out = std::ssize(nobody);

  missing = others(data.train.size(), outputs.predicted(data.train));
  found.without_prediction = std::ssize(missing);
  if (!outputs.has_logits()) {
    spdlog::warn("{}: has no predictions: the labels answer for all rows", outputs.path().string());
  } else {
    warn_of(outputs, data.train, missing, "have no prediction there: their labels answer");
  }
  if (!embeddings) return found;
  missing = others(data.train.size(), outputs.embedded(data.train));
  warn_of(outputs, data.train, missing,
          "have no embedding there: they become no key, and a student learns their labels alone");
  found.without_embedding = std::ssize(missing);
  return found;
}

data::TaskData embedded_part(const distill::TeacherOutputs& outputs, const data::TaskData& data) {
  const auto train = outputs.embedded(data.train);
  const auto validation = outputs.embedded(data.validation);
  if (train.size() < 2) {
    throw base::DataError("{}: {} of the {} rows to train on have an embedding there, 2 are needed",
                          outputs.path().string(), train.size(), data.train.size());
  }
  if (validation.empty()) {
    throw base::DataError(
        "{}: no row of {} that validates has an embedding there: answer for these rows too (those "
        "of dev by their ids, in a .jsonl), or give --validation holdout:0.1",
        outputs.path().string(), data.validation.path.string());
  }
  data::TaskData part = data;
  if (std::ssize(train) < data.train.size()) part.train = data.train.subset(train);
  if (std::ssize(validation) < data.validation.size()) {
    spdlog::warn("{}: {} of the {} rows that validate have no embedding there",
                 outputs.path().string(), data.validation.size() - std::ssize(validation),
                 data.validation.size());
    part.validation = data.validation.subset(validation);
  }
  return part;
}

train::Features features_of(const distill::TeacherOutputs& outputs, bool embeddings,
                            const data::Dataset& rows) {
  return {embeddings ? outputs.embeddings_of(rows) : torch::Tensor(),
          outputs.logits_of(rows),
          train::example_ids_of(rows),
          {}};
}

}  // namespace reaugkd::stages
