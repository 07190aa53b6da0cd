#include "train/pretrained_encoder.h"

#include <algorithm>
#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "models/family.h"
#include "run/run_files.h"
#include "train/sentence_defaults.h"

namespace reaugkd::train {
namespace {

namespace fs = std::filesystem;

/// Whether the checkpoint lacked a part of the head other than the classifier itself.
bool lacks_pooler(const models::LoadedModel& loaded) {
  const auto& family = *loaded.config.family;
  return std::ranges::any_of(loaded.initialised, [&](const std::string& name) {
    return name != family.published_name("classifier.weight") &&
           name != family.published_name("classifier.bias");
  });
}

void copy_bytes(const fs::path& from, const fs::path& to) {
  base::AtomicFile file(to);
  std::ifstream bytes(from, std::ios::binary);
  std::vector<char> piece(1 << 20);
  while (bytes) {
    bytes.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    file.write(piece.data(), static_cast<std::size_t>(bytes.gcount()));
  }
  if (!bytes.eof()) throw base::IoError("{}: cannot be read", from.string());
  file.commit();
}

}  // namespace

Model load_pretrained(const fs::path& directory, models::Pooling pooling) {
  Model model;
  models::ModelConfig config = models::load_config(directory);
  if (config.id2label.empty()) config.id2label = {"LABEL_0", "LABEL_1"};  // as transformers has it
  models::LoadOptions options;
  options.head_may_be_missing = true;
  auto loaded = models::load_classifier(directory, config, options);
  if (pooling == models::Pooling::kPooler && lacks_pooler(loaded)) {
    throw base::ArtifactError("{}: has no pooler; give `pretrained_embedding` mean, max or cls",
                              directory.string());
  }
  model.config = loaded.config;
  model.classifier = loaded.model;
  model.pooling = pooling;
  model.tokenizer = text::load_tokenizer(directory);
  check_lower_case(*model.tokenizer, directory);
  check_vocabulary(model, directory);
  return model;
}

void carry_pretrained(const Model& model, const fs::path& directory, const fs::path& target) {
  const fs::path folder = target / run::kPretrainedFolder;
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw base::IoError("{}: cannot be made: {}", folder.string(), error.message());
  model.tokenizer->save(folder);
  copy_bytes(directory / "config.json", folder / "config.json");
  for (const auto& name : models::weight_files(directory)) {
    copy_bytes(directory / name, folder / name);
  }
}

torch::Tensor pretrained_embeddings(Model& pretrained, const data::Dataset& rows,
                                    const data::TaskSettings& settings,
                                    const tensor::Compute& compute, std::int64_t batch_size) {
  data::TaskSettings shorter = settings;
  shorter.max_seq_length = std::min(settings.max_seq_length, pretrained.config.max_tokens());
  pretrained.classifier->to(compute.device);
  auto options = pretrained.predict_options(compute, shorter, batch_size);
  options.what = "pretrained embeddings";
  return predict(pretrained.classifier, pretrained.encode(rows, shorter, compute), options)
      .embeddings;
}

}  // namespace reaugkd::train
