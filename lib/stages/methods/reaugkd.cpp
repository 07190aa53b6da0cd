// ReAugKD (Zhang et al., ACL 2023), equation 4:
//   1/B sum_i [ CE(p^T_i, p^S_i) + alpha KL(q_i || q^_i) ]
// with q and q^ of equations 2 and 3 (losses/relation.h).
#include "core/error.h"
#include "losses/relation.h"
#include "stages/methods/kd.h"

namespace reaugkd::stages {
namespace {

class ReaugkdStep : public KdStep {
 public:
  ReaugkdStep(const MethodContext& context, Targets targets)
      : KdStep(context, std::move(targets)), alpha_(context.options.alpha) {
    const auto& options = context.options;
    relation_ = {options.tau, losses::parse_self_similarity(options.self_similarity),
                 losses::parse_kl_direction(options.kl_direction),
                 losses::parse_anchor(options.anchor)};
  }

 private:
  void add_terms(train::LossTerms& loss, const nn::ClassifierOutput& output,
                 const nn::BertTrace& trace, const torch::Tensor& index) override {
    (void)trace;
    const auto z = targets_.embeddings.index_select(0, index);
    add_term(loss, "kl",
             losses::relational_divergence(z, nn::unit_rows(output.embedding), relation_), alpha_);
  }

  double alpha_;
  losses::RelationOptions relation_;
};

}  // namespace

std::unique_ptr<train::Step> make_reaugkd(const MethodContext& context) {
  const auto& options = context.options;
  auto targets = targets_from_kb(options.kb, context.data.train, context.compute().device);
  const auto hidden_size = context.student.model().config.hidden_size;
  if (targets.embeddings.size(1) != hidden_size) {
    throw core::ArtifactError(
        "{}: its embeddings have D = {}, the student {} has hidden_size {}; run "
        "reaugkd project with --student {}",
        options.kb, targets.embeddings.size(1), options.student, hidden_size, options.student);
  }
  return std::make_unique<ReaugkdStep>(context, std::move(targets));
}

}  // namespace reaugkd::stages
