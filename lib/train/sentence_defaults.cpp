#include "train/sentence_defaults.h"

#include <spdlog/spdlog.h>

#include <optional>

#include "base/error.h"
#include "models/sentence_folder.h"

namespace reaugkd::train {
namespace {

namespace fs = std::filesystem;
using base::ArtifactError;

/// What our own config.json says, where it is ours.
std::optional<models::Pooling> own_pooling(const models::ModelConfig& config,
                                           const fs::path& directory) {
  if (!config.reaugkd.is_object() || !config.reaugkd.contains("embedding")) return std::nullopt;
  const std::string where = (directory / "config.json").string();
  try {
    return models::parse_pooling(base::json_at<std::string>(config.reaugkd, "embedding", where));
  } catch (const base::ConfigError& error) {
    throw ArtifactError("{}: {}", where, error.what());
  }
}

models::Pooling folder_pooling(const models::SentenceFolder& folder, const fs::path& directory) {
  if (!folder.missing.empty()) {
    throw ArtifactError(
        "{}: modules.json names {}, which is not there: copy the whole folder, or give `embedding` "
        "cls, mean, max or pooler",
        directory.string(), folder.missing);
  }
  if (!folder.pooling) {
    throw ArtifactError(
        "{}: {}, which reaugkd does not have: give `embedding` cls, mean, max or pooler, which "
        "takes the encoder without it",
        directory.string(), folder.refused);
  }
  spdlog::info("{}: is a sentence-transformers folder: embedding {}", directory.string(),
               models::to_string(*folder.pooling));
  if (!folder.default_prompt.empty()) {
    spdlog::warn(
        "{}: the library puts \"{}\" before each text, reaugkd does not: write it in your "
        "texts where you want the same embeddings",
        directory.string(), folder.default_prompt);
  }
  return *folder.pooling;
}

}  // namespace

models::Pooling choose_pooling(const std::string& option, const models::ModelConfig& config,
                               const fs::path& directory, models::Pooling fallback) {
  const auto own = own_pooling(config, directory);
  const auto folder = own ? std::nullopt : models::read_sentence_folder(directory);
  if (option == "auto") {
    if (own && *own != fallback) {
      spdlog::info("{}: was made with embedding {}", directory.string(), models::to_string(*own));
    }
    if (own) return *own;
    return folder ? folder_pooling(*folder, directory) : fallback;
  }
  const auto given = models::parse_pooling(option);
  if (folder && folder->pooling != given) {
    spdlog::info("{}: is a sentence-transformers folder: embedding {} as given, and not its own{}",
                 directory.string(), option,
                 folder->pooling ? ", " + models::to_string(*folder->pooling)
                                 : " (" + folder->refused + ")");
  }
  return given;
}

void check_lower_case(const text::Tokenizer& tokenizer, const fs::path& directory) {
  const auto folder = models::read_sentence_folder(directory);
  if (!folder || !folder->do_lower_case) return;
  if (tokenizer.encode("A Word IN CAPITALS") == tokenizer.encode("a word in capitals")) return;
  throw ArtifactError(
      "{}: sentence_bert_config.json has \"do_lower_case\": true, but the tokenizer keeps case: "
      "let "
      "the tokenizer lower-case texts (do_lower_case in tokenizer_config.json, or Lowercase among "
      "the normalizers of tokenizer.json), or set it to false",
      directory.string());
}

}  // namespace reaugkd::train
