// ReAugKD (Zhang et al., ACL 2023), equation 4:
//   1/B sum_i [ CE(p^T_i, p^S_i) + alpha KL(q_i || q^_i) ]
// with q and q^ of equations 2 and 3 (losses/relation.h), over the batch or, with `anchor` kb, over
// rows of the knowledge base.
#include <spdlog/spdlog.h>

#include "base/error.h"
#include "base/random.h"
#include "distill/kd.h"
#include "losses/relation.h"

namespace reaugkd::distill {
namespace {

struct ReaugkdOptions {
  double alpha = 1;
  double tau = 0.1;
  std::string self_similarity = "drop";
  std::string kl_direction = "forward";
  std::string anchor = "teacher";
  std::int64_t kb_anchors = 1024;
};

class ReaugkdObjective : public KdObjective {
 public:
  /// `rows`: where the training rows stand in `kb`, (n).
  ReaugkdObjective(const MethodContext& context, const ReaugkdOptions& options,
                   const retrieval::KnowledgeBase& kb, const torch::Tensor& rows)
      : KdObjective(context, kb.logits.index_select(0, rows)),
        alpha_(options.alpha),
        anchor_count_(options.kb_anchors),
        seed_(context.settings.seed) {
    relation_ = {options.tau, losses::parse_self_similarity(options.self_similarity),
                 losses::parse_kl_direction(options.kl_direction),
                 losses::parse_anchor(options.anchor)};
    const auto& device = context.compute().device;
    if (relation_.anchor != losses::Anchor::kKnowledgeBase) {
      z_ = kb.embeddings.index_select(0, rows).to(device, torch::kFloat32);
      return;
    }
    if (kb.size() < 2 || anchor_count_ == 1) {
      throw base::ConfigError(
          "`anchor` kb needs two rows of the knowledge base at least: {} has {}, "
          "`kb_anchors` is {}",
          context.settings.knowledge_base.string(), kb.size(), anchor_count_);
    }
    kb_embeddings_ = kb.embeddings.to(device, torch::kFloat32);
    rows_in_kb_ = rows.to(device);
    anchors_ = torch::arange(kb.size(), rows_in_kb_.options());
  }

  /// Draws the step's anchors: they depend on (seed, step) only, so that a resumed run has the
  /// same.
  void begin_step(const train::Moment& moment) override {
    const auto count = anchor_count_;
    if (!kb_embeddings_.defined() || count == 0 || count >= kb_embeddings_.size(0)) return;
    base::Random random(
        base::stream_seed(seed_, "kb anchors", static_cast<std::uint64_t>(moment.step)));
    anchors_ =
        tensor::send(torch::tensor(random.distinct(kb_embeddings_.size(0), count), torch::kInt64),
                     kb_embeddings_.device());
  }

 private:
  void add_terms(train::LossTerms& loss, const models::ClassifierOutput& output,
                 const models::EncoderTrace& trace, const torch::Tensor& index) override {
    (void)trace;
    add_term(loss, "kl", divergence(models::unit_rows(output.embedding), index), alpha_);
  }

  torch::Tensor divergence(const torch::Tensor& s, const torch::Tensor& index) const {
    if (!kb_embeddings_.defined()) {
      return losses::relational_divergence(z_.index_select(0, index), s, relation_);
    }
    const auto rows = rows_in_kb_.index_select(0, index);
    const auto own = rows.unsqueeze(1) == anchors_;  // (B, M)
    const bool all = anchors_.size(0) == kb_embeddings_.size(0);
    return losses::anchored_divergence(
        kb_embeddings_.index_select(0, rows), s,
        all ? kb_embeddings_ : kb_embeddings_.index_select(0, anchors_), own, relation_);
  }

  double alpha_;
  std::int64_t anchor_count_;
  std::uint64_t seed_;
  losses::RelationOptions relation_;
  torch::Tensor z_;              // (n, D) the training rows', with anchors from the batch
  torch::Tensor kb_embeddings_;  // (N, D), with `anchor` kb
  torch::Tensor rows_in_kb_;     // (n) the training rows in it
  torch::Tensor anchors_;        // (M) rows of it, this step's
};

class Reaugkd : public Method {
 public:
  Reaugkd()
      : Method({.name = "reaugkd",
                .summary = "equation 4: the teacher's predictions and its space of neighbors",
                .source = "Zhang et al., ACL 2023",
                .learns_from = Source::kKnowledgeBase,
                .learns_key_space = true}) {}

  void add_options(base::OptionList& list) override {
    list.add({"alpha", "", &options_.alpha, "weight of the KL term", base::kNotNegative});
    list.add({"tau", "", &options_.tau, "temperature of equations 2 and 3", base::kPositive});
    list.add({"self-similarity",
              "",
              &options_.self_similarity,
              "the term j = i of equations 2 and 3",
              {},
              {"drop", "keep"}});
    list.add({"kl-direction",
              "",
              &options_.kl_direction,
              "forward: KL(q || q^), reverse: KL(q^ || q)",
              {},
              {"forward", "reverse"}});
    list.add(
        {"anchor",
         "",
         &options_.anchor,
         "equation 3 over the batch's students for a teacher row, over its teachers for a student "
         "row, or (kb) over the knowledge base's",
         {},
         {"teacher", "student", "kb"}});
    list.add({"kb-anchors", "", &options_.kb_anchors,
              "for anchor kb: rows of the knowledge base drawn anew for each step; 0: all",
              base::kNotNegative});
  }

  std::vector<std::string> warnings() const override {
    if (options_.anchor == "kb" || options_.kb_anchors == ReaugkdOptions().kb_anchors) return {};
    return {"`kb_anchors` is for `anchor` kb: " + options_.anchor + " does not read it"};
  }

  std::unique_ptr<train::Objective> make(const MethodContext& context) const override {
    const auto& settings = context.settings;
    const auto kb =
        retrieval::load_knowledge_base(settings.knowledge_base, retrieval::Texts::kLeave);
    const auto rows = rows_in_knowledge_base(kb, settings.knowledge_base, context.data.train);
    const auto hidden_size = context.student.model().config.hidden_size;
    if (kb.embeddings.size(1) != hidden_size) {
      throw base::ArtifactError(
          "{}: its embeddings have D = {}, the student {} has hidden_size {}; run "
          "reaugkd project `student` {}",
          settings.knowledge_base.string(), kb.embeddings.size(1), settings.student.string(),
          hidden_size, settings.student.string());
    }
    return std::make_unique<ReaugkdObjective>(context, options_, kb, rows);
  }

 private:
  ReaugkdOptions options_;
};

}  // namespace

std::unique_ptr<Method> make_reaugkd() {
  return std::make_unique<Reaugkd>();
}

}  // namespace reaugkd::distill
