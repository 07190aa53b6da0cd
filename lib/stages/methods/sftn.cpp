#include "stages/methods/sftn.h"

#include "core/error.h"
#include "core/json.h"
#include "losses/tinybert.h"
#include "stages/methods/kd.h"
#include "stages/stage_run.h"

namespace reaugkd::stages {
namespace {

constexpr double kKlWeight = 3;

}  // namespace

StudentFriendlyStep::StudentFriendlyStep(const RowClassifier& teacher, Model& student,
                                         const TaskData& data, const TrainingOptions& options,
                                         std::uint64_t seed)
    : ClassifierStep(teacher, options),
      teacher_(teacher),
      friend_(student),
      labels_(labels_on(data.train, teacher.compute().device)),
      prediction_{data.settings.task.regression(), 1, 1} {
  const auto layers = student.config.num_hidden_layers;
  if (layers < 2 || layers > teacher.model().config.num_hidden_layers) {
    throw core::ConfigError(
        "--student-friendly: branches leave the teacher between its {} layers, but the student has "
        "{}; it needs 2 or more, and no more than the teacher",
        teacher.model().config.num_hidden_layers, layers);
  }
  torch::manual_seed(seed);
  student.classifier->to(teacher.compute().device);
  for (std::int64_t m = 1; m < layers; ++m) {
    bridges_.emplace_back(teacher.model().config.hidden_size, student.config.hidden_size);
    bridges_.back()->to(teacher.compute().device);
  }
}

std::vector<train::ParameterGroup> StudentFriendlyStep::parameter_groups() {
  auto groups = ClassifierStep::parameter_groups();
  append(groups,
         train::decay_groups(*friend_.classifier, options_.learning_rate, options_.weight_decay));
  for (const auto& bridge : bridges_) {
    append(groups, train::decay_groups(*bridge, options_.learning_rate, options_.weight_decay));
  }
  return groups;
}

void StudentFriendlyStep::set_training(bool training) {
  ClassifierStep::set_training(training);
  friend_.classifier->train(training);
}

torch::Tensor StudentFriendlyStep::branch_logits(std::int64_t m, const nn::BertTrace& trace,
                                                 const torch::Tensor& attention_mask) {
  const auto layer = losses::uniform_layer(m, friend_.config.num_hidden_layers,
                                           teacher_.model().config.num_hidden_layers);
  const tensor::AutocastGuard autocast(teacher_.compute().device, teacher_.compute().precision);
  const auto state = bridges_[m - 1](trace.hidden_states[layer]).to(torch::kFloat32);
  return friend_.classifier->continue_from(m, state, attention_mask);
}

train::LossTerms StudentFriendlyStep::loss(const Rows& rows) {
  nn::BertTrace trace;
  const auto logits = teacher_.forward(rows, &trace).logits;
  const auto labels = labels_.index_select(0, teacher_.index(rows));
  const auto mask = teacher_.input(rows).attention_mask;
  const auto own = prediction_.hard(logits, labels);
  auto hard = torch::zeros({}, own.options());
  auto kl = torch::zeros({}, own.options());
  const auto branches = static_cast<std::int64_t>(bridges_.size());
  for (std::int64_t m = 1; m <= branches; ++m) {
    const auto branch = branch_logits(m, trace, mask);
    hard = hard + prediction_.hard(branch, labels) / branches;
    kl = kl + prediction_.towards(logits, branch) / branches;
  }
  return {own + hard + kKlWeight * kl, {{"teacher", own}, {"branches", hard}, {"kl", kl}}};
}

/// distill --method sftn: kd from a teacher that was made with such branches.
std::unique_ptr<train::Step> make_sftn(const MethodContext& context) {
  const auto& options = context.options;
  const auto made = core::run_record(options.teacher);
  const auto where = options.teacher + "/run.json: options";
  if (!made || core::json_value(made->options, "student_friendly", std::string(), where).empty()) {
    throw core::ConfigError(
        "--method sftn: --teacher {} was not made for a student; run reaugkd teacher-finetune "
        "--student-friendly {} first",
        options.teacher, options.student);
  }
  return std::make_unique<KdStep>(context, context.outputs_of(options.teacher).logits);
}

}  // namespace reaugkd::stages
