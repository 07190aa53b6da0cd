// The methods of distill --method: what each needs, its defaults, and the step that trains by it.
// Each has a file of its own beside this one; docs/methods.md has their sources.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "stages/distill_options.h"
#include "stages/methods/targets.h"
#include "stages/row_classifier.h"

namespace reaugkd::stages {

/// What a method is made of. Everything outlives the step.
struct MethodContext {
  const DistillOptions& options;
  const TaskData& data;
  const RowClassifier& student;
  const data::Dataset* quiz = nullptr;  // metadistil: rows kept out of data.train

  const Compute& compute() const { return student.compute(); }
  /// The prediction terms, with the options' weight and temperature.
  PredictionLoss prediction() const;
  torch::Tensor labels() const { return labels_on(data.train, compute().device); }
  /// A teacher's outputs for every training row in eval mode, one pass, in fp32.
  train::Predictions outputs_of(const std::filesystem::path& teacher) const;
};

enum class Source { kLabels, kKnowledgeBase, kKnowledgeBaseOrTeacher, kTeacher };

struct Method {
  std::string name;
  Source source;
  double hard_label_weight;
  double distill_temperature;
  std::function<std::unique_ptr<train::Step>(const MethodContext&)> make_step;
  double teacher_learning_rate = 3e-5;  // of methods that train the teacher too
};

std::vector<std::string> method_names();
/// By its name, which is one of method_names().
const Method& method_by_name(const std::string& name);

// One file each; the header of the .cpp has the source and the equations.
std::unique_ptr<train::Step> make_finetune(const MethodContext& context);
std::unique_ptr<train::Step> make_kd(const MethodContext& context);
std::unique_ptr<train::Step> make_reaugkd(const MethodContext& context);
std::unique_ptr<train::Step> make_takd(const MethodContext& context);
std::unique_ptr<train::Step> make_rco(const MethodContext& context);
std::unique_ptr<train::Step> make_pkd(const MethodContext& context);
std::unique_ptr<train::Step> make_rkd(const MethodContext& context);
std::unique_ptr<train::Step> make_tinybert(const MethodContext& context);
std::unique_ptr<train::Step> make_minilm(const MethodContext& context);
std::unique_ptr<train::Step> make_dml(const MethodContext& context);
std::unique_ptr<train::Step> make_prokt(const MethodContext& context);
std::unique_ptr<train::Step> make_sftn(const MethodContext& context);
std::unique_ptr<train::Step> make_metadistil(const MethodContext& context);

/// A teacher's model on the training rows: frozen in eval mode, as it was fine-tuned, or to be
/// trained with the student (head and pooler may then be missing).
class LiveTeacher {
 public:
  enum class Use { kFrozen, kTrained };
  LiveTeacher(const MethodContext& context, Use use);

  const RowClassifier& rows() const { return rows_; }
  nn::BertForSequenceClassification& classifier() { return model_.classifier; }
  const nn::BertConfig& config() const { return model_.config; }
  /// As MethodContext::outputs_of, by the weights as they are.
  train::Predictions outputs(const MethodContext& context);
  std::vector<train::ParameterGroup> parameter_groups() const;
  /// Throws ConfigError unless both models cut texts into the same tokens and have equally many
  /// attention heads: what losses on attention maps need.
  void check_same_tokens_and_heads(const MethodContext& context) const;

 private:
  Model model_;
  RowClassifier rows_;
  double learning_rate_, weight_decay_;
};

}  // namespace reaugkd::stages
