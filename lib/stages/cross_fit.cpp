#include "stages/cross_fit.h"

#include <spdlog/spdlog.h>

#include "core/error.h"
#include "core/random.h"
#include "core/sha256.h"
#include "data/fold.h"
#include "stages/features.h"
#include "stages/methods/finetune.h"
#include "stages/stage_files.h"
#include "stages/teacher_finetune.h"
#include "stages/training.h"
#include "tensor/safetensors.h"

namespace reaugkd::stages {
namespace {

namespace fs = std::filesystem;
using core::ArtifactError;
using core::ConfigError;
using core::Json;

constexpr const char* kComputedFrom = "computed_from";
constexpr const char* kFoldMetrics = "metrics";

/// The projected teacher's own run of teacher-finetune; null for a teacher from elsewhere.
Json teacher_run(const fs::path& projected) {
  const fs::path path = projected / kTeacherRunFile;
  if (!fs::exists(path)) return nullptr;
  Json run = core::read_json(path);
  const auto command = core::json_at<std::string>(run, "command", path.string());
  return command == "teacher-finetune" ? run : Json(nullptr);
}

/// Whether `model` holds the files that the teacher began from, wherever it lies now.
void check_same_model(const fs::path& model, const Json& run, const fs::path& began_from) {
  const Json inputs = run.value("inputs", Json::object());
  for (const auto& [recorded, digest] : inputs.items()) {
    if (fs::path(recorded).parent_path() != (began_from / "").parent_path()) continue;
    const fs::path file = model / fs::path(recorded).filename();
    const std::string found = fs::exists(file) ? core::sha256_of_file(file) : "missing";
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
                                 StageRun& run) {
  TeacherFinetuneOptions recipe;
  const Json known = teacher_run(projected);
  if (known.is_object()) {
    const fs::path path = projected / kTeacherRunFile;
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
      recipe.fields().set_json(core::read_json(options.config), options.config);
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
        projected.string(), kTeacherRunFile);
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
    throw core::DataError("{}: --cross-fit needs rows with labels in every fold",
                          rows.path.string());
  }
  return kept;
}

class CrossFit {
 public:
  CrossFit(TeacherFinetuneOptions recipe, const TaskData& data, const RunOptions& run_options,
           const Compute& compute, std::int64_t eval_batch_size, StageRun& run)
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

  torch::Tensor logits(std::int64_t count, Json& metrics) {
    const auto folds =
        data::make_folds(data_.train, data_.settings.task, count, data_.split.split_seed);
    auto all = torch::empty({data_.train.size(), data_.settings.task.num_labels()});
    metrics["folds"] = count;
    metrics["fold_precision"] = tensor::to_string(training_.precision);
    for (std::size_t i = 0; i < folds.size(); ++i) {
      number_ = i + 1;
      what_ = fmt::format("fold {} of {}", number_, count);
      Json fold_metrics;
      const auto of_fold = fold_logits(folds[i], fold_metrics);
      all.index_copy_(0, torch::tensor(folds[i].held_out, torch::kInt64), of_fold);
      metrics["fold"].push_back(fold_metrics);
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

  /// The held-out rows' logits: those that a stopped run has left, or a new teacher's.
  torch::Tensor fold_logits(const data::Fold& fold, Json& metrics) {
    const auto path = file("fold", "safetensors");
    const auto held_out = data_.train.subset(fold.held_out);
    const std::string mark = run_.inputs_digest();
    if (resume_ && fs::exists(path)) {
      auto metadata = tensor::load_metadata(path);
      auto known = Json::parse(metadata[kFoldMetrics], nullptr, /*allow_exceptions=*/false);
      if (metadata[kComputedFrom] == mark && !known.is_discarded()) {
        spdlog::info("{}: taken from the stopped run", what_);
        metrics = std::move(known);
        return tensor::take(tensor::load_safetensors(path), "logits", torch::kFloat32,
                            {held_out.size(), data_.settings.task.num_labels()}, path.string())
            .clone();
      }
    }
    const auto logits = train_and_answer(fold, held_out, metrics);
    tensor::save_safetensors(path, {{"logits", logits}},
                             {{kComputedFrom, mark}, {kFoldMetrics, metrics.dump()}});
    remove(file("checkpoint-fold", "safetensors"));
    return logits;
  }

  torch::Tensor train_and_answer(const data::Fold& fold, const data::Dataset& held_out,
                                 Json& metrics) {
    TaskData part{data_.settings, data_.split, data_.train.subset(labelled(fold, data_.train)),
                  data_.validation};
    spdlog::info("{}: its teacher trains on {} rows and answers for {}", what_, part.train.size(),
                 held_out.size());
    const auto& training = recipe_.training;
    const std::uint64_t seed = core::stream_seed(seed_, "cross-fit", number_);
    Model model = load_for_training(
        recipe_.model, part, {training.init, {}, training.vocab_size, training.embedding, seed});
    const RowClassifier rows(model, part.train, part.settings, training_);
    HardLabelStep step(rows, part, training);
    TrainingFiles files{file("train_log-fold", "jsonl"), run_.checkpoint_options()};
    if (!files.checkpoint.path.empty()) {
      files.checkpoint.path = file("checkpoint-fold", "safetensors");
    }
    const Json fit = train_classifier(what_, rows, step, part, training, seed, files);
    metrics = {{"rows", held_out.size()}, {"trained_on", part.train.size()}};
    for (const char* key : {"validation", "best_epoch", "warnings"}) {
      if (fit.contains(key)) metrics[key] = fit[key];
    }
    return compute_features(model, held_out, part.settings, predicting_, eval_batch_size_).logits;
  }

  TeacherFinetuneOptions recipe_;
  const TaskData& data_;
  Compute predicting_;
  Compute training_;
  std::int64_t eval_batch_size_;
  std::uint64_t seed_;
  bool resume_;
  StageRun& run_;
  std::size_t number_ = 0;  // of the fold at hand, from 1
  std::string what_;        // "fold 1 of 5"
};

}  // namespace

void CrossFitOptions::add_fields(core::OptionList& list) {
  const char* group = "Cross-fit";
  list.add({"cross-fit", group, &folds,
            "soft labels by teachers that did not see the row: F >= 2 of them, each fine-tuned "
            "without a fold of the rows; 0: the teacher's own",
            core::kNotNegative});
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
                                  const TaskData& data, const RunOptions& run_options,
                                  const Compute& compute, std::int64_t eval_batch_size,
                                  StageRun& run, Json& metrics) {
  CrossFit cross_fit(recipe_of(options, projected, run), data, run_options, compute,
                     eval_batch_size, run);
  return cross_fit.logits(options.folds, metrics["cross_fit"]);
}

}  // namespace reaugkd::stages
