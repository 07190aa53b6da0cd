// Patient knowledge distillation (Sun et al., EMNLP 2019), equation 8: kd's terms plus beta times
// the distance of normalised [CLS] states in chosen layers (losses/pkd.h).
#include "losses/pkd.h"

#include "base/error.h"
#include "base/interrupt.h"
#include "base/progress.h"
#include "distill/kd.h"
#include "distill/teacher_model.h"
#include "train/batches.h"

namespace reaugkd::distill {
namespace {

/// [CLS] after the layers, counted from 1: (B, M, H).
torch::Tensor first_token_states(const models::EncoderTrace& trace,
                                 const std::vector<std::int64_t>& layers) {
  std::vector<torch::Tensor> states;
  for (const auto layer : layers) {
    states.push_back(trace.hidden_states[layer].select(1, 0).to(torch::kFloat32));
  }
  return torch::stack(states, 1);
}

class PkdObjective : public KdObjective {
 public:
  PkdObjective(const MethodContext& context, const torch::Tensor& teacher, torch::Tensor states,
               double weight)
      : KdObjective(context, teacher), states_(std::move(states)), weight_(weight) {
    traced_ = true;
    for (std::int64_t m = 1; m <= states_.size(1); ++m) layers_.push_back(m);
  }

 private:
  void add_terms(train::LossTerms& loss, const models::ClassifierOutput& output,
                 const models::EncoderTrace& trace, const torch::Tensor& index) override {
    (void)output;
    add_term(loss, "patience",
             losses::patience(states_.index_select(0, index), first_token_states(trace, layers_)),
             weight_);
  }

  torch::Tensor states_;  // (n, M, H): the teacher's
  double weight_;
  std::vector<std::int64_t> layers_;  // the student's, but the last
};

void check_sizes(const MethodContext& context, const models::ModelConfig& teacher) {
  const auto& student = context.student.model().config;
  if (teacher.hidden_size != student.hidden_size ||
      teacher.num_hidden_layers < student.num_hidden_layers || student.num_hidden_layers < 2) {
    throw base::ConfigError(
        "`method` pkd: compares layers of equal width: the teacher {} has {} layers of {}, the "
        "student {} of {}; it needs 2 layers or more, no more than the teacher's, and one width",
        context.settings.teacher.string(), teacher.num_hidden_layers, teacher.hidden_size,
        student.num_hidden_layers, student.hidden_size);
  }
}

class Pkd : public Method {
 public:
  Pkd()
      : Method({.name = "pkd",
                .summary = "patient: the [CLS] states of the layers in between too",
                .source = "Sun et al., EMNLP 2019",
                .learns_from = Source::kTeacher,
                .hard_label_weight = 0.5,
                .distill_temperature = 10}) {}

  void add_options(base::OptionList& options) override {
    options.add({"pkd-layers",
                 "",
                 &layers_,
                 "which of the teacher's layers to match: every k-th (skip) or the last ones",
                 {},
                 {"skip", "last"}});
    options.add({"pkd-weight", "", &weight_, "beta in the paper: weight of the patience term",
                 base::kNotNegative});
  }
  std::unique_ptr<train::Objective> make(const MethodContext& context) const override {
    TeacherModel teacher(context, TeacherModel::Use::kFrozen);
    check_sizes(context, teacher.config());
    const auto layers = losses::patient_layers(context.student.model().config.num_hidden_layers,
                                               teacher.config().num_hidden_layers,
                                               losses::parse_patience_layers(layers_));
    const torch::NoGradGuard no_grad;
    teacher.classifier()->eval();
    torch::Tensor logits, states;
    const auto n = context.data.train.size();
    base::Progress progress("teacher", n, "examples");
    std::int64_t done = 0;
    for (const auto& rows : train::sorted_batches(train::lengths_of(teacher.rows().encoded()),
                                                  context.settings.training.eval_batch_size)) {
      base::stop_if_interrupted();
      models::EncoderTrace trace;
      const auto output = teacher.rows().forward(rows, &trace);
      const auto batch_states = first_token_states(trace, layers);
      if (!states.defined()) {
        logits = torch::empty({n, output.logits.size(1)}, output.logits.options());
        states =
            torch::empty({n, batch_states.size(1), batch_states.size(2)}, batch_states.options());
      }
      const auto index = teacher.rows().index(rows);
      logits.index_copy_(0, index, output.logits);
      states.index_copy_(0, index, batch_states);
      progress.update(done += static_cast<std::int64_t>(rows.size()));
    }
    return std::make_unique<PkdObjective>(context, logits, std::move(states), weight_);
  }

 private:
  std::string layers_ = "skip";
  double weight_ = 100;
};

}  // namespace

std::unique_ptr<Method> make_pkd() {
  return std::make_unique<Pkd>();
}

}  // namespace reaugkd::distill
