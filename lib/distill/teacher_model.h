// A teacher's model beside the student: frozen, or trained together with it.
#pragma once

#include <vector>

#include "distill/method.h"

namespace reaugkd::distill {

/// A teacher on the training rows: frozen in eval mode, as it was fine-tuned; frozen, and read for
/// its layers alone; or to be trained with the student. But for the first, head and pooler may be
/// missing.
class TeacherModel {
 public:
  enum class Use { kFrozen, kLayersAlone, kTrained };
  TeacherModel(const MethodContext& context, Use use);

  const train::ModelOnData& rows() const { return rows_; }
  models::Classifier& classifier() { return model_.classifier; }
  const models::ModelConfig& config() const { return model_.config; }
  /// As MethodContext::outputs_of, by the weights as they are.
  train::Predictions outputs(const MethodContext& context);
  std::vector<train::ParameterGroup> parameter_groups() const;
  /// Throws ConfigError unless both models cut texts into the same tokens and have equally many
  /// attention heads: what losses on attention maps need. `method` is for the message.
  void check_same_tokens_and_heads(const MethodContext& context, const std::string& method) const;

  enum class Compared { kAllLayers, kLastLayer };
  /// Throws ConfigError if a compared layer of either model sees a part of the longest text only:
  /// the scores of the pairs beyond do nothing in that model, and are nothing to learn.
  void check_whole_attention(const MethodContext& context, const std::string& method,
                             Compared layers) const;

 private:
  train::Model model_;
  train::ModelOnData rows_;
  double learning_rate_, weight_decay_;
};

}  // namespace reaugkd::distill
