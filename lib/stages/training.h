// Trains a classifier with train::fit: what teacher-finetune and distill do alike. Each brings its
// loss; batches, validation by the student or teacher alone, and the summary are here.
#pragma once

#include <functional>

#include "stages/model.h"
#include "stages/training_options.h"
#include "train/fit.h"

namespace reaugkd::stages {

/// The loss of a batch from the classifier's outputs and the batch's rows (positions in the
/// training part).
using BatchLoss =
    std::function<train::LossTerms(const nn::ClassifierOutput&, const torch::Tensor& rows)>;

/// Fits `model` on data.train with `loss`, validates on data.validation, keeps the best; returns
/// metrics.json's content. Equal arguments give equal parameters.
core::Json train_classifier(const std::string& what, Model& model, const TaskData& data,
                            const TrainingOptions& options, std::uint64_t seed,
                            const Compute& compute, const BatchLoss& loss, const StageRun& run);

/// The same rows as a table for people: what was reached and how fast.
std::string training_summary(const std::string& what, const core::Json& metrics,
                             const std::filesystem::path& directory, const std::string& next);

}  // namespace reaugkd::stages
