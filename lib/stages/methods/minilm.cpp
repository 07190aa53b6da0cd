// MiniLM (Wang et al., NeurIPS 2020): the last layer's attention distributions and value relations
// (losses/minilm.h), beside kd's terms, which train the classifier.
#include "losses/minilm.h"

#include "stages/methods/kd.h"

namespace reaugkd::stages {
namespace {

class MiniLmStep : public ClassifierStep {
 public:
  explicit MiniLmStep(const MethodContext& context)
      : ClassifierStep(context.student, context.options.training),
        teacher_(context, LiveTeacher::Use::kFrozen),
        labels_(context.labels()),
        prediction_(context.prediction()),
        weight_(context.options.minilm_weight) {
    teacher_.check_same_tokens_and_heads(context);
    teacher_.classifier()->eval();
  }

  train::LossTerms loss(const Rows& rows) override {
    nn::BertTrace teacher{last_layer(teacher_.config())};
    torch::Tensor teacher_logits;
    {
      const torch::NoGradGuard no_grad;
      teacher_logits = teacher_.rows().forward(rows, &teacher).logits;
    }
    nn::BertTrace student{last_layer(student_.model().config)};
    const auto output = student_.forward(rows, &student);
    const auto mask = student_.input(rows).attention_mask;
    auto loss = prediction_.mixed(teacher_logits, output.logits,
                                  labels_.index_select(0, student_.index(rows)));
    add_term(loss, "attention",
             losses::attention_transfer(teacher.attention_scores.back(),
                                        student.attention_scores.back(), mask),
             weight_);
    add_term(loss, "values", losses::value_relation(teacher.values, student.values, mask), weight_);
    return loss;
  }

 private:
  static std::int64_t last_layer(const nn::BertConfig& config) {
    return config.num_hidden_layers - 1;
  }

  LiveTeacher teacher_;
  torch::Tensor labels_;
  PredictionLoss prediction_;
  double weight_;
};

}  // namespace

std::unique_ptr<train::Step> make_minilm(const MethodContext& context) {
  return std::make_unique<MiniLmStep>(context);
}

}  // namespace reaugkd::stages
