#include "stages/methods/kd.h"

namespace reaugkd::stages {

KdStep::KdStep(const MethodContext& context, const torch::Tensor& teacher)
    : ClassifierStep(context.student, context.options.training),
      teacher_(teacher.to(context.compute().device)),
      labels_(context.labels()),
      prediction_(context.prediction()) {}

train::LossTerms KdStep::loss(const Rows& rows) {
  const auto index = student_.index(rows);
  nn::BertTrace trace;
  const auto output = student_.forward(rows, traced_ ? &trace : nullptr);
  auto loss = prediction_.mixed(teacher_.index_select(0, index), output.logits,
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
  if (options.kb.empty()) {
    return std::make_unique<KdStep>(context, context.outputs_of(options.teacher).logits);
  }
  const auto kb = retrieval::load_knowledge_base(options.kb, retrieval::Texts::kLeave);
  const auto rows = kb_rows_of(kb, options.kb, context.data.train);
  return std::make_unique<KdStep>(context, kb.logits.index_select(0, rows));
}

}  // namespace reaugkd::stages
