#include "stages/teacher_features.h"

#include <spdlog/spdlog.h>

#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "run/run_files.h"
#include "stages/project_teacher.h"
#include "train/pretrained_encoder.h"

namespace reaugkd::stages {

TeacherFeatures teacher_features(ProjectTeacher& teacher, train::Model* pretrained,
                                 const tensor::Compute& compute, std::int64_t batch_size,
                                 bool resume, const run::RunDirectory& run) {
  const data::TaskData& data = teacher.known();
  const std::string mark = run.inputs_digest();
  if (resume && train::features_mark(run.path()) == mark) {
    spdlog::info("goes on with the teacher's features of the stopped run");
    return {train::load_features(run.path(), "train", data.train),
            train::load_features(run.path(), "validation", data.validation)};
  }
  TeacherFeatures features{teacher.features(data.train), teacher.features(data.validation)};
  teacher.put_away();
  if (pretrained != nullptr) {
    const auto embeddings_of = [&](const data::Dataset& rows) {
      return train::pretrained_embeddings(*pretrained, rows, data.settings, compute, batch_size);
    };
    features.train.pretrained = embeddings_of(data.train);
    features.validation.pretrained = embeddings_of(data.validation);
    pretrained->classifier->to(torch::kCPU);
  }
  train::save_features(features.train, features.validation, mark, run.path());
  return features;
}

void carry_teacher_run(const std::filesystem::path& teacher, const std::filesystem::path& output) {
  for (const char* name : {run::kTeacherRunFile, "run.json"}) {  // the first of a projected teacher
    if (!std::filesystem::exists(teacher / name)) continue;
    base::write_file(output / run::kTeacherRunFile, base::read_file(teacher / name));
    return;
  }
}

torch::Tensor positive_labels(const data::Dataset& rows, base::TaskKind kind) {
  auto labels = rows.labels;
  if (kind == base::TaskKind::kRegression) {  // 2.5 to 3, as in the split's strata
    for (float& label : labels) label = std::round(label);
  }
  return torch::tensor(labels);
}

LabelledRows labelled_rows(const data::Dataset& rows, base::TaskKind kind) {
  const auto labels = positive_labels(rows, kind);
  const auto positions = torch::isnan(labels).logical_not().nonzero().squeeze(1);
  if (positions.numel() < 2) {
    throw base::DataError("{}: {} of its rows to train on have labels, equation 1 needs 2",
                          rows.path.string(), positions.numel());
  }
  return {positions, labels.index_select(0, positions)};
}

}  // namespace reaugkd::stages
