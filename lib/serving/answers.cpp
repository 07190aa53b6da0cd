#include "serving/answers.h"

#include <utility>

#include "models/classifier.h"
#include "train/predict.h"

namespace reaugkd::serving {

Retrieval::Retrieval(retrieval::KnowledgeBase kb, std::unique_ptr<retrieval::Index> index,
                     retrieval::RetrievalSetting setting, base::TaskKind kind)
    : kb_(std::move(kb)),
      index_(std::move(index)),
      setting_(std::move(setting)),
      soft_labels_(retrieval::answers_of(kb_, setting_.answers, kind)),
      class_rows_(retrieval::ClassRows::of(soft_labels_)) {}

std::int64_t Retrieval::class_of_row(std::int64_t row) const {
  return class_rows_.class_of_row.data_ptr<std::int64_t>()[row];
}

float Retrieval::score_of_row(std::int64_t row) const {
  return soft_labels_.data_ptr<float>()[row * soft_labels_.size(1)];
}

bool Retrieval::matters() const {
  return setting_.rule.mode == retrieval::BetaMode::kGate || setting_.beta < 1;
}

retrieval::Neighbors Retrieval::search(const torch::Tensor& s) const {
  return index_->search(s, std::min(setting_.k, kb_.size()));
}

retrieval::RetrievedPrediction Retrieval::predict(const torch::Tensor& student,
                                                  const retrieval::Neighbors& neighbors) const {
  return retrieval::predict(setting_, neighbors, soft_labels_, student, class_rows_);
}

torch::Tensor Retrieval::betas(const torch::Tensor& student, const torch::Tensor& knowledge_base,
                               const retrieval::Neighbors& neighbors) const {
  return retrieval::betas(setting_.beta, setting_.rule,
                          retrieval::widened(student, soft_labels_.size(1)), knowledge_base,
                          neighbors);
}

torch::Tensor Retrieval::weights(const retrieval::Neighbors& neighbors) const {
  const auto balanced = retrieval::balanced(neighbors, class_rows_, setting_.balance, setting_.tau);
  return torch::softmax(balanced.similarities.to(torch::kFloat64) / setting_.tau, 1);
}

Answerer::Answerer(train::Model model, data::TaskSettings settings, const tensor::Compute& compute,
                   std::int64_t batch_size, std::unique_ptr<Retrieval> retrieval, bool explained)
    : model_(std::move(model)),
      settings_(std::move(settings)),
      compute_(compute),
      batch_size_(batch_size),
      retrieval_(std::move(retrieval)),
      explained_(explained),
      task_(retrieval_ == nullptr ? settings_.task
                                  : data::with_new_classes(
                                        settings_.task, retrieval_->knowledge_base().new_classes)) {
  model_.classifier->prepare_to_answer(compute_);
}

Answers Answerer::answer(const Texts& texts) {
  const auto encoded = text::encode_dataset(*model_.tokenizer, texts.text_a, texts.text_b,
                                            settings_.max_seq_length, compute_.threads);
  const auto outputs = train::predict(model_.classifier, encoded,
                                      model_.predict_options(compute_, settings_, batch_size_));
  Answers answers;
  for (std::int64_t i = 0; i < encoded.size(); ++i) {
    answers.truncated.push_back(encoded.truncated(i) ? 1 : 0);
  }
  answers.student =
      retrieval::widened(train::probabilities_of(outputs.logits, task_.kind()), task_.num_labels());
  answers.combined = answers.student;
  if (retrieval_ == nullptr || (!explained_ && !retrieval_->matters())) return answers;
  answers.neighbors = retrieval_->search(models::unit_rows(outputs.queries));
  const auto [knowledge_base, combined] = retrieval_->predict(answers.student, answers.neighbors);
  answers.knowledge_base = knowledge_base;
  answers.combined = combined;
  if (explained_) {
    answers.beta = retrieval_->betas(answers.student, knowledge_base, answers.neighbors);
    answers.weights = retrieval_->weights(answers.neighbors);
  }
  return answers;
}

}  // namespace reaugkd::serving
