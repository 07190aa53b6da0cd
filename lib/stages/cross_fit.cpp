#include "stages/cross_fit.h"

#include <spdlog/spdlog.h>

#include "base/error.h"
#include "base/random.h"
#include "base/sha256.h"
#include "data/fold.h"
#include "distill/finetune.h"
#include "evaluation/training_report.h"
#include "parallel/ranks.h"
#include "run/run_files.h"
#include "stages/teacher_finetune.h"
#include "stages/warnings.h"
#include "tensor/safetensors.h"
#include "train/classifier_training.h"
#include "train/features.h"

namespace reaugkd::stages {
namespace {

namespace fs = std::filesystem;
using base::ArtifactError;
using base::ConfigError;
using base::Json;

constexpr const char* kComputedFrom = "computed_from";
constexpr const char* kFoldMetrics = "metrics";

/// The projected teacher's own run of teacher-finetune; null for a teacher from elsewhere.
Json teacher_run(const fs::path& projected) {
  const fs::path path = projected / run::kTeacherRunFile;
  if (!fs::exists(path)) return nullptr;
  Json run = base::read_json(path);
  const auto command = base::json_at<std::string>(run, "command", path.string());
  return command == "teacher-finetune" ? run : Json(nullptr);
}

/// Whether `model` holds the files that the teacher began from, wherever it lies now.
void check_same_model(const fs::path& model, const Json& run, const fs::path& began_from) {
  const Json inputs = run.value("inputs", Json::object());
  for (const auto& [recorded, digest] : inputs.items()) {
    if (fs::path(recorded).parent_path() != (began_from / "").parent_path()) continue;
    const fs::path file = model / fs::path(recorded).filename();
    const std::string found = fs::exists(file) ? base::sha256_of_file(file) : "missing";
    if (digest != found) {
      throw ArtifactError(
          "--cross-fit: {} is {}, the teacher began from one with sha256 {}; name the model it "
          "began from with --cross-fit-model",
          file.string(), found == "missing" ? found : "sha256 " + found,
          digest.is_string() ? digest.get<std::string>() : digest.dump());
    }
  }
}

/// How the fold teachers are trained: teacher-finetune's defaults, over them what the teacher was
/// trained with, over that --cross-fit-config and --cross-fit-model.
TeacherFinetuneOptions recipe_of(const CrossFitOptions& options, const fs::path& projected,
                                 run::RunDirectory& run) {
  TeacherFinetuneOptions recipe;
  const Json known = teacher_run(projected);
  if (known.is_object()) {
    const fs::path path = projected / run::kTeacherRunFile;
    try {
      recipe.fields().set_json(known, path.string());
    } catch (const ConfigError& error) {
      throw ArtifactError("{}: {}", path.string(), error.what());
    }
    run.add_input(path);
  }
  const fs::path began_from = recipe.model;
  if (!options.config.empty()) {
    try {
      recipe.fields().set_json(base::read_json(options.config), options.config);
    } catch (const ArtifactError& error) {  // not JSON: here it is an option that is wrong
      throw ConfigError("--cross-fit-config: {}", error.what());
    }
    run.add_input(options.config);
  }
  if (!options.model.empty()) recipe.model = options.model;
  if (recipe.model.empty()) {
    throw ConfigError(
        "--cross-fit: {} does not say how it was fine-tuned (it has no {} of teacher-finetune: it "
        "comes from elsewhere, or from an older version's project): name the pretrained model with "
        "--cross-fit-model, and the training options in --cross-fit-config where they were not the "
        "defaults",
        projected.string(), run::kTeacherRunFile);
  }
  if (!fs::exists(fs::path(recipe.model) / "config.json")) {
    throw ConfigError(
        "--cross-fit: the model that the teacher began from, {}, is not there: name it with "
        "--cross-fit-model",
        recipe.model);
  }
  if (!recipe.student_friendly.empty()) {
    throw ConfigError(
        "--cross-fit: {} was trained with --student-friendly; fold teachers are trained on hard "
        "labels alone and would be no match: use a plain teacher",
        projected.string());
  }
  if (known.is_object()) check_same_model(recipe.model, known, began_from);
  run.add_input_directory(recipe.model);
  return recipe;
}

/// Positions of `fold.trained` that have a label.
std::vector<std::int64_t> labelled(const data::Fold& fold, const data::Dataset& rows) {
  std::vector<std::int64_t> kept = fold.trained;
  std::erase_if(kept, [&](std::int64_t row) { return !rows.labelled(row); });
  if (kept.size() < 2) {
    throw base::DataError("{}: --cross-fit needs rows with labels in every fold",
                          rows.path.string());
  }
  return kept;
}

class CrossFit {
 public:
  CrossFit(TeacherFinetuneOptions recipe, const data::TaskData& data,
           const run::RunOptions& run_options, const tensor::Compute& compute,
           std::int64_t eval_batch_size, run::RunDirectory& run)
      : recipe_(std::move(recipe)),
        data_(data),
        predicting_(compute),
        training_(compute),
        eval_batch_size_(eval_batch_size),
        seed_(static_cast<std::uint64_t>(run_options.seed)),
        resume_(run_options.resume),
        run_(run) {
    const auto& precision =
        run_options.precision == "auto" ? recipe_.run.precision : run_options.precision;
    training_.precision = tensor::parse_precision(precision, compute.device, /*training=*/true);
  }

  torch::Tensor logits(std::int64_t count, evaluation::CrossFitReport& report) {
    const auto folds =
        data::make_folds(data_.train, data_.settings.task, count, data_.split.split_seed);
    auto all = torch::empty({data_.train.size(), data_.settings.task.num_labels()});
    report.precision = tensor::to_string(training_.precision);
    for (std::size_t i = 0; i < folds.size(); ++i) {
      number_ = i + 1;
      what_ = fmt::format("fold {} of {}", number_, count);
      evaluation::FoldReport fold;
      const auto of_fold = fold_logits(folds[i], fold);
      all.index_copy_(0, torch::tensor(folds[i].held_out, torch::kInt64), of_fold);
      report.folds.push_back(std::move(fold));
    }
    return all;
  }

 private:
  fs::path file(const std::string& name, const std::string& extension) const {
    const std::string number = fmt::format("-{}.{}", number_, extension);
    return run_.path() / (name + number);
  }

  static void remove(const fs::path& path) {
    std::error_code ignored;
    fs::remove(path, ignored);
  }

  /// The metrics of a fold that a stopped run has left, or nothing: as rank 0 finds.
  Json known_fold(const fs::path& path, const std::string& mark) const {
    Json known;
    if (resume_ && fs::exists(path)) {
      auto metadata = tensor::load_metadata(path);
      const auto found = Json::parse(metadata[kFoldMetrics], nullptr, /*allow_exceptions=*/false);
      if (metadata[kComputedFrom] == mark && !found.is_discarded()) known = found;
    }
    return Json::parse(parallel::text_of_first(known.dump()));
  }

  /// The held-out rows' logits: those that a stopped run has left, or a new teacher's.
  torch::Tensor fold_logits(const data::Fold& fold, evaluation::FoldReport& report) {
    const auto path = file("fold", "safetensors");
    const auto held_out = data_.train.subset(fold.held_out);
    const std::string mark = run_.inputs_digest();
    if (const Json known = known_fold(path, mark); !known.is_null()) {
      spdlog::info("{}: taken from the stopped run", what_);
      report = evaluation::fold_report_of_json(known, path.string());
      const std::vector<std::int64_t> shape = {held_out.size(), data_.settings.task.num_labels()};
      auto logits = parallel::rank() > 0 ? torch::empty(shape)
                                         : tensor::take(tensor::load_safetensors(path), "logits",
                                                        torch::kFloat32, shape, path.string())
                                               .clone();
      parallel::copy_of_first(logits);
      return logits;
    }
    const auto logits = train_and_answer(fold, held_out, report);
    tensor::save_safetensors(
        path, {{"logits", logits}},
        {{kComputedFrom, mark}, {kFoldMetrics, evaluation::to_json(report).dump()}});
    remove(file("checkpoint-fold", "safetensors"));
    return logits;
  }

  torch::Tensor train_and_answer(const data::Fold& fold, const data::Dataset& held_out,
                                 evaluation::FoldReport& report) {
    data::TaskData part{data_.settings, data_.split,
                        data_.train.subset(labelled(fold, data_.train)), data_.validation};
    spdlog::info("{}: its teacher trains on {} rows and answers for {}", what_, part.train.size(),
                 held_out.size());
    const auto& training = recipe_.training;
    const std::uint64_t seed = base::stream_seed(seed_, "cross-fit", number_);
    train::Model model = train::load_for_training(
        recipe_.model, part, {training.init, {}, training.vocab_size, training.embedding, seed});
    const train::ModelOnData rows(model, part.train, part.settings, training_);
    distill::HardLabelObjective objective(rows, part, training);
    train::TrainingFiles files{file("train_log-fold", "jsonl"), run_.checkpoint_place()};
    if (!files.checkpoint.path.empty()) {
      files.checkpoint.path = file("checkpoint-fold", "safetensors");
    }
    const auto fit = train::train_classifier(what_, rows, objective, part, training, seed, files);
    auto trained = evaluation::training_report(part, fit, rows, files.log);
    tell(trained.warnings);
    report = {held_out.size(), part.train.size(), fit.best.details, fit.best_epoch,
              std::move(trained.warnings)};
    return train::compute_features(model, held_out, part.settings, predicting_, eval_batch_size_)
        .logits;
  }

  TeacherFinetuneOptions recipe_;
  const data::TaskData& data_;
  tensor::Compute predicting_;
  tensor::Compute training_;
  std::int64_t eval_batch_size_;
  std::uint64_t seed_;
  bool resume_;
  run::RunDirectory& run_;
  std::size_t number_ = 0;  // of the fold at hand, from 1
  std::string what_;        // "fold 1 of 5"
};

}  // namespace

void CrossFitOptions::add_fields(base::OptionList& list) {
  const char* group = "Cross-fit";
  list.add({"cross-fit", group, &folds,
            "soft labels by teachers that did not see the row: F >= 2 of them, each fine-tuned "
            "without a fold of the rows; 0: the teacher's own",
            base::kNotNegative});
  list.add({"cross-fit-model", group, &model,
            "the pretrained model they begin from (not given: the one the teacher began from)"});
  list.add({"cross-fit-config", group, &config,
            "JSON file with teacher-finetune's training options for them (not given: the "
            "teacher's own)"});
}

void CrossFitOptions::check() const {
  if (folds == 1) {
    throw ConfigError("--cross-fit 1: one fold leaves no rows to train on; give 2 or more");
  }
  if (folds == 0 && !(model.empty() && config.empty())) {
    throw ConfigError("--cross-fit-model and --cross-fit-config need --cross-fit F");
  }
}

void remove_folds(const CrossFitOptions& options, const fs::path& directory) {
  std::error_code ignored;
  for (std::int64_t number = 1; number <= options.folds; ++number) {
    fs::remove(directory / fmt::format("fold-{}.safetensors", number), ignored);
    fs::remove(directory / fmt::format("checkpoint-fold-{}.safetensors", number), ignored);
  }
}

torch::Tensor cross_fitted_logits(const CrossFitOptions& options, const fs::path& projected,
                                  const data::TaskData& data, const run::RunOptions& run_options,
                                  const tensor::Compute& compute, std::int64_t eval_batch_size,
                                  run::RunDirectory& run, evaluation::CrossFitReport& report) {
  CrossFit cross_fit(recipe_of(options, projected, run), data, run_options, compute,
                     eval_batch_size, run);
  return cross_fit.logits(options.folds, report);
}

}  // namespace reaugkd::stages
