// Route-constrained optimization (Jin et al., ICCV 2019): the student follows the teacher's own
// training, kd towards one anchor point of it after another, each for an equal share of the steps.
// teacher-finetune --keep-trajectory N writes the anchors; the last one is the teacher itself.
#include "core/error.h"
#include "stages/methods/kd.h"
#include "stages/methods/trajectory.h"

namespace reaugkd::stages {
namespace {

class RcoStep : public KdStep {
 public:
  /// `anchors`: each one's logits (n, C).
  RcoStep(const MethodContext& context, std::vector<torch::Tensor> anchors)
      : KdStep(context, anchors.front()), anchors_(std::move(anchors)) {}

  void begin_step(const train::Moment& moment) override {
    const auto count = static_cast<std::int64_t>(anchors_.size());
    teacher_ = anchors_[moment.step * count / moment.total_steps];
  }

 private:
  std::vector<torch::Tensor> anchors_;
};

}  // namespace

std::unique_ptr<train::Step> make_rco(const MethodContext& context) {
  std::vector<torch::Tensor> anchors;
  for (const auto& anchor : trajectory_of(context.options.teacher)) {
    anchors.push_back(context.outputs_of(anchor).logits.to(context.compute().device));
  }
  return std::make_unique<RcoStep>(context, std::move(anchors));
}

}  // namespace reaugkd::stages
