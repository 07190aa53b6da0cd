// A model together with the encoded rows that it is run on during training: what every method of
// training shares.
#pragma once

#include <vector>

#include "train/model.h"

namespace reaugkd::train {

using Rows = std::vector<std::int64_t>;

/// A model on the rows of one data set, tokenized by the model's own tokenizer. The model moves to
/// the device and must outlive this.
class ModelOnData {
 public:
  ModelOnData(Model& model, const data::Dataset& dataset, const data::TaskSettings& settings,
              const tensor::Compute& compute);

  /// The rows as a batch on the device.
  models::EncoderInput input(const Rows& rows) const;
  /// The model's outputs for them, in the stage's precision; outputs are fp32.
  models::ClassifierOutput forward(const Rows& rows, models::EncoderTrace* trace = nullptr) const;
  /// The same in fp32 throughout.
  models::ClassifierOutput forward_in_fp32(const Rows& rows) const;
  /// The rows as an index on the device, (B) int64.
  torch::Tensor index(const Rows& rows) const;

  Model& model() const { return model_; }
  const text::EncodedDataset& encoded() const { return encoded_; }
  const tensor::Compute& compute() const { return compute_; }

 private:
  models::ClassifierOutput forward_in(tensor::Precision precision, const Rows& rows,
                                      models::EncoderTrace* trace) const;

  Model& model_;
  text::EncodedDataset encoded_;
  std::int64_t max_tokens_;
  tensor::Compute compute_;
};

}  // namespace reaugkd::train
