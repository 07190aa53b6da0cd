// ReAugKD (Zhang et al., ACL 2023), equation 4:
//   1/B sum_i [ CE(p^T_i, p^S_i) + alpha KL(q_i || q^_i) ]
// with q and q^ of equations 2 and 3 (losses/relation.h), over the batch or, with `anchor` kb, over
// rows of the knowledge base. z are the knowledge base's keys, whatever their space. Options add
//   cosine_weight 1/B sum_i (1 - z_i.s_i)
// and (`align_rows` kb) rows of the knowledge base that have no prediction term.
#include <optional>

#include "base/error.h"
#include "base/random.h"
#include "distill/further_rows.h"
#include "distill/kd.h"
#include "distill/query_head.h"
#include "losses/cosine.h"
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
  double cosine_weight = 0;
  std::string align_rows = "train";
  std::string query_head = "auto";

  bool aligns() const { return alpha > 0 || cosine_weight > 0; }
};

class ReaugkdObjective : public KdObjective {
 public:
  /// `rows`: where the training rows stand in `kb`, (n); those without a key, -1, have no
  /// alignment term.
  ReaugkdObjective(const MethodContext& context, const ReaugkdOptions& options,
                   const retrieval::KnowledgeBase& kb, const torch::Tensor& rows)
      : KdObjective(context, context.settings.hard_label_weight < 1
                                 ? logits_in_knowledge_base(kb, rows, context.data.train,
                                                            context.prediction().kind)
                                 : torch::Tensor()),
        options_(options),
        seed_(context.settings.seed) {
    relation_ = {options.tau, losses::parse_self_similarity(options.self_similarity),
                 losses::parse_kl_direction(options.kl_direction),
                 losses::parse_anchor(options.anchor)};
    if (options.align_rows == "kb") further_.emplace(context, kb, rows);
    const auto& device = context.compute().device;
    const bool anchored = options.alpha > 0 && relation_.anchor == losses::Anchor::kKnowledgeBase;
    if (anchored) anchors_ = all_anchors(context, kb).to(device);
    const bool whole = anchored || further_;
    const auto has_key = rows >= 0;
    if (!has_key.all().item<bool>()) has_key_ = has_key.to(device);
    const auto there = rows.clamp_min(0);
    keys_ =
        (whole ? kb.embeddings : kb.embeddings.index_select(0, there)).to(device, torch::kFloat32);
    places_ = whole ? there.to(device) : torch::arange(rows.numel(), torch::kInt64).to(device);
  }

  /// Equations 2 and 3 over the batch.
  bool compares_rows() const override { return options_.alpha > 0 && !anchors_.defined(); }

  /// Draws the step's anchors and further rows: they depend on (seed, step) only, so that a resumed
  /// run has the same.
  void begin_step(const train::Moment& moment) override {
    if (further_) further_->begin_step(moment.step);
    const auto count = options_.kb_anchors;
    if (!anchors_.defined() || count == 0 || count >= keys_.size(0)) return;
    base::Random random(
        base::stream_seed(seed_, "kb anchors", static_cast<std::uint64_t>(moment.step)));
    anchors_ = tensor::send(torch::tensor(random.distinct(keys_.size(0), count), torch::kInt64),
                            keys_.device());
  }

 private:
  torch::Tensor all_anchors(const MethodContext& context,
                            const retrieval::KnowledgeBase& kb) const {
    if (kb.size() < 2 || options_.kb_anchors == 1) {
      throw base::ConfigError(
          "`anchor` kb needs two rows of the knowledge base at least: {} has {}, "
          "`kb_anchors` is {}",
          context.settings.knowledge_base.string(), kb.size(), options_.kb_anchors);
    }
    return torch::arange(kb.size(), torch::kInt64);
  }

  void add_terms(train::LossTerms& loss, const models::ClassifierOutput& output,
                 const models::EncoderTrace& trace, const torch::Tensor& index) override {
    (void)trace;
    if (!options_.aligns()) return;
    auto s = models::unit_rows(output.query);      // (B, D)
    auto places = places_.index_select(0, index);  // (B)
    if (has_key_.defined()) {
      const auto kept = has_key_.index_select(0, index).nonzero().squeeze(1);
      s = s.index_select(0, kept);
      places = places.index_select(0, kept);
    }
    if (further_) {
      const auto more = further_->draw(index.size(0));
      s = torch::cat({s, models::unit_rows(more.queries)});
      places = torch::cat({places, more.rows});
    }
    const auto z = keys_.index_select(0, places);
    const bool related = s.size(0) >= 2;  // else no row is another's neighbor
    const auto nothing = torch::zeros({}, s.options());
    if (options_.alpha > 0) {
      add_term(loss, "kl", related ? divergence(z, s, places) : nothing, options_.alpha);
    }
    if (options_.cosine_weight > 0) {
      add_term(loss, "cosine", related ? losses::cosine_distance(z, s) : nothing,
               options_.cosine_weight);
    }
  }

  torch::Tensor divergence(const torch::Tensor& z, const torch::Tensor& s,
                           const torch::Tensor& places) const {
    if (!anchors_.defined()) return losses::relational_divergence(z, s, relation_);
    const auto own = places.unsqueeze(1) == anchors_;  // (B, M)
    const bool all = anchors_.size(0) == keys_.size(0);
    return losses::anchored_divergence(z, s, all ? keys_ : keys_.index_select(0, anchors_), own,
                                       relation_);
  }

  ReaugkdOptions options_;
  std::uint64_t seed_;
  losses::RelationOptions relation_;
  std::optional<FurtherRows> further_;  // with `align_rows` kb
  torch::Tensor keys_;                  // (M, D) the training rows', or the whole knowledge base's
  torch::Tensor places_;                // (n) the training rows in them
  torch::Tensor has_key_;               // (n) bool; undefined: all have one
  torch::Tensor anchors_;               // (A) rows of them, this step's; with `anchor` kb
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
    list.add({"cosine-weight", "", &options_.cosine_weight,
              "weight of the cosine term, mean of 1 - key.s over the rows", base::kNotNegative});
    list.add({"align-rows",
              "",
              &options_.align_rows,
              "rows of the KL and the cosine term: train, or (kb) in each step as many rows of the "
              "knowledge base that are not trained on as well",
              {},
              {"train", "kb"}});
    list.add({"query-head",
              "",
              &options_.query_head,
              "s = norm(Q s~ + b): none, linear, or auto: linear where the keys have another width "
              "than the student",
              {},
              {"auto", "none", "linear"}});
  }

  void check(const DistillSettings& settings) const override {
    (void)settings;
    if (options_.aligns() || (options_.align_rows == "train" && options_.query_head != "linear")) {
      return;
    }
    throw base::ConfigError(
        "`align_rows` kb and `query_head` linear are about the KL and the cosine term: `alpha` and "
        "`cosine_weight` are 0");
  }

  std::vector<std::string> warnings() const override {
    if (options_.anchor == "kb" || options_.kb_anchors == ReaugkdOptions().kb_anchors) return {};
    return {"`kb_anchors` is for `anchor` kb: " + options_.anchor + " does not read it"};
  }

  std::unique_ptr<train::Objective> make(const MethodContext& context) const override {
    const auto& settings = context.settings;
    const auto kb = retrieval::load_knowledge_base(
        settings.knowledge_base,
        options_.align_rows == "kb" ? retrieval::Texts::kRead : retrieval::Texts::kLeave);
    const auto rows = rows_in_knowledge_base(kb, settings.knowledge_base, context.data.train);
    const auto hidden_size = context.student.model().config.hidden_size;
    const bool headed =
        options_.aligns() &&
        add_query_head(context.student.model(), options_.query_head, kb.embeddings.size(1),
                       settings.seed, context.compute().device);
    if (!headed && options_.aligns() && kb.embeddings.size(1) != hidden_size) {
      throw base::ArtifactError(
          "{}: its embeddings have D = {}, the student {} has hidden_size {}; give `query_head` "
          "linear, or run reaugkd project `student` {}",
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
