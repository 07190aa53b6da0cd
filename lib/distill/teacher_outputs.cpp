#include "distill/teacher_outputs.h"

#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "base/error.h"
#include "distill/output_arrays.h"

namespace reaugkd::distill {
namespace {

/// The values as a tensor (n, width) that owns them; undefined where there are none.
torch::Tensor tensor_of(std::vector<float>&& values, std::int64_t width) {
  if (width == 0) return {};
  const auto kept = std::make_shared<std::vector<float>>(std::move(values));
  return torch::from_blob(
      kept->data(), {std::ssize(*kept) / width, width}, [kept](void*) {}, torch::kFloat32);
}

/// Whether row i of `values` holds an answer.
bool answers(const torch::Tensor& values, std::int64_t i) {
  return !std::isnan(values.data_ptr<float>()[i * values.size(1)]);
}

std::vector<std::int64_t> answered_positions(const torch::Tensor& values,
                                             const std::vector<std::int64_t>& places) {
  std::vector<std::int64_t> positions;
  if (!values.defined()) return positions;
  for (std::int64_t i = 0; i < std::ssize(places); ++i) {
    const auto place = places[static_cast<std::size_t>(i)];
    if (place >= 0 && answers(values, place)) positions.push_back(i);
  }
  return positions;
}

}  // namespace

TeacherOutputs::TeacherOutputs(std::filesystem::path path, const data::Task& task,
                               const std::vector<data::AnsweredFile>& files)
    : path_(std::move(path)), classes_(task.num_labels()) {
  std::vector<base::ExampleId> ids;
  if (holds_arrays(path_)) {
    auto arrays = read_output_arrays(path_, task, files);
    embeddings_ = arrays.embeddings;
    logits_ = arrays.logits;
    ids = std::move(arrays.rows);
  } else if (path_.extension() == ".jsonl") {
    auto lines = data::read_answer_file(path_, task, files);
    embeddings_ = tensor_of(std::move(lines.embeddings), lines.width);
    logits_ = tensor_of(std::move(lines.logits), lines.classes);
    ids = std::move(lines.ids);
  } else {
    throw base::ConfigError(
        "`teacher_outputs` {}: its name ends in \"{}\", expected .safetensors, .npy, .npz or "
        ".jsonl",
        path_.string(), path_.extension().string());
  }
  if (!has_embeddings() && !has_logits()) {
    throw base::DataError("{}: has neither an embedding nor a prediction of any row",
                          path_.string());
  }
  for (std::int64_t i = 0; i < std::ssize(ids); ++i) {
    place_of_.emplace(ids[static_cast<std::size_t>(i)], i);
  }
}

std::vector<std::int64_t> TeacherOutputs::places_of(const data::Dataset& rows) const {
  std::vector<std::int64_t> places;
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    const auto found = place_of_.find(rows.id(i));
    places.push_back(found == place_of_.end() ? -1 : found->second);
  }
  return places;
}

torch::Tensor TeacherOutputs::rows_of(const torch::Tensor& values,
                                      const data::Dataset& rows) const {
  const auto places = torch::tensor(places_of(rows), torch::kInt64);
  auto found = values.index_select(0, places.clamp_min(0));
  const auto missing = places < 0;
  if (missing.any().item<bool>()) {
    found.masked_fill_(missing.unsqueeze(1), std::numeric_limits<float>::quiet_NaN());
  }
  return found;
}

std::vector<std::int64_t> TeacherOutputs::embedded(const data::Dataset& rows) const {
  return answered_positions(embeddings_, places_of(rows));
}

std::vector<std::int64_t> TeacherOutputs::predicted(const data::Dataset& rows) const {
  return answered_positions(logits_, places_of(rows));
}

torch::Tensor TeacherOutputs::embeddings_of(const data::Dataset& rows) const {
  REAUGKD_CHECK(has_embeddings(), "{} has no embeddings", path_.string());
  return rows_of(embeddings_, rows);
}

torch::Tensor TeacherOutputs::logits_of(const data::Dataset& rows) const {
  if (has_logits()) return rows_of(logits_, rows);
  return torch::full({rows.size(), classes_}, std::numeric_limits<float>::quiet_NaN());
}

}  // namespace reaugkd::distill
