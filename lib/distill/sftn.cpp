#include "distill/sftn.h"

#include "base/error.h"
#include "base/json.h"
#include "distill/kd.h"
#include "losses/tinybert.h"
#include "run/run_record.h"

namespace reaugkd::distill {
namespace {

constexpr double kKlWeight = 3;

}  // namespace

StudentFriendlyObjective::StudentFriendlyObjective(const train::ModelOnData& teacher,
                                                   train::Model& student,
                                                   const data::TaskData& data,
                                                   const train::TrainingOptions& options,
                                                   std::uint64_t seed)
    : train::ClassifierObjective(teacher, options),
      teacher_(teacher),
      friend_(student),
      labels_(labels_on(data.train, teacher.compute().device)),
      prediction_{data.settings.task.kind(), 1, 1} {
  const auto layers = student.config.num_hidden_layers;
  if (layers < 2 || layers > teacher.model().config.num_hidden_layers) {
    throw base::ConfigError(
        "`student_friendly`: branches leave the teacher between its {} layers, but the student has "
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

std::vector<train::ParameterGroup> StudentFriendlyObjective::parameter_groups() {
  auto groups = train::ClassifierObjective::parameter_groups();
  train::append(groups, train::decay_groups(*friend_.classifier, options_.learning_rate,
                                            options_.weight_decay));
  for (const auto& bridge : bridges_) {
    train::append(groups,
                  train::decay_groups(*bridge, options_.learning_rate, options_.weight_decay));
  }
  return groups;
}

void StudentFriendlyObjective::set_training(bool training) {
  train::ClassifierObjective::set_training(training);
  friend_.classifier->train(training);
}

torch::Tensor StudentFriendlyObjective::branch_logits(std::int64_t m,
                                                      const models::EncoderTrace& trace,
                                                      const torch::Tensor& attention_mask) {
  const auto layer = losses::uniform_layer(m, friend_.config.num_hidden_layers,
                                           teacher_.model().config.num_hidden_layers);
  const tensor::AutocastGuard autocast(teacher_.compute().device, teacher_.compute().precision);
  const auto state = bridges_[m - 1](trace.hidden_states[layer]).to(torch::kFloat32);
  return friend_.classifier->continue_from(m, state, attention_mask);
}

train::LossTerms StudentFriendlyObjective::loss(const train::Rows& rows) {
  models::EncoderTrace trace;
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

namespace {

/// kd from a teacher that was made with such branches.
class Sftn : public Method {
 public:
  Sftn()
      : Method({.name = "sftn",
                .summary = "kd from a teacher fine-tuned with branches of the student",
                .source = "Park et al., NeurIPS 2021",
                .learns_from = Source::kTeacher}) {}

  std::unique_ptr<train::Objective> make(const MethodContext& context) const override {
    const auto teacher = context.settings.teacher.string();
    const auto made = run::run_record(teacher);
    const auto where = teacher + "/run.json: options";
    if (!made ||
        base::json_value(made->options, "student_friendly", std::string(), where).empty()) {
      throw base::ConfigError(
          "`method` sftn: `teacher` {} was not made for a student; run reaugkd teacher-finetune "
          "`student_friendly` {} first",
          teacher, context.settings.student.string());
    }
    return std::make_unique<KdObjective>(context, context.outputs_of(teacher).logits);
  }
};

}  // namespace

std::unique_ptr<Method> make_sftn() {
  return std::make_unique<Sftn>();
}

}  // namespace reaugkd::distill
