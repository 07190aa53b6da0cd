#include "stages/row_classifier.h"

#include "nn/slices.h"
#include "train/batches.h"

namespace reaugkd::stages {

RowClassifier::RowClassifier(Model& model, const data::Dataset& dataset,
                             const TaskSettings& settings, const Compute& compute)
    : model_(model),
      encoded_(model.encode(dataset, settings, compute.threads)),
      max_tokens_(settings.max_seq_length),
      compute_(compute) {
  model_.classifier->to(compute.device);
}

nn::BertInput RowClassifier::input(const Rows& rows) const {
  return train::collate(encoded_, rows, model_.tokenizer->special_tokens().pad, max_tokens_)
      .to(compute_.device);
}

nn::ClassifierOutput RowClassifier::forward(const Rows& rows, nn::BertTrace* trace) const {
  return forward_in(compute_.precision, rows, trace);
}

nn::ClassifierOutput RowClassifier::forward_in_fp32(const Rows& rows) const {
  return forward_in(tensor::Precision::kFp32, rows, nullptr);
}

nn::ClassifierOutput RowClassifier::forward_in(tensor::Precision precision, const Rows& rows,
                                               nn::BertTrace* trace) const {
  const auto batch = input(rows);
  const tensor::AutocastGuard autocast(compute_.device, precision);
  return nn::forward_in_slices(model_.classifier, batch, model_.embedding, trace);
}

torch::Tensor RowClassifier::index(const Rows& rows) const {
  return tensor::send(torch::tensor(rows, torch::kInt64), compute_.device);
}

std::vector<train::ParameterGroup> ClassifierStep::parameter_groups() {
  return train::decay_groups(*student_.model().classifier, options_.learning_rate,
                             options_.weight_decay);
}

void ClassifierStep::set_training(bool training) {
  student_.model().classifier->train(training);
}

void append(std::vector<train::ParameterGroup>& groups, std::vector<train::ParameterGroup> more) {
  for (auto& group : more) groups.push_back(std::move(group));
}

}  // namespace reaugkd::stages
