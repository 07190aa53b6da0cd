// Route-constrained optimization (Jin et al., ICCV 2019): the student follows the teacher's own
// training, kd towards one anchor point of it after another, each for an equal share of the steps.
// teacher-finetune writes (keep_trajectory) the anchors; the last one is the teacher itself.
#include "distill/kd.h"
#include "distill/trajectory.h"

namespace reaugkd::distill {
namespace {

class RcoObjective : public KdObjective {
 public:
  /// `anchors`: each one's logits (n, C).
  RcoObjective(const MethodContext& context, std::vector<torch::Tensor> anchors)
      : KdObjective(context, anchors.front()), anchors_(std::move(anchors)) {}

  void begin_step(const train::Moment& moment) override {
    const auto count = static_cast<std::int64_t>(anchors_.size());
    teacher_ = anchors_[moment.step * count / moment.total_steps];
  }

 private:
  std::vector<torch::Tensor> anchors_;
};

class Rco : public Method {
 public:
  Rco()
      : Method({.name = "rco",
                .summary = "follows the teacher's own training, one anchor after another",
                .source = "Jin et al., ICCV 2019",
                .learns_from = Source::kTeacher,
                .follows_trajectory = true}) {}

  std::unique_ptr<train::Objective> make(const MethodContext& context) const override {
    std::vector<torch::Tensor> anchors;
    for (const auto& anchor : trajectory_of(context.settings.teacher)) {
      anchors.push_back(context.outputs_of(anchor).logits.to(context.compute().device));
    }
    return std::make_unique<RcoObjective>(context, std::move(anchors));
  }
};

}  // namespace

std::unique_ptr<Method> make_rco() {
  return std::make_unique<Rco>();
}

}  // namespace reaugkd::distill
