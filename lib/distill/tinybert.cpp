// TinyBERT (Jiao et al., Findings of EMNLP 2020): for the first part of the steps the embeddings,
// states and attention maps of the layers (losses/tinybert.h), then the predictions, equation 10.
// States of two widths meet through learned matrices W_e and W_h. Without the second part it is the
// paper's general distillation (section 3.2): the teacher is a pretrained encoder, and the student
// one to begin other trainings from.
#include "losses/tinybert.h"

#include "base/error.h"
#include "distill/teacher_model.h"

namespace reaugkd::distill {
namespace {

/// Student width -> teacher width; the identity to begin with where they are equal.
torch::nn::Linear make_bridge(std::int64_t from, std::int64_t to, const torch::Device& device) {
  torch::nn::Linear bridge(torch::nn::LinearOptions(from, to).bias(false));
  const torch::NoGradGuard no_grad;
  if (from == to) {
    torch::nn::init::eye_(bridge->weight);
  } else {
    torch::nn::init::normal_(bridge->weight, 0, 0.02);
  }
  bridge->to(device);
  return bridge;
}

class TinyBertObjective : public train::ClassifierObjective {
 public:
  TinyBertObjective(const MethodContext& context, double intermediate)
      : ClassifierObjective(context.student, context.settings.training),
        teacher_(context,
                 intermediate == 1 ? TeacherModel::Use::kLayersAlone : TeacherModel::Use::kFrozen),
        labels_(context.labels()),
        prediction_(context.prediction()),
        intermediate_(intermediate) {
    teacher_.check_same_tokens_and_heads(context, "tinybert");
    teacher_.check_whole_attention(context, "tinybert", TeacherModel::Compared::kAllLayers);
    const auto& student = context.student.model().config;
    student_layers_ = student.num_hidden_layers;
    teacher_layers_ = teacher_.config().num_hidden_layers;
    if (student_layers_ > teacher_layers_) {
      throw base::ConfigError(
          "`method` tinybert: each layer learns from one of the teacher's, but {} has {} layers "
          "and {} {}; take a student with no more, or another method",
          context.settings.student.string(), student_layers_, context.settings.teacher.string(),
          teacher_layers_);
    }
    if (intermediate_ < 1) {
      teacher_logits_ = teacher_.outputs(context).logits.to(context.compute().device);
    }
    teacher_.classifier()->eval();
    torch::manual_seed(context.settings.seed);
    for (auto* bridge : {&embedding_bridge_, &state_bridge_}) {
      *bridge =
          make_bridge(student.hidden_size, teacher_.config().hidden_size, context.compute().device);
    }
  }

  std::vector<train::ParameterGroup> parameter_groups() override {
    auto groups = train::ClassifierObjective::parameter_groups();
    groups.push_back({{embedding_bridge_->weight, state_bridge_->weight},
                      options_.learning_rate,
                      options_.weight_decay});
    return groups;
  }

  void begin_step(const train::Moment& moment) override {
    on_layers_ = is_on_layers(moment.step, moment.total_steps);
  }
  /// Until then the classifier is as it was drawn. Where it stays so, scores mean nothing, and what
  /// the last step leaves is kept.
  bool may_be_kept(std::int64_t last_step, std::int64_t total_steps) const override {
    return intermediate_ == 1 ? last_step + 1 == total_steps
                              : !is_on_layers(last_step, total_steps);
  }

  train::LossTerms loss(const train::Rows& rows) override {
    if (on_layers_) return layer_terms(rows);
    const auto index = student_.index(rows);
    return prediction_.mixed(teacher_logits_.index_select(0, index), student_.forward(rows).logits,
                             labels_.index_select(0, index));
  }

 private:
  static constexpr std::int64_t kAllLayers = 0;  // from the first on

  bool is_on_layers(std::int64_t step, std::int64_t total_steps) const {
    if (intermediate_ == 1) return true;
    return step + 1 < total_steps &&
           static_cast<double>(step) < intermediate_ * static_cast<double>(total_steps);
  }

  train::LossTerms layer_terms(const train::Rows& rows) {
    models::EncoderTrace teacher{kAllLayers}, student{kAllLayers};
    {
      const torch::NoGradGuard no_grad;
      teacher_.rows().forward(rows, &teacher);
    }
    student_.forward(rows, &student);
    const auto mask = student_.input(rows).attention_mask;
    const auto embedding =
        losses::state_error(teacher.hidden_states[0],
                            embedding_bridge_(student.hidden_states[0].to(torch::kFloat32)), mask);
    auto states = torch::zeros({}, embedding.options());
    auto attention = torch::zeros({}, embedding.options());
    for (std::int64_t m = 1; m <= student_layers_; ++m) {
      const auto g = losses::uniform_layer(m, student_layers_, teacher_layers_);
      states = states + losses::state_error(
                            teacher.hidden_states[g],
                            state_bridge_(student.hidden_states[m].to(torch::kFloat32)), mask);
      attention = attention + losses::attention_error(teacher.attention_scores[g - 1],
                                                      student.attention_scores[m - 1], mask);
    }
    return {embedding + states + attention,
            {{"embedding", embedding}, {"states", states}, {"attention", attention}}};
  }

  TeacherModel teacher_;
  torch::Tensor teacher_logits_, labels_;  // (n, C), undefined for layers alone; (n)
  PredictionLoss prediction_;
  double intermediate_;
  bool on_layers_ = true;
  std::int64_t student_layers_ = 0, teacher_layers_ = 0;
  torch::nn::Linear embedding_bridge_{nullptr}, state_bridge_{nullptr};
};

class TinyBert : public Method {
 public:
  TinyBert()
      : Method({.name = "tinybert",
                .summary = "layer by layer: embeddings, states, attention; then predictions",
                .source = "Jiao et al., Findings of EMNLP 2020",
                .learns_from = Source::kTeacher}) {}

  void add_options(base::OptionList& options) override {
    options.add({"tinybert-intermediate", "", &intermediate_,
                 "share of the steps on layers, before those on predictions; 1: layers alone",
                 base::Range{0, 1}});
  }
  void check(const DistillSettings& settings) const override {
    if (intermediate_ == 0 || settings.training.early_stopping_patience == 0) return;
    throw base::ConfigError(
        "`early_stopping_patience` with `method` tinybert: the classifier is not trained while the "
        "layers are, and scores of that time would end it; leave it out, or "
        "`tinybert_intermediate` 0");
  }
  std::unique_ptr<train::Objective> make(const MethodContext& context) const override {
    return std::make_unique<TinyBertObjective>(context, intermediate_);
  }

 private:
  double intermediate_ = 0.5;
};

}  // namespace

std::unique_ptr<Method> make_tinybert() {
  return std::make_unique<TinyBert>();
}

}  // namespace reaugkd::distill
