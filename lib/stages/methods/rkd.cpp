// Relational knowledge distillation (Park et al., CVPR 2019), equation 11: the task's loss plus the
// distance and angle terms of the two models' embeddings (losses/rkd.h). With --hard-label-weight
// below 1 kd's term to the teacher takes part.
#include "losses/rkd.h"

#include "core/error.h"
#include "stages/methods/kd.h"

namespace reaugkd::stages {
namespace {

class RkdStep : public KdStep {
 public:
  RkdStep(const MethodContext& context, const train::Predictions& teacher)
      : KdStep(context, teacher.logits),
        teacher_embeddings_(teacher.embeddings.to(context.compute().device)),
        distance_weight_(context.options.rkd_distance_weight),
        angle_weight_(context.options.rkd_angle_weight) {}

 private:
  void add_terms(train::LossTerms& loss, const nn::ClassifierOutput& output,
                 const nn::BertTrace& trace, const torch::Tensor& index) override {
    (void)trace;
    const auto teacher = teacher_embeddings_.index_select(0, index);
    add_term(loss, "distance", losses::distance_relation(teacher, output.embedding),
             distance_weight_);
    add_term(loss, "angle", losses::angle_relation(teacher, output.embedding), angle_weight_);
  }

  torch::Tensor teacher_embeddings_;  // (n, H)
  double distance_weight_, angle_weight_;
};

}  // namespace

std::unique_ptr<train::Step> make_rkd(const MethodContext& context) {
  if (context.data.train.size() < 2) {
    throw core::DataError("{}: --method rkd relates rows to one another: it needs two at least",
                          context.data.train.path.string());
  }
  return std::make_unique<RkdStep>(context, context.outputs_of(context.options.teacher));
}

}  // namespace reaugkd::stages
