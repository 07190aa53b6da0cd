// Knowledge distillation (Hinton et al., 2015) from targets known beforehand: the prediction terms
// of equation 4. The methods that add a term to it derive from it.
#pragma once

#include "distill/method.h"

namespace reaugkd::distill {

/// (1 - w) CE(p^T, p^S) T^2 + w CE(y, p^S), plus what add_terms() adds.
class KdObjective : public train::ClassifierObjective {
 public:
  /// `teacher`: logits (n, C) for every training row; undefined where only labels teach (w = 1).
  KdObjective(const MethodContext& context, const torch::Tensor& teacher);
  train::LossTerms loss(const train::Rows& rows) override;

 protected:
  /// Adds further terms to the loss of a batch; `index` is the batch's (B) rows.
  virtual void add_terms(train::LossTerms& loss, const models::ClassifierOutput& output,
                         const models::EncoderTrace& trace, const torch::Tensor& index);
  torch::Tensor teacher_;  // (n, C) logits
  bool traced_ = false;    // whether add_terms looks inside the student

 private:
  torch::Tensor labels_;  // (n)
  PredictionLoss prediction_;
};

/// Adds weight * term to the loss, and the term to its log under `name`.
void add_term(train::LossTerms& loss, const std::string& name, const torch::Tensor& term,
              double weight);

}  // namespace reaugkd::distill
