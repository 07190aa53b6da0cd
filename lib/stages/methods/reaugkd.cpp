// ReAugKD (Zhang et al., ACL 2023), equation 4:
//   1/B sum_i [ CE(p^T_i, p^S_i) + alpha KL(q_i || q^_i) ]
// with q and q^ of equations 2 and 3 (losses/relation.h), over the batch or, with --anchor kb, over
// rows of the knowledge base.
#include "core/error.h"
#include "core/random.h"
#include "losses/relation.h"
#include "stages/methods/kd.h"

namespace reaugkd::stages {
namespace {

class ReaugkdStep : public KdStep {
 public:
  /// `rows`: where the training rows stand in `kb`, (n).
  ReaugkdStep(const MethodContext& context, const retrieval::KnowledgeBase& kb,
              const torch::Tensor& rows)
      : KdStep(context, kb.logits.index_select(0, rows)), distill_(context.options) {
    relation_ = {distill_.tau, losses::parse_self_similarity(distill_.self_similarity),
                 losses::parse_kl_direction(distill_.kl_direction),
                 losses::parse_anchor(distill_.anchor)};
    const auto& device = context.compute().device;
    if (relation_.anchor != losses::Anchor::kKnowledgeBase) {
      z_ = kb.embeddings.index_select(0, rows).to(device, torch::kFloat32);
      return;
    }
    if (kb.size() < 2 || distill_.kb_anchors == 1) {
      throw core::ConfigError(
          "--anchor kb needs two rows of the knowledge base at least: {} has {}, "
          "--kb-anchors is {}",
          distill_.kb, kb.size(), distill_.kb_anchors);
    }
    kb_embeddings_ = kb.embeddings.to(device, torch::kFloat32);
    kb_rows_ = rows.to(device);
    anchors_ = torch::arange(kb.size(), kb_rows_.options());
  }

  /// Draws the step's anchors: they depend on (seed, step) only, so that a resumed run has the
  /// same.
  void begin_step(const train::Moment& moment) override {
    const auto count = distill_.kb_anchors;
    if (!kb_embeddings_.defined() || count == 0 || count >= kb_embeddings_.size(0)) return;
    core::Random random(core::stream_seed(static_cast<std::uint64_t>(distill_.run.seed),
                                          "kb anchors", static_cast<std::uint64_t>(moment.step)));
    anchors_ =
        tensor::send(torch::tensor(random.distinct(kb_embeddings_.size(0), count), torch::kInt64),
                     kb_embeddings_.device());
  }

 private:
  void add_terms(train::LossTerms& loss, const nn::ClassifierOutput& output,
                 const nn::BertTrace& trace, const torch::Tensor& index) override {
    (void)trace;
    add_term(loss, "kl", divergence(nn::unit_rows(output.embedding), index), distill_.alpha);
  }

  torch::Tensor divergence(const torch::Tensor& s, const torch::Tensor& index) const {
    if (!kb_embeddings_.defined()) {
      return losses::relational_divergence(z_.index_select(0, index), s, relation_);
    }
    const auto rows = kb_rows_.index_select(0, index);
    const auto own = rows.unsqueeze(1) == anchors_;  // (B, M)
    const bool all = anchors_.size(0) == kb_embeddings_.size(0);
    return losses::anchored_divergence(
        kb_embeddings_.index_select(0, rows), s,
        all ? kb_embeddings_ : kb_embeddings_.index_select(0, anchors_), own, relation_);
  }

  const DistillOptions& distill_;
  losses::RelationOptions relation_;
  torch::Tensor z_;              // (n, D) the training rows', with anchors from the batch
  torch::Tensor kb_embeddings_;  // (N, D), with --anchor kb
  torch::Tensor kb_rows_;        // (n) the training rows in it
  torch::Tensor anchors_;        // (M) rows of it, this step's
};

}  // namespace

std::unique_ptr<train::Step> make_reaugkd(const MethodContext& context) {
  const auto& options = context.options;
  const auto kb = retrieval::load_knowledge_base(options.kb, retrieval::Texts::kLeave);
  const auto rows = kb_rows_of(kb, options.kb, context.data.train);
  const auto hidden_size = context.student.model().config.hidden_size;
  if (kb.embeddings.size(1) != hidden_size) {
    throw core::ArtifactError(
        "{}: its embeddings have D = {}, the student {} has hidden_size {}; run "
        "reaugkd project with --student {}",
        options.kb, kb.embeddings.size(1), options.student, hidden_size, options.student);
  }
  return std::make_unique<ReaugkdStep>(context, kb, rows);
}

}  // namespace reaugkd::stages
