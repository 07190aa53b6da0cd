#include "stages/predict_inputs.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <future>

#include "base/error.h"
#include "base/sha256.h"
#include "evaluation/retriever.h"
#include "models/model_directory.h"
#include "retrieval/kb_manifest.h"
#include "stages/kb_place.h"
#include "stages/task_inputs.h"
#include "train/model.h"

namespace reaugkd::stages {
namespace {

namespace fs = std::filesystem;

/// The setting that --eval or the folder holds, checked to be of this model.
std::optional<serving::Setting> given_setting(const PredictOptions& options,
                                              const std::string& model_sha256) {
  const fs::path own = fs::path(options.model) / serving::kSettingFile;
  const fs::path path = options.eval.empty() ? own : fs::path(options.eval) / serving::kSettingFile;
  if (options.eval.empty() && !fs::exists(own)) return {};
  if (!fs::exists(path)) {
    throw base::ArtifactError(
        "{}: is missing: --eval is a directory that reaugkd eval has written; run eval again where "
        "an older version wrote it",
        path.string());
  }
  auto setting = serving::load_setting(path);
  if (setting.model_sha256 != model_sha256) {
    throw base::ArtifactError("{}: was chosen for another model than {}: run eval with this model",
                              path.string(), options.model);
  }
  return setting;
}

/// Flags over what eval has chosen.
retrieval::RetrievalSetting resolved(const PredictOptions& options,
                                     const std::optional<serving::Setting>& given) {
  const bool chosen = given && given->knowledge_base;
  if (!chosen && !(options.k && options.beta && options.tau_retrieval)) {
    throw base::ConfigError(
        "nothing says how the knowledge base answers: give --eval, the directory that reaugkd eval "
        "--kb has written, or --k, --beta and --tau-retrieval");
  }
  auto setting = chosen ? given->knowledge_base->retrieval : retrieval::RetrievalSetting{};
  if (options.k) setting.k = *options.k;
  if (options.tau_retrieval) setting.tau = *options.tau_retrieval;
  if (options.beta) {
    setting.beta = *options.beta;
    setting.rule = {};
  }
  return setting;
}

std::string setting_text(const retrieval::RetrievalSetting& setting) {
  const std::string beta = setting.rule.mode == retrieval::BetaMode::kConstant
                               ? fmt::format("{}", setting.beta)
                               : "by " + to_string(setting.rule.mode);
  return fmt::format("k = {}, beta {}, tau = {}, soft labels: {}", setting.k, beta, setting.tau,
                     to_string(setting.answers.source));
}

void tell_setting(const PredictOptions& options, const fs::path& directory,
                  const serving::Retrieval& retrieval,
                  const std::optional<serving::Setting>& given) {
  spdlog::info("{}: {} rows, {} index; {}", directory.string(), retrieval.knowledge_base().size(),
               retrieval.index().kind(), setting_text(retrieval.setting()));
  if (!retrieval.matters()) {
    spdlog::info("beta is 1: the student answers alone{}",
                 options.detail().explained() ? "; the knowledge base is asked for the details"
                                              : ", and the knowledge base is not asked");
  }
  if (!given || !given->knowledge_base) return;
  const auto found = base::sha256_of_file(directory / retrieval::kManifestFile);
  if (found != given->knowledge_base->kb_sha256) {
    spdlog::info(
        "the knowledge base has changed since eval chose this setting (it had {} rows): run eval "
        "again to choose anew",
        given->knowledge_base->rows);
  }
}

std::unique_ptr<serving::Retrieval> load_retrieval(const PredictOptions& options,
                                                   const fs::path& directory,
                                                   const data::TaskSettings& settings,
                                                   const train::Model& model,
                                                   const std::optional<serving::Setting>& given) {
  const Inherited kb_settings = inherit(directory);
  check_same_task(kb_settings, settings, options.model);
  const auto texts = options.neighbors > 0 ? retrieval::Texts::kRead : retrieval::Texts::kLeave;
  auto kb = retrieval::load_knowledge_base(directory, texts);
  evaluation::check_same_space(kb, directory, model, options.model);
  const bool chosen = given && given->knowledge_base;
  const bool exact = chosen && given->knowledge_base->index == retrieval::kExactIndex;
  auto index = retrieval::load_index(
      kb, directory, exact ? retrieval::kExactIndex : "auto",
      chosen ? given->knowledge_base->candidates : std::optional<std::int64_t>{});
  auto retrieval = std::make_unique<serving::Retrieval>(
      std::move(kb), std::move(index), resolved(options, given), settings.task.kind());
  tell_setting(options, directory, *retrieval, given);
  return retrieval;
}

/// Which directory answers beside the model, if any.
std::optional<fs::path> knowledge_base_of(const PredictOptions& options) {
  if (options.student_only) return {};
  if (!options.kb.empty()) return knowledge_base_in(options.kb);
  fs::path own = knowledge_base_in(options.model);
  if (own != fs::path(options.model)) return own;
  if (options.k || options.beta || options.tau_retrieval || options.neighbors > 0) {
    throw base::ConfigError(
        "--k, --beta, --tau-retrieval and --neighbors are about retrieval: they need --kb");
  }
  return {};
}

/// Names of the text columns of GLUE's published files.
std::pair<std::string, std::string> published_columns(const data::Task& task) {
  if (task.name == "mrpc") return {"#1 String", "#2 String"};
  if (task.name == "qqp") return {"question1", "question2"};
  if (task.name == "qnli") return {"question", "sentence"};
  return task.pair() ? std::pair<std::string, std::string>{"sentence1", "sentence2"}
                     : std::pair<std::string, std::string>{"sentence", ""};
}

serving::RowLayout layout_of(const PredictOptions& options, const data::Task& task,
                             const std::string& file) {
  serving::RowLayout layout;
  layout.format = options.input_format == "auto" ? serving::format_of_name(file)
                                                 : serving::parse_row_format(options.input_format);
  layout.header = !options.no_header;
  layout.pair = task.pair();
  const auto& own = task.layout(data::Split::kTest);
  const auto [first, second] = published_columns(task);
  const auto name = [](const std::string& given, const std::string& inherited,
                       const std::string& otherwise) {
    return !given.empty() ? given : !inherited.empty() ? inherited : otherwise;
  };
  layout.text_a = name(options.text_column, own.text_a_name, first);
  if (layout.pair) layout.text_b = name(options.text_pair_column, own.text_b_name, second);
  return layout;
}

/// The threshold that eval has chosen, and a warning where it was chosen with other probabilities.
std::optional<serving::Threshold> threshold_of(const std::optional<serving::Setting>& given,
                                               const PredictOptions& options,
                                               tensor::Precision precision) {
  if (!given || !given->threshold) return {};
  const std::string here = tensor::to_string(precision);
  const std::string& there = given->threshold->computed_in;
  if (!options.min_probability && !there.empty() && there != here) {
    spdlog::warn(
        "the threshold was chosen with probabilities computed in {}, these are computed in {}: it "
        "may be right less often than it says. Give --precision {}, or choose it again with eval "
        "--precision {}",
        there, here, there, here);
  }
  return given->threshold;
}

}  // namespace

PredictInputs load_predict_inputs(const PredictOptions& options) {
  tensor::Compute compute;
  compute.device = tensor::parse_device(options.device);
  compute.precision = tensor::parse_precision(options.precision, compute.device, false);
  compute.threads = tensor::set_threads(options.threads);
  tensor::settle_cuda_choices();

  const Inherited model = inherit(options.model);
  if (!model.settings) {
    throw base::ArtifactError(
        "{} does not say which task it was made for: predict needs a model that reaugkd has "
        "written",
        options.model);
  }
  const auto& settings = *model.settings;
  auto digest =
      std::async(std::launch::async, [&] { return models::digest_of_queries(options.model); });
  auto loaded = train::load_trained(options.model, settings);
  const std::string model_sha256 = digest.get();
  const auto given = given_setting(options, model_sha256);
  std::unique_ptr<serving::Retrieval> retrieval;
  const auto directory = knowledge_base_of(options);
  if (directory) retrieval = load_retrieval(options, *directory, settings, loaded, given);
  spdlog::info("{}: {} classes, {}", options.model,
               retrieval ? retrieval->knowledge_base().num_classes() : settings.task.num_labels(),
               retrieval ? "with retrieval" : "the model alone");
  base::Json job = {{"model", model_sha256}};
  if (directory) {
    job["kb"] = base::sha256_of_file(*directory / retrieval::kManifestFile);
    job["setting"] = setting_text(retrieval->setting());
  }
  return {serving::Answerer(std::move(loaded), settings, compute, options.eval_batch_size,
                            std::move(retrieval), options.detail().explained()),
          threshold_of(given, options, compute.precision), std::move(job)};
}

std::int64_t rows_in(const std::vector<std::string>& files) {
  std::int64_t lines = 0;
  std::vector<char> block(1 << 18);
  for (const auto& file : files) {
    std::error_code error;
    if (!fs::is_regular_file(file, error)) return 0;
    std::ifstream bytes(file, std::ios::binary);
    while (bytes.read(block.data(), static_cast<std::streamsize>(block.size())) ||
           bytes.gcount() > 0) {
      lines += std::count(block.begin(), block.begin() + bytes.gcount(), '\n');
    }
  }
  return lines;
}

std::vector<serving::RowStream> open_inputs(const PredictOptions& options, const data::Task& task) {
  std::vector<std::string> files = options.files;
  if (files.empty()) files.emplace_back("-");
  const auto on_error =
      options.on_error == "skip" ? serving::OnError::kSkip : serving::OnError::kStop;
  std::vector<serving::RowStream> readers;
  for (const auto& file : files) {
    const bool piped = file == "-";
    if (piped && ::isatty(STDIN_FILENO) == 1) {
      spdlog::info("type a text and press Enter; Ctrl-D ends");
    }
    readers.emplace_back(
        piped ? serving::ByteSource::standard_input() : serving::ByteSource::file(file),
        layout_of(options, task, piped ? "" : file), on_error);
  }
  return readers;
}

}  // namespace reaugkd::stages
