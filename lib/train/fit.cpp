#include "train/fit.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <cmath>
#include <fstream>

#include "core/error.h"
#include "core/progress.h"
#include "core/random.h"

namespace reaugkd::train {
namespace {

using core::Json;

class Fit {
 public:
  Fit(const FitOptions& options, Step& step, const std::function<Batches(std::int64_t)>& batches,
      const std::function<Validation()>& validate, const std::filesystem::path& log_path)
      : options_(options),
        step_(step),
        batches_(batches),
        validate_(validate),
        optimizer_(step.parameter_groups()),
        base_rate_(step.parameter_groups().front().learning_rate),
        log_(log_path, std::ios::app) {
    if (!log_) throw core::IoError("{}: cannot be written", log_path.string());
    for (std::int64_t epoch = 0; epoch < options.epochs; ++epoch) {
      const Batches planned = batches_(epoch);
      total_examples_ += examples_of(planned);
      total_steps_ += steps_of(planned);
    }
  }

  FitResult run() {
    const auto start = std::chrono::steady_clock::now();
    core::Progress progress(options_.what, total_examples_, "examples");
    step_.set_training(true);
    for (std::int64_t epoch = 0; epoch < options_.epochs; ++epoch) {
      run_epoch(batches_(epoch), epoch, progress);
      if (options_.eval_steps == 0) validate(static_cast<double>(epoch + 1));
    }
    if (validated_step_ != result_.steps) validate(static_cast<double>(options_.epochs));
    restore_best();
    step_.set_training(false);
    result_.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    result_.examples_per_second = static_cast<double>(done_examples_) / training_seconds_;
    return result_;
  }

 private:
  static std::int64_t examples_of(const Batches& batches) {
    std::int64_t sum = 0;
    for (const auto& batch : batches) sum += static_cast<std::int64_t>(batch.size());
    return sum;
  }

  std::int64_t steps_of(const Batches& batches) const {
    return (static_cast<std::int64_t>(batches.size()) + options_.accumulation - 1) /
           options_.accumulation;
  }

  void run_epoch(const Batches& batches, std::int64_t epoch, core::Progress& progress) {
    const auto count = static_cast<std::int64_t>(batches.size());
    for (std::int64_t begin = 0; begin < count; begin += options_.accumulation) {
      const std::int64_t end = std::min(begin + options_.accumulation, count);
      const double epochs_done =
          static_cast<double>(epoch) + static_cast<double>(end) / static_cast<double>(count);
      take_step({batches.begin() + begin, batches.begin() + end}, epochs_done);
      progress.update(done_examples_, note_);
      if (options_.eval_steps > 0 && result_.steps % options_.eval_steps == 0) {
        validate(epochs_done);
      }
    }
  }

  void take_step(const Batches& micro_batches, double epochs_done) {
    const auto start = std::chrono::steady_clock::now();
    const double factor = linear_schedule(result_.steps, total_steps_, options_.warmup_ratio);
    torch::manual_seed(
        core::stream_seed(options_.seed, "dropout", static_cast<std::uint64_t>(result_.steps)));
    const std::int64_t examples = examples_of(micro_batches);
    LossTerms last;
    for (const auto& rows : micro_batches) {
      last = step_.loss(rows);
      const double share = static_cast<double>(rows.size()) / static_cast<double>(examples);
      (last.total * share).backward();
    }
    const auto norm = clip_gradients(optimizer_.parameters(), options_.max_grad_norm);
    // Looking at the numbers makes a GPU wait, so it is done only when they are logged.
    if (result_.steps % options_.logging_steps == 0 || result_.steps + 1 == total_steps_) {
      log_step(last, norm.item<double>(), base_rate_ * factor, epochs_done);
    }
    optimizer_.step(factor);
    ++result_.steps;
    done_examples_ += examples;
    training_seconds_ +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  void log_step(const LossTerms& loss, double norm, double rate, double epochs_done) {
    Json line = {{"step", result_.steps}, {"epoch", epochs_done}, {"learning_rate", rate}};
    line["loss"] = loss.total.item<double>();
    for (const auto& [name, value] : loss.terms) line[name] = value.item<double>();
    line["grad_norm"] = norm;
    if (!std::isfinite(loss.total.item<double>()) || !std::isfinite(norm)) {
      throw core::NumericError(
          "the loss or its gradient is not finite: {}; lower --learning-rate, or check "
          "the data and the checkpoint",
          line.dump());
    }
    write_line(line);
    note_ = fmt::format("loss {:.4f}  lr {:.2e}", line["loss"].get<double>(), rate);
  }

  void write_line(const Json& line) {
    log_ << line.dump() << '\n' << std::flush;
    if (!log_) throw core::IoError("train_log.jsonl cannot be written: is the disk full?");
  }

  void validate(double epochs_done) {
    step_.set_training(false);
    const Validation now = validate_();
    step_.set_training(true);
    validated_step_ = result_.steps;
    const bool best = snapshot_.empty() || now.score > result_.best.score;
    if (best) {
      result_.best = now;
      result_.best_step = result_.steps;
      result_.best_epoch = epochs_done;
      keep_best();
    }
    Json line = {{"step", result_.steps}, {"epoch", epochs_done}, {"validation", now.details}};
    write_line(line);
    spdlog::info("epoch {:.2f}  step {}/{}  {}  validation {}{}", epochs_done, result_.steps,
                 total_steps_, note_, now.details.dump(), best ? "  (best)" : "");
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

  FitOptions options_;
  Step& step_;
  const std::function<Batches(std::int64_t)>& batches_;
  const std::function<Validation()>& validate_;
  AdamW optimizer_;
  double base_rate_;
  std::ofstream log_;
  std::int64_t total_steps_ = 0;
  std::int64_t total_examples_ = 0;
  std::int64_t done_examples_ = 0;
  std::int64_t validated_step_ = -1;
  double training_seconds_ = 0;
  std::string note_;
  FitResult result_;
  std::vector<torch::Tensor> snapshot_;
};

}  // namespace

FitResult fit(const FitOptions& options, Step& step,
              const std::function<Batches(std::int64_t epoch)>& batches,
              const std::function<Validation()>& validate, const std::filesystem::path& log_path) {
  return Fit(options, step, batches, validate, log_path).run();
}

}  // namespace reaugkd::train
