#include "train/fit.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/progress.h"
#include "base/random.h"
#include "parallel/gradient_sum.h"
#include "parallel/ranks.h"

namespace reaugkd::train {
namespace {

using base::Json;

constexpr std::int64_t kStepsUnseen = 50;      // on a GPU between two looks at the loss, at most
const std::string kObjectivePrefix = "step.";  // of the objective's own tensors in a checkpoint

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Where in the epochs a fit stands: all that changes but tensors. Written as it is into a
/// checkpoint.
struct Position {
  std::int64_t epoch = 0;
  std::int64_t batch = 0;  // next one of the epoch
  std::int64_t steps = 0;
  std::int64_t examples = 0;
  double epochs_done = 0;  // at the last step
  std::int64_t validated_step = -1;
  std::int64_t validations_since_best = 0;
  std::uintmax_t log_bytes = 0;
  double training_seconds = 0;
  double seconds = 0;
};

/// Calls field(name, member) for each.
template <typename PositionType, typename Field>
void each_field(PositionType& position, const Field& field) {
  field("epoch", position.epoch);
  field("batch", position.batch);
  field("steps", position.steps);
  field("examples", position.examples);
  field("epochs_done", position.epochs_done);
  field("validated_step", position.validated_step);
  field("validations_since_best", position.validations_since_best);
  field("log_bytes", position.log_bytes);
  field("training_seconds", position.training_seconds);
  field("seconds", position.seconds);
}

class Fit {
 public:
  Fit(const FitOptions& options, Objective& objective,
      const std::function<Batches(std::int64_t)>& batches,
      const std::function<Validation()>& validate, const std::filesystem::path& log_path)
      : options_(options),
        objective_(objective),
        batches_(batches),
        validate_(validate),
        optimizer_(objective.parameter_groups(), options.shard_optimizer),
        base_rate_(objective.parameter_groups().front().learning_rate) {
    const Batches first = batches_(0);
    total_examples_ = options.epochs * examples_of(first);
    total_steps_ = options.epochs * steps_of(first);
    if (total_steps_ == 1 && options.warmup_ratio > 0) {
      spdlog::warn("{}", base::with_flags(options.what +
                                          ": one step in all, whose rate is the warm-up's first, "
                                          "0: nothing is trained; give `warmup_ratio` 0, more "
                                          "`epochs` or a smaller `batch_size`"));
    }
    objective_.begin_fit(total_steps_);
    if (const auto checkpoint = of_first_rank(load_checkpoint(options.checkpoint.place))) {
      restore(*checkpoint);
    }
    if (parallel::rank() > 0) at_.log_bytes = 0;  // a log that nobody reads
    log_.emplace(log_path, at_.log_bytes);
    const bool here = parallel::rank() == 0 && !options.checkpoint.place.path.empty();
    saves_ = parallel::largest(here ? 1 : 0) == 1;
  }

  FitResult run() {
    const parallel::SendGradientsAs gradients(options_.exchange);
    base::Progress progress(options_.what, total_examples_, "examples", at_.examples);
    objective_.set_training(true);
    try {
      while (at_.epoch < options_.epochs && !result_.stopped_early) run_epoch(progress);
      if (at_.validated_step != at_.steps) validate();
    } catch (const base::Interrupted& interrupted) {
      stop(interrupted);
    }
    restore_best();
    objective_.set_training(false);
    result_.planned_steps = total_steps_;
    result_.steps = at_.steps;
    result_.seconds = at_.seconds + seconds_since(start_);
    result_.examples_per_second = static_cast<double>(at_.examples) / at_.training_seconds;
    return result_;
  }

 private:
  static std::int64_t examples_of(const Batches& batches) {
    std::int64_t sum = 0;
    for (const auto& batch : batches) sum += std::ssize(batch);
    return sum;
  }

  std::int64_t steps_of(const Batches& batches) const {
    return (std::ssize(batches) + options_.accumulation - 1) / options_.accumulation;
  }

  void run_epoch(base::Progress& progress) {
    const Batches batches = batches_(at_.epoch);
    const std::int64_t count = std::ssize(batches);
    validate_if_due(count);  // a run stopped between a step and its validation
    while (at_.batch < count && !result_.stopped_early) {
      const std::int64_t end = std::min(at_.batch + options_.accumulation, count);
      take_step(
          {batches.begin() + at_.batch, batches.begin() + end},
          static_cast<double>(at_.epoch) + static_cast<double>(end) / static_cast<double>(count));
      at_.batch = end;
      progress.update(at_.examples, note_);
      parallel::stop_if_any_interrupted();
      validate_if_due(count);
      save_if_due();
    }
    ++at_.epoch;
    at_.batch = 0;
  }

  void validate_if_due(std::int64_t batches_of_epoch) {
    const bool due = options_.eval_steps > 0 ? at_.steps > 0 && at_.steps % options_.eval_steps == 0
                                             : at_.batch == batches_of_epoch;
    if (due && at_.validated_step != at_.steps) validate();
  }

  void take_step(const Batches& micro_batches, double epochs_done) {
    const auto start = std::chrono::steady_clock::now();
    const double factor = linear_schedule(at_.steps, total_steps_, options_.warmup_ratio);
    torch::manual_seed(
        base::stream_seed(options_.seed, "dropout", static_cast<std::uint64_t>(at_.steps)));
    objective_.begin_step({at_.steps, total_steps_, factor});
    const std::int64_t examples = examples_of(micro_batches);
    loss_ = {};
    for (const auto& rows : micro_batches) {
      const LossTerms loss = objective_.loss(rows);
      const double share = static_cast<double>(rows.size()) / static_cast<double>(examples);
      (loss.total * share).backward();
      add_share(loss, share);
    }
    norm_ = optimizer_.gradient_norm();
    const bool logged = at_.steps % options_.logging_steps == 0 || at_.steps + 1 == total_steps_;
    // Looking at the numbers makes a GPU wait, so there it is done when they are logged, and else
    // once in a while.
    const bool looked_at = logged || norm_.device().is_cpu() || at_.steps % kStepsUnseen == 0;
    rate_ = base_rate_ * factor;
    if (looked_at && !last_step_is_finite()) {
      throw base::NumericError("the loss or its gradient is not finite: {}", step_text(at_.steps));
    }
    if (logged) log_step(epochs_done);
    optimizer_.step(factor, clip_factor(norm_, options_.max_grad_norm));
    ++at_.steps;
    at_.epochs_done = epochs_done;
    at_.examples += examples;
    at_.training_seconds += seconds_since(start);
  }

  /// To the step's loss, which is the mean over its rows.
  void add_share(const LossTerms& loss, double share) {
    const auto add = [&](torch::Tensor& sum, const torch::Tensor& part) {
      sum = sum.defined() ? sum + part.detach() * share : part.detach() * share;
    };
    add(loss_.total, loss.total);
    loss_.terms.resize(loss.terms.size());
    for (std::size_t i = 0; i < loss.terms.size(); ++i) {
      loss_.terms[i].first = loss.terms[i].first;
      add(loss_.terms[i].second, loss.terms[i].second);
    }
  }

  void log_step(double epochs_done) {
    Json line = {{"step", at_.steps}, {"epoch", epochs_done}, {"learning_rate", rate_}};
    line["loss"] = loss_.total.item<double>();
    for (const auto& [name, value] : loss_.terms) line[name] = value.item<double>();
    line["grad_norm"] = norm_.item<double>();
    write_line(line);
    note_ = loss_text();
  }

  /// Of the last step.
  std::string loss_text() const {
    return fmt::format("loss {:.4f}  lr {:.2e}", loss_.total.item<double>(), rate_);
  }

  /// Where a run that diverged stood, and what to do.
  std::string step_text(std::int64_t step) const {
    std::string text = fmt::format("step {}, learning rate {:g}, loss {:g}", step, rate_,
                                   loss_.total.item<double>());
    for (const auto& [name, value] : loss_.terms) {
      text += fmt::format(", {} {:g}", name, value.item<double>());
    }
    return text +
           fmt::format(
               ", gradient norm {:g}; begin anew with a lower `learning_rate`, or check the data "
               "and the checkpoint that it began from",
               norm_.item<double>());
  }

  /// A fit may be stopped within a step, where not both are there.
  bool last_step_is_finite() const {
    const auto finite = [](const torch::Tensor& value) {
      return !value.defined() || std::isfinite(value.item<double>());
    };
    return finite(loss_.total) && finite(norm_);
  }

  void write_line(const Json& line) {
    const std::string text = line.dump() + '\n';
    log_->write(text);
    at_.log_bytes += text.size();
  }

  void validate() {
    wait_for_steps();
    // Ranks on different processors would drift apart by their last digits.
    for (auto parameter : optimizer_.parameters()) parallel::copy_of_first(parameter);
    objective_.set_training(false);
    const Validation now = validated();
    objective_.set_training(true);
    at_.validated_step = at_.steps;
    const bool may_be_kept = objective_.may_be_kept(at_.steps - 1, total_steps_);
    const bool best = may_be_kept && (snapshot_.empty() || now.score > result_.best.score);
    at_.validations_since_best = best ? 0 : at_.validations_since_best + 1;
    if (best) {
      result_.best = now;
      result_.best_step = at_.steps;
      result_.best_epoch = at_.epochs_done;
      keep_best();
    }
    write_line({{"step", at_.steps},
                {"epoch", at_.epochs_done},
                {"validation", metrics::to_json(now.details)}});
    spdlog::info("epoch {:.2f}  step {}/{}  {}  validation {}{}", at_.epochs_done, at_.steps,
                 total_steps_, loss_.total.defined() ? loss_text() : "",
                 metrics::to_json(now.details).dump(), best ? "  (best)" : "");
    note_if_done();
  }

  /// A GPU's queued steps are training's time, not validation's.
  void wait_for_steps() {
    if (!norm_.defined() || norm_.device().is_cpu()) return;
    const auto start = std::chrono::steady_clock::now();
    norm_.item<float>();
    at_.training_seconds += seconds_since(start);
  }

  Validation validated() const {
    try {
      return validate_();
    } catch (const base::NumericError& error) {
      if (!loss_.total.defined()) throw;
      throw base::NumericError("{}: {}", error.what(), step_text(at_.steps - 1));
    }
  }

  void note_if_done() {
    result_.stopped_early = options_.early_stopping_patience > 0 &&
                            at_.validations_since_best >= options_.early_stopping_patience &&
                            at_.steps < total_steps_;
    if (result_.stopped_early) {
      spdlog::info("stopped early: {} validations without a better one than step {}'s",
                   at_.validations_since_best, result_.best_step);
    }
  }

  void keep_best() {
    snapshot_.clear();
    for (const auto& parameter : optimizer_.parameters()) {
      snapshot_.push_back(parameter.detach().clone());
    }
  }

  void restore_best() {
    const torch::NoGradGuard no_grad;
    const auto parameters = optimizer_.parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i].copy_(snapshot_[i]);
  }

  void save_if_due() {
    const auto& options = options_.checkpoint;
    const bool by_steps = options.save_steps > 0 && at_.steps % options.save_steps == 0;
    bool by_time = options.save_minutes > 0 && seconds_since(saved_) >= 60 * options.save_minutes;
    if (optimizer_.sharded() && options.save_minutes > 0) {  // all ranks by the first one's clock
      by_time = parallel::largest(by_time && parallel::rank() == 0 ? 1 : 0) == 1;
    }
    if (by_steps || by_time) save();
  }

  void save() {
    if (!saves_ || (parallel::rank() > 0 && !optimizer_.sharded())) return;
    if (!last_step_is_finite()) return;  // the last good one stays
    if (parallel::rank() > 0) {
      optimizer_.state();  // gives its part to rank 0
      return;
    }
    Position now = at_;
    now.seconds += seconds_since(start_);
    Checkpoint checkpoint{Json::object(), optimizer_.state()};
    Json& progress = checkpoint.progress;
    each_field(now, [&](const char* name, const auto& value) { progress[name] = value; });
    progress["best_step"] = result_.best_step;
    progress["best_epoch"] = result_.best_epoch;
    progress["best_score"] = result_.best.score;
    progress["best_details"] = metrics::to_json(result_.best.details);
    for (const auto& [name, value] : objective_.state())
      checkpoint.tensors[kObjectivePrefix + name] = value;
    const auto parameters = optimizer_.parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      checkpoint.tensors[fmt::format("parameter.{}", i)] = parameters[i];
      if (!snapshot_.empty()) checkpoint.tensors[fmt::format("best.{}", i)] = snapshot_[i];
    }
    log_->sync();  // the checkpoint says how long it is
    save_checkpoint(options_.checkpoint.place, checkpoint);
    saved_ = std::chrono::steady_clock::now();
  }

  void restore(const Checkpoint& checkpoint) {
    const torch::NoGradGuard no_grad;
    const std::string where = options_.checkpoint.place.path.string();
    const Json& progress = checkpoint.progress;
    each_field(at_, [&]<typename T>(const char* name, T& value) {
      value = base::json_at<T>(progress, name, where);
    });
    result_.best_step = base::json_at<std::int64_t>(progress, "best_step", where);
    result_.best_epoch = base::json_at<double>(progress, "best_epoch", where);
    result_.best.score = base::json_at<double>(progress, "best_score", where);
    result_.best.details =
        metrics::scores_of_json(base::json_at<Json>(progress, "best_details", where), where);
    optimizer_.load_state(checkpoint.tensors, where);
    tensor::TensorMap own;
    for (const auto& [name, value] : checkpoint.tensors) {
      if (name.starts_with(kObjectivePrefix)) own[name.substr(kObjectivePrefix.size())] = value;
    }
    objective_.load_state(own, where);
    const auto parameters = optimizer_.parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const auto stored = [&](const char* kind) {
        return tensor::take(checkpoint.tensors, fmt::format("{}.{}", kind, i),
                            parameters[i].scalar_type(), parameters[i].sizes(), where);
      };
      parameters[i].copy_(stored("parameter"));
      if (checkpoint.tensors.contains(fmt::format("best.{}", i))) {
        snapshot_.push_back(stored("best").to(parameters[i].device(), /*non_blocking=*/false,
                                              /*copy=*/true));
      }
    }
    note_if_done();
    spdlog::info("goes on at step {} of {} (epoch {:.2f})", at_.steps, total_steps_,
                 at_.epochs_done);
  }

  [[noreturn]] void stop(const base::Interrupted& interrupted) {
    save();
    parallel::largest(0);  // a launcher may end everything when the first rank ends
    throw base::Interrupted(
        base::interrupt_signal(),
        fmt::format("{}; {} of {} steps were done{}", interrupted.what(), at_.steps, total_steps_,
                    options_.checkpoint.place.path.empty() ? " and are lost" : ""));
  }

  FitOptions options_;
  Objective& objective_;
  const std::function<Batches(std::int64_t)>& batches_;
  const std::function<Validation()>& validate_;
  AdamW optimizer_;
  double base_rate_;
  double rate_ = 0;     // of the last step
  bool saves_ = false;  // the first rank writes checkpoints
  std::optional<base::AppendedFile> log_;
  std::int64_t total_steps_ = 0;
  std::int64_t total_examples_ = 0;
  Position at_;
  LossTerms loss_;      // of the last step
  torch::Tensor norm_;  // of the last step
  std::string note_;
  FitResult result_;
  std::vector<torch::Tensor> snapshot_;  // parameters at the best validation
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point saved_ = start_;
};

}  // namespace

FitResult fit(const FitOptions& options, Objective& objective,
              const std::function<Batches(std::int64_t epoch)>& batches,
              const std::function<Validation()>& validate, const std::filesystem::path& log_path) {
  return Fit(options, objective, batches, validate, log_path).run();
}

}  // namespace reaugkd::train
