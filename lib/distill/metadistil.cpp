// MetaDistil (Zhou et al., ACL 2022): the teacher learns to teach. A step has three parts:
//   1. the student S takes a step of plain descent on kd's loss: S' = S - eta g (the pilot update);
//   2. the teacher is updated by the gradient of S's quiz loss CE(y, p^S') through that step
//      (losses/metadistil.h: central differences instead of second derivatives, as DARTS has it);
//   3. S, back where it was, is trained on what the updated teacher says of the same batch.
// The quiz rows are kept out of the student's training.
#include "losses/metadistil.h"

#include "base/error.h"
#include "distill/kd.h"
#include "distill/teacher_model.h"
#include "train/batches.h"

namespace reaugkd::distill {
namespace {

using Tensors = std::vector<torch::Tensor>;

constexpr double kDifference = 0.01;  // e = kDifference / |v|, as DARTS

/// Adds scale * direction to each parameter; a parameter that the loss does not reach stays.
void move(const Tensors& parameters, const Tensors& direction, double scale) {
  const torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (direction[i].defined()) parameters[i].add_(direction[i], scale);
  }
}

void put_back(const Tensors& parameters, const Tensors& values) {
  const torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i].copy_(values[i]);
}

/// Dense, whatever the layout of the model's own (models/word_embedding.h).
Tensors gradients(const torch::Tensor& loss, const Tensors& parameters) {
  auto all = torch::autograd::grad({loss}, parameters, {}, /*retain_graph=*/false,
                                   /*create_graph=*/false, /*allow_unused=*/true);
  for (auto& gradient : all) {
    if (gradient.defined() && gradient.is_sparse()) gradient = gradient.to_dense();
  }
  return all;
}

double norm_of(const Tensors& direction) {
  torch::Tensor square;
  for (const auto& x : direction) {
    if (!x.defined()) continue;
    const auto more = x.to(torch::kFloat64).square().sum();
    square = square.defined() ? square + more : more;
  }
  return square.defined() ? std::sqrt(square.item<double>()) : 0;
}

/// While it lives: neither the quiz nor a small difference may be lost in noise.
class WithoutDropout {
 public:
  explicit WithoutDropout(torch::nn::Module& model) : model_(model) { model_.eval(); }
  ~WithoutDropout() { model_.train(); }
  WithoutDropout(const WithoutDropout&) = delete;
  WithoutDropout& operator=(const WithoutDropout&) = delete;

 private:
  torch::nn::Module& model_;
};

class MetaDistilObjective : public train::ClassifierObjective {
 public:
  explicit MetaDistilObjective(const MethodContext& context)
      : train::ClassifierObjective(context.student, context.settings.training),
        teacher_(context, TeacherModel::Use::kFrozen),
        quiz_(student_.model(), context.quiz, context.data.settings, context.compute()),
        labels_(context.labels()),
        quiz_labels_(labels_on(context.quiz, context.compute().device)),
        prediction_(context.prediction()),
        teacher_optimizer_(teacher_.parameter_groups()),
        seed_(context.settings.seed),
        quiz_batches_(shuffled_quiz(0)) {
    teacher_.classifier()->eval();  // it never drops out: its predictions are what is learned from
    student_parameters_ = student_.model().classifier->parameters();
  }

  void begin_step(const train::Moment& moment) override { moment_ = moment; }

  train::LossTerms loss(const train::Rows& rows) override {
    teach(rows);
    return student_loss(rows);
  }

  tensor::TensorMap state() const override {
    auto state = teacher_optimizer_.state();
    const auto parameters = teacher_optimizer_.parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      state[fmt::format("teacher.{}", i)] = parameters[i];
    }
    return state;
  }

  void load_state(const tensor::TensorMap& state, const std::string& where) override {
    const torch::NoGradGuard no_grad;
    teacher_optimizer_.load_state(state, where);
    const auto parameters = teacher_optimizer_.parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      parameters[i].copy_(tensor::take(state, fmt::format("teacher.{}", i),
                                       parameters[i].scalar_type(), parameters[i].sizes(), where));
    }
  }

 private:
  train::LossTerms student_loss(const train::Rows& rows) const {
    torch::Tensor teacher;
    {
      const torch::NoGradGuard no_grad;
      teacher = teacher_.rows().forward(rows).logits;
    }
    return prediction_.mixed(teacher, student_.forward(rows).logits,
                             labels_.index_select(0, student_.index(rows)));
  }

  /// Parts 1 and 2.
  void teach(const train::Rows& rows) {
    Tensors before;
    for (const auto& parameter : student_parameters_) before.push_back(parameter.detach().clone());
    move(student_parameters_, gradients(student_loss(rows).total, student_parameters_),
         -options_.learning_rate * moment_.rate_factor);
    const Tensors v = quiz_gradient();
    put_back(student_parameters_, before);
    const double length = norm_of(v);
    if (length == 0) return;
    const double e = kDifference / length;
    move(student_parameters_, v, e);
    const auto plus = student_logits(rows);
    move(student_parameters_, v, -2 * e);
    const auto minus = student_logits(rows);
    put_back(student_parameters_, before);
    const auto teacher = teacher_.rows().forward(rows).logits;
    const auto objective =
        prediction_.kind == base::TaskKind::kRegression
            ? losses::meta_objective_of_scores(teacher, plus, minus, e)
            : losses::meta_objective(teacher, plus, minus, e, prediction_.temperature);
    objective.backward();
    teacher_optimizer_.step(
        moment_.rate_factor,
        train::clip_factor(teacher_optimizer_.gradient_norm(), options_.max_grad_norm));
  }

  /// v: the gradient of the quiz's loss where the student stands.
  Tensors quiz_gradient() {
    const train::Rows& rows = quiz_rows();
    const WithoutDropout guard(*student_.model().classifier);
    return gradients(prediction_.hard(quiz_.forward(rows).logits,
                                      quiz_labels_.index_select(0, quiz_.index(rows))),
                     student_parameters_);
  }

  /// This step's batch of the quiz, which is shuffled anew each time it has been gone through.
  const train::Rows& quiz_rows() {
    const auto batches = static_cast<std::int64_t>(quiz_batches_.size());
    const auto epoch = moment_.step / batches;
    if (epoch != quiz_epoch_) quiz_batches_ = shuffled_quiz(quiz_epoch_ = epoch);
    return quiz_batches_[static_cast<std::size_t>(moment_.step % batches)];
  }

  train::Batches shuffled_quiz(std::int64_t epoch) const {
    const auto size = quiz_.encoded().size();
    return train::shuffled_batches(size, std::min(options_.batch_size, size), seed_, epoch);
  }

  /// The student's logits in fp32, for the differences.
  torch::Tensor student_logits(const train::Rows& rows) const {
    const torch::NoGradGuard no_grad;
    const WithoutDropout guard(*student_.model().classifier);
    return student_.forward_in_fp32(rows).logits;
  }

  TeacherModel teacher_;
  train::ModelOnData quiz_;
  torch::Tensor labels_, quiz_labels_;
  PredictionLoss prediction_;
  train::AdamW teacher_optimizer_;
  std::uint64_t seed_;
  train::Batches quiz_batches_;
  std::int64_t quiz_epoch_ = 0;
  Tensors student_parameters_;
  train::Moment moment_;
};

class MetaDistil : public Method {
 public:
  MetaDistil()
      : Method({.name = "metadistil",
                .summary = "the teacher learns to teach, by the student's results in a quiz",
                .source = "Zhou et al., ACL 2022",
                .learns_from = Source::kTeacher,
                .hard_label_weight = 0.5,
                .distill_temperature = 2,
                .trains_teacher = true,
                .teacher_learning_rate = 1e-5}) {}

  void add_options(base::OptionList& options) override {
    options.add({"metadistil-quiz", "", &quiz_share_,
                 "share of the training rows kept for the quiz", base::Range{0, 0.5, true}});
  }
  double quiz_share() const override { return quiz_share_; }
  void check(const DistillSettings& settings) const override {
    if (settings.training.gradient_accumulation_steps == 1) return;
    throw base::ConfigError(
        "`gradient_accumulation_steps` with `method` metadistil: the teacher would be updated for "
        "each batch, the student for several at once; give a larger `batch_size`");
  }
  std::unique_ptr<train::Objective> make(const MethodContext& context) const override {
    return std::make_unique<MetaDistilObjective>(context);
  }

 private:
  double quiz_share_ = 0.1;
};

}  // namespace

std::unique_ptr<Method> make_metadistil() {
  return std::make_unique<MetaDistil>();
}

}  // namespace reaugkd::distill
