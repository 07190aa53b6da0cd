// A classifier together with the encoded rows that it is run on during training: what every method
// of training shares.
#pragma once

#include <vector>

#include "stages/model.h"
#include "stages/training_options.h"
#include "train/fit.h"

namespace reaugkd::stages {

using Rows = std::vector<std::int64_t>;

/// A model on the rows of one data set, tokenized by the model's own tokenizer. The model moves to
/// the device and must outlive this.
class RowClassifier {
 public:
  RowClassifier(Model& model, const data::Dataset& dataset, const TaskSettings& settings,
                const Compute& compute);

  /// The rows as a batch on the device.
  nn::BertInput input(const Rows& rows) const;
  /// The model's outputs for them, in the stage's precision; outputs are fp32.
  nn::ClassifierOutput forward(const Rows& rows, nn::BertTrace* trace = nullptr) const;
  /// The same in fp32 throughout.
  nn::ClassifierOutput forward_in_fp32(const Rows& rows) const;
  /// The rows as an index on the device, (B) int64.
  torch::Tensor index(const Rows& rows) const;

  Model& model() const { return model_; }
  const text::EncodedDataset& encoded() const { return encoded_; }
  const Compute& compute() const { return compute_; }

 private:
  nn::ClassifierOutput forward_in(tensor::Precision precision, const Rows& rows,
                                  nn::BertTrace* trace) const;

  Model& model_;
  text::EncodedDataset encoded_;
  std::int64_t max_tokens_;
  Compute compute_;
};

/// A Step that trains one classifier; its loss is the method's.
class ClassifierStep : public train::Step {
 public:
  ClassifierStep(const RowClassifier& student, const TrainingOptions& options)
      : student_(student), options_(options) {}

  std::vector<train::ParameterGroup> parameter_groups() override;
  void set_training(bool training) override;

 protected:
  const RowClassifier& student_;
  const TrainingOptions& options_;
};

/// Adds `more` to `groups`.
void append(std::vector<train::ParameterGroup>& groups, std::vector<train::ParameterGroup> more);

}  // namespace reaugkd::stages
