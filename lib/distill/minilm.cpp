// MiniLM (Wang et al., NeurIPS 2020): the last layer's attention distributions and value relations
// (losses/minilm.h), beside kd's terms, which train the classifier.
#include "losses/minilm.h"

#include "distill/kd.h"
#include "distill/teacher_model.h"

namespace reaugkd::distill {
namespace {

class MiniLmObjective : public train::ClassifierObjective {
 public:
  MiniLmObjective(const MethodContext& context, double weight)
      : ClassifierObjective(context.student, context.settings.training),
        teacher_(context, TeacherModel::Use::kFrozen),
        labels_(context.labels()),
        prediction_(context.prediction()),
        weight_(weight) {
    teacher_.check_same_tokens_and_heads(context, "minilm");
    teacher_.check_whole_attention(context, "minilm", TeacherModel::Compared::kLastLayer);
    teacher_.classifier()->eval();
  }

  train::LossTerms loss(const train::Rows& rows) override {
    models::EncoderTrace teacher{last_layer(teacher_.config())};
    torch::Tensor teacher_logits;
    {
      const torch::NoGradGuard no_grad;
      teacher_logits = teacher_.rows().forward(rows, &teacher).logits;
    }
    models::EncoderTrace student{last_layer(student_.model().config)};
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
  static std::int64_t last_layer(const models::ModelConfig& config) {
    return config.num_hidden_layers - 1;
  }

  TeacherModel teacher_;
  torch::Tensor labels_;
  PredictionLoss prediction_;
  double weight_;
};

class MiniLm : public Method {
 public:
  MiniLm()
      : Method({.name = "minilm",
                .summary = "attention and value relations of the last layer",
                .source = "Wang et al., NeurIPS 2020",
                .learns_from = Source::kTeacher}) {}

  void add_options(base::OptionList& options) override {
    options.add({"minilm-weight", "", &weight_, "weight of both relations", base::kNotNegative});
  }
  std::unique_ptr<train::Objective> make(const MethodContext& context) const override {
    return std::make_unique<MiniLmObjective>(context, weight_);
  }

 private:
  double weight_ = 1;
};

}  // namespace

std::unique_ptr<Method> make_minilm() {
  return std::make_unique<MiniLm>();
}

}  // namespace reaugkd::distill
