// Relational knowledge distillation (Park et al., CVPR 2019), equation 11: the task's loss plus the
// distance and angle terms of the two models' embeddings (losses/rkd.h). With hard_label_weight
// below 1 kd's term to the teacher takes part.
#include "losses/rkd.h"

#include "base/error.h"
#include "distill/kd.h"

namespace reaugkd::distill {
namespace {

class RkdObjective : public KdObjective {
 public:
  RkdObjective(const MethodContext& context, const train::Predictions& teacher,
               double distance_weight, double angle_weight)
      : KdObjective(context, teacher.logits),
        teacher_embeddings_(teacher.embeddings.to(context.compute().device)),
        distance_weight_(distance_weight),
        angle_weight_(angle_weight) {}

  bool compares_rows() const override { return true; }

 private:
  void add_terms(train::LossTerms& loss, const models::ClassifierOutput& output,
                 const models::EncoderTrace& trace, const torch::Tensor& index) override {
    (void)trace;
    const auto teacher = teacher_embeddings_.index_select(0, index);
    add_term(loss, "distance", losses::distance_relation(teacher, output.embedding),
             distance_weight_);
    add_term(loss, "angle", losses::angle_relation(teacher, output.embedding), angle_weight_);
  }

  torch::Tensor teacher_embeddings_;  // (n, H)
  double distance_weight_, angle_weight_;
};

/// A given teacher may lack some, or all.
void check_embeddings(const MethodContext& context, const torch::Tensor& embeddings) {
  const auto n = context.data.train.size();
  const auto missing =
      embeddings.defined() ? embeddings.isnan().any(1).sum().item<std::int64_t>() : n;
  if (missing == 0) return;
  throw base::DataError(
      "`method` rkd relates the teacher's embeddings of all rows, and {} of {} have none: give "
      "them, or take `method` kd",
      missing, n);
}

class Rkd : public Method {
 public:
  Rkd()
      : Method({.name = "rkd",
                .summary = "relational: distances and angles between a batch's embeddings",
                .source = "Park et al., CVPR 2019",
                .learns_from = Source::kTeacher,
                .needs_weights = false,
                .hard_label_weight = 1}) {}

  void add_options(base::OptionList& options) override {
    options.add({"rkd-distance-weight", "", &distance_weight_, "weight of the distances",
                 base::kNotNegative});
    options.add(
        {"rkd-angle-weight", "", &angle_weight_, "weight of the angles", base::kNotNegative});
  }
  std::unique_ptr<train::Objective> make(const MethodContext& context) const override {
    if (context.data.train.size() < 2) {
      throw base::DataError("{}: `method` rkd relates rows to one another: it needs two at least",
                            context.data.train.path.string());
    }
    const auto teacher = context.teacher_outputs();
    check_embeddings(context, teacher.embeddings);
    return std::make_unique<RkdObjective>(context, teacher, distance_weight_, angle_weight_);
  }

 private:
  double distance_weight_ = 25;
  double angle_weight_ = 50;
};

}  // namespace

std::unique_ptr<Method> make_rkd() {
  return std::make_unique<Rkd>();
}

}  // namespace reaugkd::distill
