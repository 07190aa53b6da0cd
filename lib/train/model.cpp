#include "train/model.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "base/error.h"
#include "base/names.h"
#include "data/class_names.h"
#include "models/sentence_folder.h"
#include "text/sentencepiece.h"
#include "train/sentence_defaults.h"
#include "train/token_cache.h"

namespace reaugkd::train {
namespace {

namespace fs = std::filesystem;
using base::ArtifactError;

constexpr const char* kTrainedTowards = "trained_towards";  // in config.json's "reaugkd"

/// The directory's tokenizer, or one trained on the task's training texts.
std::shared_ptr<const text::Tokenizer> tokenizer_for_training(const fs::path& directory,
                                                              const data::Dataset& train,
                                                              const TrainingInit& init,
                                                              models::ModelConfig& config) {
  if (init.vocab_size == 0) return text::load_tokenizer(directory);
  if (text::has_tokenizer(directory)) {
    throw base::ConfigError("`vocab_size`: {} has a vocabulary already; leave the flag out",
                            directory.string());
  }
  std::vector<std::string> texts(train.text_a.begin(), train.text_a.end());
  texts.insert(texts.end(), train.text_b.begin(), train.text_b.end());
  spdlog::info("training a sentencepiece model of {} pieces on {} texts", init.vocab_size,
               texts.size());
  if (init.init == "random") config.vocab_size = init.vocab_size;
  return std::make_shared<text::SentencePieceTokenizer>(
      text::train_sentencepiece(texts, init.vocab_size, /*do_lower_case=*/true),
      /*do_lower_case=*/true, "the sentencepiece model just trained");
}

void check_sizes(const Model& model, const data::TaskSettings& settings,
                 const fs::path& directory) {
  check_vocabulary(model, directory);
  if (settings.max_seq_length > model.config.max_tokens()) {
    throw base::ConfigError(
        "`max_seq_length` {}: {} has positions for {} tokens: give the first stage of the chain "
        "that or less, or take a model with more",
        settings.max_seq_length, directory.string(), model.config.max_tokens());
  }
}

void log_zeroed(const models::LoadedModel& loaded, const fs::path& directory) {
  if (loaded.zeroed.empty()) return;
  spdlog::info("{} has no token types: {} is all zeros", directory.string(),
               fmt::join(loaded.zeroed, ", "));
}

/// A student that has a classifier already may have the classes in another order, which `names` are
/// in: its rows are then put into the task's.
void reorder_classes(Model& model, const std::vector<std::string>& names, const data::Task& task,
                     const fs::path& directory) {
  const auto own = data::in_order_of(names, task.labels);
  if (!own) {
    if (names.size() == task.labels.size() && !data::nameless(names)) {
      spdlog::warn("{}: calls its classes {}; its classifier begins as that of {}",
                   directory.string(), base::few_names(names), base::few_names(task.labels));
    }
    return;
  }
  if (*own == task.labels) return;
  std::vector<std::int64_t> rows;
  for (const auto& label : task.labels) {
    rows.push_back(std::find(own->begin(), own->end(), label) - own->begin());
  }
  const torch::NoGradGuard no_grad;
  for (auto& item : model.classifier->named_parameters()) {
    if (!item.key().starts_with("classifier.")) continue;
    item.value().copy_(item.value().index_select(0, torch::tensor(rows, torch::kInt64)));
  }
  spdlog::info("{}: its classes are in the order {}: its classifier's rows are put into that of {}",
               directory.string(), base::few_names(names), base::few_names(task.labels));
}

/// Class names as config.json lists them.
std::vector<std::string> class_names(const data::Task& task) {
  return task.regression() ? std::vector<std::string>{"LABEL_0"} : task.labels;
}

/// Lets Hugging Face's tokenizers cut a text where we cut it.
void add_maximum_length(const fs::path& directory, std::int64_t max_seq_length) {
  const fs::path path = directory / "tokenizer_config.json";
  base::Json config = base::read_json(path);
  config["model_max_length"] = max_seq_length;
  base::write_json(path, config);
}

}  // namespace

void check_vocabulary(const Model& model, const fs::path& directory) {
  if (model.tokenizer->vocab_size() > model.config.vocab_size) {
    throw ArtifactError(
        "{}: the vocabulary has {} entries, config.json's vocab_size (the embedding matrix) "
        "{}; the files do not belong together",
        directory.string(), model.tokenizer->vocab_size(), model.config.vocab_size);
  }
  if (10 * model.tokenizer->vocab_size() < 9 * model.config.vocab_size) {
    spdlog::warn(
        "{}: the vocabulary has {} entries, config.json's vocab_size is {}: is its file whole?",
        directory.string(), model.tokenizer->vocab_size(), model.config.vocab_size);
  }
}

text::EncodedDataset Model::encode(const data::Dataset& dataset, const data::TaskSettings& settings,
                                   const tensor::Compute& compute) const {
  auto encoded = compute.token_cache.empty()
                     ? text::encode_dataset(*tokenizer, dataset.text_a, dataset.text_b,
                                            settings.max_seq_length, compute.threads)
                     : encode_with_cache(compute.token_cache, *tokenizer, dataset,
                                         settings.max_seq_length, compute.threads);
  if (encoded.num_truncated() > 0) {
    spdlog::info("{}: {} of {} rows are longer than {} tokens and were cut",
                 dataset.path.filename().string(), encoded.num_truncated(), encoded.size(),
                 settings.max_seq_length);
  }
  return encoded;
}

PredictOptions Model::predict_options(const tensor::Compute& compute,
                                      const data::TaskSettings& settings,
                                      std::int64_t batch_size) const {
  PredictOptions options;
  options.batch_size = batch_size;
  options.pooling = pooling;
  options.device = compute.device;
  options.precision = compute.precision;
  options.pad_token_id = tokenizer->special_tokens().pad;
  options.max_tokens = settings.max_seq_length;
  options.hidden_size = config.hidden_size;
  return options;
}

Model load_for_training(const fs::path& directory, const data::TaskData& data,
                        const TrainingInit& init) {
  Model model;
  models::ModelConfig config = models::load_config(directory);
  const std::vector<std::string> names = config.id2label;
  const bool same_head = names == class_names(data.settings.task);
  config.id2label = class_names(data.settings.task);
  config.kind = data.settings.task.kind();
  model.pooling = choose_pooling(init.embedding, config, directory, models::Pooling::kCls);
  config.reaugkd = base::Json::object();  // of an earlier training
  model.tokenizer = tokenizer_for_training(directory, data.train, init, config);
  check_lower_case(*model.tokenizer, directory);

  models::LoadOptions options;
  options.random_init = init.init == "random";
  options.head_may_be_missing = true;
  options.layers = init.layers;
  options.seed = init.seed;
  auto loaded = models::load_classifier(directory, config, options);
  model.config = loaded.config;
  model.classifier = loaded.model;
  if (options.random_init) {
    spdlog::info("all weights drawn from N(0, {})", config.initializer_range);
  } else if (!loaded.initialised.empty()) {
    spdlog::info("drawn from N(0, {}), since the checkpoint lacks them: {}",
                 config.initializer_range, fmt::join(loaded.initialised, ", "));
  } else if (same_head) {
    spdlog::info("goes on from the checkpoint's own classifier");
  }
  const bool has_head =
      !options.random_init && std::ranges::none_of(loaded.initialised, [](const auto& name) {
        return name.starts_with("classifier.");
      });
  if (init.reorder_classes && has_head) {
    reorder_classes(model, names, data.settings.task, directory);
  }
  log_zeroed(loaded, directory);
  check_sizes(model, data.settings, directory);
  return model;
}

Model load_trained(const fs::path& directory, const data::TaskSettings& settings,
                   const std::string& embedding) {
  Model model;
  models::ModelConfig config = models::load_config(directory);
  const auto names = class_names(settings.task);
  // Hugging Face leaves two classes of no name out of config.json: the weights say how many.
  if (!config.id2label.empty() && config.id2label.size() != names.size()) {
    throw ArtifactError("{}: its head has {} classes ({}), task {} has {} ({})", directory.string(),
                        config.id2label.size(), base::few_names(config.id2label),
                        settings.task.name, names.size(), base::few_names(names));
  }
  config.id2label = names;
  config.kind = settings.task.kind();
  model.tokenizer = text::load_tokenizer(directory);
  check_lower_case(*model.tokenizer, directory);
  model.pooling = choose_pooling(embedding, config, directory, models::Pooling::kCls);
  if (config.reaugkd.is_object() && config.reaugkd.contains(kTrainedTowards)) {
    model.trained_towards = retrieval::KeySpace::from_json(
        config.reaugkd[kTrainedTowards], (directory / "config.json").string() + ": reaugkd");
  }
  models::LoadOptions options;
  options.query_head = true;
  auto loaded = models::load_classifier(directory, config, options);
  model.config = loaded.config;
  model.classifier = loaded.model;
  log_zeroed(loaded, directory);
  check_sizes(model, settings, directory);
  return model;
}

void save_model(const Model& model, const data::TaskSettings& settings, const fs::path& directory) {
  models::ModelConfig config = model.config;
  config.reaugkd = settings.to_json();
  config.reaugkd["embedding"] = models::to_string(model.pooling);
  if (model.trained_towards) config.reaugkd[kTrainedTowards] = model.trained_towards->to_json();
  model.tokenizer->save(directory);
  add_maximum_length(directory, settings.max_seq_length);
  models::save_sentence_folder(model.pooling, config.hidden_size, settings.max_seq_length,
                               directory);
  models::save_classifier(model.classifier, config, directory);
}

}  // namespace reaugkd::train
