#include "stages/methods/kd.h"

namespace reaugkd::stages {

KdStep::KdStep(const MethodContext& context, Targets targets)
    : ClassifierStep(context.student, context.options.training),
      targets_(std::move(targets)),
      labels_(context.labels()),
      prediction_(context.prediction()) {}

train::LossTerms KdStep::loss(const Rows& rows) {
  const auto index = student_.index(rows);
  nn::BertTrace trace;
  const auto output = student_.forward(rows, traced_ ? &trace : nullptr);
  auto loss = prediction_.mixed(targets_.logits.index_select(0, index), output.logits,
                                labels_.index_select(0, index));
  add_terms(loss, output, trace, index);
  return loss;
}

void KdStep::add_terms(train::LossTerms& loss, const nn::ClassifierOutput& output,
                       const nn::BertTrace& trace, const torch::Tensor& index) {
  (void)loss, (void)output, (void)trace, (void)index;
}

void add_term(train::LossTerms& loss, const std::string& name, const torch::Tensor& term,
              double weight) {
  loss.total = loss.total + weight * term;
  loss.terms.emplace_back(name, term);
}

std::unique_ptr<train::Step> make_kd(const MethodContext& context) {
  const auto& options = context.options;
  return std::make_unique<KdStep>(
      context, options.kb.empty()
                   ? targets_from_teacher(options.teacher, context.data, context.compute(),
                                          options.training.eval_batch_size)
                   : targets_from_kb(options.kb, context.data.train, context.compute().device));
}

}  // namespace reaugkd::stages
