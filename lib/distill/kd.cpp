#include "distill/kd.h"

namespace reaugkd::distill {

KdObjective::KdObjective(const MethodContext& context, const torch::Tensor& teacher)
    : ClassifierObjective(context.student, context.settings.training),
      teacher_(teacher.defined() ? teacher.to(context.compute().device) : teacher),
      labels_(context.labels()),
      prediction_(context.prediction()) {}

train::LossTerms KdObjective::loss(const train::Rows& rows) {
  const auto index = student_.index(rows);
  models::EncoderTrace trace;
  const auto output = student_.forward(rows, traced_ ? &trace : nullptr);
  const auto teacher =
      prediction_.hard_label_weight < 1 ? teacher_.index_select(0, index) : torch::Tensor();
  auto loss = prediction_.mixed(teacher, output.logits, labels_.index_select(0, index));
  add_terms(loss, output, trace, index);
  return loss;
}

void KdObjective::add_terms(train::LossTerms& loss, const models::ClassifierOutput& output,
                            const models::EncoderTrace& trace, const torch::Tensor& index) {
  (void)loss, (void)output, (void)trace, (void)index;
}

void add_term(train::LossTerms& loss, const std::string& name, const torch::Tensor& term,
              double weight) {
  loss.total = loss.total + weight * term;
  loss.terms.emplace_back(name, term);
}

namespace {

class Kd : public Method {
 public:
  Kd()
      : Method({.name = "kd",
                .summary = "the teacher's predictions alone: equation 4 without its KL term",
                .source = "Hinton et al., 2015",
                .learns_from = Source::kKnowledgeBaseOrTeacher,
                .needs_weights = false}) {}

  std::unique_ptr<train::Objective> make(const MethodContext& context) const override {
    const auto& settings = context.settings;
    if (settings.knowledge_base.empty()) {
      return std::make_unique<KdObjective>(context, context.teacher_outputs().logits);
    }
    const auto kb =
        retrieval::load_knowledge_base(settings.knowledge_base, retrieval::Texts::kLeave);
    const auto rows = rows_in_knowledge_base(kb, settings.knowledge_base, context.data.train);
    return std::make_unique<KdObjective>(
        context, logits_in_knowledge_base(kb, rows, context.data.train, context.prediction().kind));
  }
};

}  // namespace

std::unique_ptr<Method> make_kd() {
  return std::make_unique<Kd>();
}

}  // namespace reaugkd::distill
