#include "train/model_on_data.h"

#include "models/thread_parallel.h"
#include "train/batches.h"

namespace reaugkd::train {

ModelOnData::ModelOnData(Model& model, const data::Dataset& dataset,
                         const data::TaskSettings& settings, const tensor::Compute& compute)
    : model_(model),
      encoded_(model.encode(dataset, settings, compute)),
      max_tokens_(settings.max_seq_length),
      compute_(compute) {
  model_.classifier->to(compute.device);
}

models::EncoderInput ModelOnData::input(const Rows& rows) const {
  return collate(encoded_, rows, model_.tokenizer->special_tokens().pad, max_tokens_)
      .to(compute_.device);
}

models::ClassifierOutput ModelOnData::forward(const Rows& rows, models::EncoderTrace* trace) const {
  return forward_in(compute_.precision, rows, trace);
}

models::ClassifierOutput ModelOnData::forward_in_fp32(const Rows& rows) const {
  return forward_in(tensor::Precision::kFp32, rows, nullptr);
}

models::ClassifierOutput ModelOnData::forward_in(tensor::Precision precision, const Rows& rows,
                                                 models::EncoderTrace* trace) const {
  const auto batch = input(rows);
  const tensor::AutocastGuard autocast(compute_.device, precision);
  return models::forward_on_threads(model_.classifier, batch, model_.pooling, trace);
}

torch::Tensor ModelOnData::index(const Rows& rows) const {
  return tensor::send(torch::tensor(rows, torch::kInt64), compute_.device);
}

}  // namespace reaugkd::train
