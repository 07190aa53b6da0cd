#include "text/tokenizer.h"

#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "text/sentencepiece.h"
#include "text/wordpiece.h"

namespace reaugkd::text {
namespace {

constexpr const char* kWordPieceFile = "vocab.txt";
constexpr const char* kSentencePieceFile = "spiece.model";
constexpr const char* kConfigFile = "tokenizer_config.json";

// Published configs say null where a key follows another.
bool flag(const core::Json& config, const std::string& key, bool fallback,
          const std::string& where) {
  const bool given = config.contains(key) && !config.at(key).is_null();
  return given ? core::json_at<bool>(config, key, where) : fallback;
}

core::Json read_config(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) {
    return core::Json::object();
  }
  core::Json config = core::read_json(path);
  if (!config.is_object()) {
    throw core::ArtifactError("{}: found {}, expected a JSON object", path.string(),
                              config.type_name());
  }
  return config;
}

}  // namespace

bool has_tokenizer(const std::filesystem::path& directory) {
  return std::filesystem::exists(directory / kWordPieceFile) ||
         std::filesystem::exists(directory / kSentencePieceFile);
}

std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& directory) {
  if (!has_tokenizer(directory)) {
    throw core::ArtifactError("{}: has no tokenizer: expected {} or {}", directory.string(),
                              kWordPieceFile, kSentencePieceFile);
  }
  const std::string config_path = (directory / kConfigFile).string();
  const core::Json config = read_config(config_path);
  const bool do_lower_case = flag(config, "do_lower_case", true, config_path);
  const std::filesystem::path vocab = directory / kWordPieceFile;
  if (std::filesystem::exists(vocab)) {
    const WordPieceOptions options{
        .do_lower_case = do_lower_case,
        .strip_accents = flag(config, "strip_accents", do_lower_case, config_path),
        .tokenize_chinese_chars = flag(config, "tokenize_chinese_chars", true, config_path)};
    return std::make_unique<WordPieceTokenizer>(core::read_file(vocab), options, vocab.string());
  }
  const std::filesystem::path model = directory / kSentencePieceFile;
  return std::make_unique<SentencePieceTokenizer>(core::read_file(model), do_lower_case,
                                                  model.string());
}

}  // namespace reaugkd::text
