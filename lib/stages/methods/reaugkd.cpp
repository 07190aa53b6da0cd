// ReAugKD (Zhang et al., ACL 2023), equation 4:
//   1/B sum_i [ CE(p^T_i, p^S_i) + alpha KL(q_i || q^_i) ]
// with q and q^ of equations 2 and 3 (losses/relation.h), over the batch or, with --anchor kb, over
// rows of the knowledge base.
#include "core/error.h"
#include "core/random.h"
#include "losses/relation.h"
#include "retrieval/knowledge_base.h"
#include "stages/methods/kd.h"

namespace reaugkd::stages {
namespace {

class ReaugkdStep : public KdStep {
 public:
  ReaugkdStep(const MethodContext& context, Targets targets)
      : KdStep(context, std::move(targets)), distill_(context.options) {
    relation_ = {distill_.tau, losses::parse_self_similarity(distill_.self_similarity),
                 losses::parse_kl_direction(distill_.kl_direction),
                 losses::parse_anchor(distill_.anchor)};
    if (relation_.anchor != losses::Anchor::kKnowledgeBase) return;
    kb_embeddings_ = retrieval::load_knowledge_base(distill_.kb, retrieval::Texts::kLeave)
                         .embeddings.to(context.compute().device, torch::kFloat32);
    if (kb_embeddings_.size(0) < 2 || distill_.kb_anchors == 1) {
      throw core::ConfigError(
          "--anchor kb needs two rows of the knowledge base at least: {} has {}, "
          "--kb-anchors is {}",
          distill_.kb, kb_embeddings_.size(0), distill_.kb_anchors);
    }
  }

  /// Draws the step's anchors: they depend on (seed, step) only, so that a resumed run has the
  /// same.
  void begin_step(const train::Moment& moment) override {
    if (relation_.anchor != losses::Anchor::kKnowledgeBase) return;
    const auto seed = core::stream_seed(static_cast<std::uint64_t>(distill_.run.seed), "kb anchors",
                                        static_cast<std::uint64_t>(moment.step));
    const auto rows = data::sample_rows(kb_embeddings_.size(0), distill_.kb_anchors, seed);
    anchors_ = tensor::send(torch::tensor(rows, torch::kInt64), kb_embeddings_.device());
  }

 private:
  void add_terms(train::LossTerms& loss, const nn::ClassifierOutput& output,
                 const nn::BertTrace& trace, const torch::Tensor& index) override {
    (void)trace;
    const auto z = targets_.embeddings.index_select(0, index);
    const auto s = nn::unit_rows(output.embedding);
    add_term(loss, "kl", divergence(z, s, index), distill_.alpha);
  }

  torch::Tensor divergence(const torch::Tensor& z, const torch::Tensor& s,
                           const torch::Tensor& index) const {
    if (relation_.anchor != losses::Anchor::kKnowledgeBase) {
      return losses::relational_divergence(z, s, relation_);
    }
    const auto own = targets_.kb_rows.index_select(0, index).unsqueeze(1) == anchors_;  // (B, M)
    return losses::anchored_divergence(z, s, kb_embeddings_.index_select(0, anchors_), own,
                                       relation_);
  }

  const DistillOptions& distill_;
  losses::RelationOptions relation_;
  torch::Tensor kb_embeddings_;  // (N, D), with --anchor kb
  torch::Tensor anchors_;        // (M) rows of it, this step's
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
