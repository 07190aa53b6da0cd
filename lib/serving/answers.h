// What a model, and a knowledge base beside it, say of texts that have no label: the one place that
// answers for rows which are nobody's training or test data. Used by predict.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "retrieval/knowledge_base.h"
#include "retrieval/selection.h"
#include "train/model.h"

namespace reaugkd::serving {

/// Texts to answer for: of a single-sentence task `text_b` is empty.
struct Texts {
  base::TextColumn text_a, text_b;
};

/// A knowledge base with the setting that it answers by.
class Retrieval {
 public:
  /// `soft_labels` are answers_of() the setting's rule.
  Retrieval(retrieval::KnowledgeBase kb, std::unique_ptr<retrieval::Index> index,
            retrieval::RetrievalSetting setting, base::TaskKind kind);

  const retrieval::KnowledgeBase& knowledge_base() const { return kb_; }
  const retrieval::Index& index() const { return *index_; }
  const retrieval::RetrievalSetting& setting() const { return setting_; }
  /// What a row of the knowledge base answers, as a class. (N) int64; scores: 0.
  std::int64_t class_of_row(std::int64_t row) const;
  /// The score that a row answers, of a regression task.
  float score_of_row(std::int64_t row) const;
  /// Whether the setting lets the knowledge base change an answer: not where beta is 1.
  bool matters() const;
  /// Equations 5 to 7: `student` (B, C) is p^S, `s` (B, D) unit rows.
  retrieval::RetrievedPrediction predict(const torch::Tensor& student,
                                         const retrieval::Neighbors& neighbors) const;
  retrieval::Neighbors search(const torch::Tensor& s) const;
  /// beta of each row, (B) fp64.
  torch::Tensor betas(const torch::Tensor& student, const torch::Tensor& knowledge_base,
                      const retrieval::Neighbors& neighbors) const;
  /// The softmax of equation 6, (B, k) fp64: what each neighbor counts; 0 where there is none.
  torch::Tensor weights(const retrieval::Neighbors& neighbors) const;

 private:
  retrieval::KnowledgeBase kb_;
  std::unique_ptr<retrieval::Index> index_;
  retrieval::RetrievalSetting setting_;
  torch::Tensor soft_labels_;        // (N, C)
  retrieval::ClassRows class_rows_;  // of soft_labels_
};

/// What is said of B texts, in their order.
struct Answers {
  torch::Tensor combined;               // (B, C) p, or scores (B, 1)
  torch::Tensor student;                // (B, C) p^S
  torch::Tensor knowledge_base;         // (B, C) p^KB; undefined where it was not asked
  torch::Tensor beta;                   // (B) fp64; undefined where it was not asked
  retrieval::Neighbors neighbors;       // (B, k); undefined where it was not asked
  torch::Tensor weights;                // (B, k) fp64, of the neighbors
  std::vector<std::uint8_t> truncated;  // B: whether the text was cut

  std::int64_t size() const { return combined.size(0); }
  bool with_knowledge_base() const { return knowledge_base.defined(); }
};

class Answerer {
 public:
  /// `retrieval` may be null: the model alone. With `explained` the knowledge base is asked, and
  /// beta and the weights are worked out, even where the setting gives it no say.
  Answerer(train::Model model, data::TaskSettings settings, const tensor::Compute& compute,
           std::int64_t batch_size, std::unique_ptr<Retrieval> retrieval, bool explained);

  /// Throws NumericError where an output is not finite.
  Answers answer(const Texts& texts);

  /// The task, with the classes that the knowledge base adds.
  const data::Task& task() const { return task_; }
  const Retrieval* retrieval() const { return retrieval_.get(); }

 private:
  train::Model model_;
  data::TaskSettings settings_;
  tensor::Compute compute_;
  std::int64_t batch_size_;
  std::unique_ptr<Retrieval> retrieval_;
  bool explained_;
  data::Task task_;
};

}  // namespace reaugkd::serving
