// A distillation method: what it is called and needs, its own options, and the objective that
// trains by it. methods.cpp has the table of all; docs/developer/adding-a-method.md shows how to
// add one.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/options.h"
#include "data/task_settings.h"
#include "distill/targets.h"
#include "distill/teacher_outputs.h"
#include "train/classifier_objective.h"

namespace reaugkd::distill {

/// Whom a method learns from.
enum class Source { kLabels, kKnowledgeBase, kKnowledgeBaseOrTeacher, kTeacher };

struct MethodInfo {
  std::string name;     // as `method` spells it
  std::string summary;  // one line for --help
  std::string source;   // "Sun et al., EMNLP 2019"
  Source learns_from;
  bool needs_weights = true;            // of a teacher: its outputs alone do not do
  double hard_label_weight = 0;         // default w of (1 - w) teacher + w labels
  double distill_temperature = 1;       // default T
  bool trains_teacher = false;          // the teacher is trained beside the student
  double teacher_learning_rate = 3e-5;  // default peak rate of a teacher that is trained
  bool follows_trajectory = false;      // it reads the anchors of the teacher's training
  bool learns_key_space = false;        // the student's embeddings become queries of its keys
};

/// What all methods share, resolved.
struct DistillSettings {
  std::filesystem::path knowledge_base;  // empty: none
  std::filesystem::path teacher;         // empty: none, or its outputs are given
  std::filesystem::path student;
  double hard_label_weight = 0;
  double distill_temperature = 1;
  double teacher_learning_rate = 0;
  std::uint64_t seed = 0;
  train::TrainingOptions training;
};

/// What an objective is made of. Everything outlives the objective.
struct MethodContext {
  const DistillSettings& settings;
  const data::TaskData& data;
  const train::ModelOnData& student;
  const data::Dataset& quiz;  // rows kept out of data.train where the method has a quiz_share()
  const TeacherOutputs* given = nullptr;  // in place of a teacher

  const tensor::Compute& compute() const { return student.compute(); }
  /// The prediction terms, with the settings' weight and temperature.
  PredictionLoss prediction() const;
  torch::Tensor labels() const { return labels_on(data.train, compute().device); }
  /// A teacher's outputs for every training row in eval mode, one pass, in fp32.
  train::Predictions outputs_of(const std::filesystem::path& teacher) const;
  /// The same of the settings' teacher, or what is given in its place: where it has not answered,
  /// the logits are the gold label's, and the embedding is a row of NaN (undefined: no row has
  /// one).
  train::Predictions teacher_outputs() const;
};

class Method {
 public:
  explicit Method(MethodInfo info) : info_(std::move(info)) {}
  virtual ~Method() = default;
  const MethodInfo& info() const { return info_; }

  /// Adds the options that this method alone reads; they are members of the method.
  virtual void add_options(base::OptionList& options) { (void)options; }
  /// The share of the training rows that is kept out of training for a quiz; 0: none.
  virtual double quiz_share() const { return 0; }
  /// Throws ConfigError where the settings make no sense with this method.
  virtual void check(const DistillSettings& settings) const { (void)settings; }
  /// What of its own options is not read, each named by its key in backticks.
  virtual std::vector<std::string> warnings() const { return {}; }
  /// The objective that trains the student. Throws as the readers of what it needs do.
  virtual std::unique_ptr<train::Objective> make(const MethodContext& context) const = 0;

 private:
  MethodInfo info_;
};

using MethodPtr = std::unique_ptr<Method>;

/// A new object of each method of the table, with its options at their defaults.
std::vector<MethodPtr> make_methods();
/// Adds a method of a new name to the table, before anything is run: for tests and for programs
/// that embed the library.
void add_method(std::unique_ptr<Method> (*make)());

// One file each; the .cpp's first lines have the source and the equations.
std::unique_ptr<Method> make_reaugkd();
std::unique_ptr<Method> make_kd();
std::unique_ptr<Method> make_finetune();
std::unique_ptr<Method> make_pkd();
std::unique_ptr<Method> make_rkd();
std::unique_ptr<Method> make_tinybert();
std::unique_ptr<Method> make_minilm();
std::unique_ptr<Method> make_takd();
std::unique_ptr<Method> make_rco();
std::unique_ptr<Method> make_sftn();
std::unique_ptr<Method> make_dml();
std::unique_ptr<Method> make_prokt();
std::unique_ptr<Method> make_metadistil();

}  // namespace reaugkd::distill
