// Patient knowledge distillation (Sun et al., EMNLP 2019), equation 8: kd's terms plus beta times
// the distance of normalised [CLS] states in chosen layers (losses/pkd.h).
#include "losses/pkd.h"

#include "core/error.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "stages/methods/kd.h"
#include "train/batches.h"

namespace reaugkd::stages {
namespace {

/// [CLS] after the layers, counted from 1: (B, M, H).
torch::Tensor first_token_states(const nn::BertTrace& trace,
                                 const std::vector<std::int64_t>& layers) {
  std::vector<torch::Tensor> states;
  for (const auto layer : layers) {
    states.push_back(trace.hidden_states[layer].select(1, 0).to(torch::kFloat32));
  }
  return torch::stack(states, 1);
}

class PkdStep : public KdStep {
 public:
  PkdStep(const MethodContext& context, const torch::Tensor& teacher, torch::Tensor states)
      : KdStep(context, teacher), states_(std::move(states)), weight_(context.options.pkd_weight) {
    traced_ = true;
    for (std::int64_t m = 1; m <= states_.size(1); ++m) layers_.push_back(m);
  }

 private:
  void add_terms(train::LossTerms& loss, const nn::ClassifierOutput& output,
                 const nn::BertTrace& trace, const torch::Tensor& index) override {
    (void)output;
    add_term(loss, "patience",
             losses::patience(states_.index_select(0, index), first_token_states(trace, layers_)),
             weight_);
  }

  torch::Tensor states_;  // (n, M, H): the teacher's
  double weight_;
  std::vector<std::int64_t> layers_;  // the student's, but the last
};

void check_sizes(const MethodContext& context, const nn::BertConfig& teacher) {
  const auto& student = context.student.model().config;
  if (teacher.hidden_size != student.hidden_size ||
      teacher.num_hidden_layers < student.num_hidden_layers || student.num_hidden_layers < 2) {
    throw core::ConfigError(
        "--method pkd: compares layers of equal width: the teacher {} has {} layers of {}, the "
        "student {} of {}; it needs 2 layers or more, no more than the teacher's, and one width",
        context.options.teacher, teacher.num_hidden_layers, teacher.hidden_size,
        student.num_hidden_layers, student.hidden_size);
  }
}

}  // namespace

std::unique_ptr<train::Step> make_pkd(const MethodContext& context) {
  LiveTeacher teacher(context, LiveTeacher::Use::kFrozen);
  check_sizes(context, teacher.config());
  const auto layers = losses::patient_layers(
      context.student.model().config.num_hidden_layers, teacher.config().num_hidden_layers,
      losses::parse_patience_layers(context.options.pkd_layers));
  const torch::NoGradGuard no_grad;
  teacher.classifier()->eval();
  torch::Tensor logits, states;
  const auto n = context.data.train.size();
  core::Progress progress("teacher", n, "examples");
  std::int64_t done = 0;
  for (const auto& rows : train::sorted_batches(train::lengths_of(teacher.rows().encoded()),
                                                context.options.training.eval_batch_size)) {
    core::stop_if_interrupted();
    nn::BertTrace trace;
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
  return std::make_unique<PkdStep>(context, logits, std::move(states));
}

}  // namespace reaugkd::stages
