#include "text/tokenizer.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "text/bpe.h"
#include "text/sentencepiece.h"
#include "text/wordpiece.h"

namespace reaugkd::text {
namespace {

constexpr const char* kWordPieceFile = "vocab.txt";
constexpr const char* kSentencePieceFile = "spiece.model";
constexpr const char* kXlmRobertaFile = "sentencepiece.bpe.model";
constexpr const char* kBpeVocabFile = "vocab.json";
constexpr const char* kBpeMergesFile = "merges.txt";
constexpr const char* kTokenizerJsonFile = "tokenizer.json";
constexpr const char* kConfigFile = "tokenizer_config.json";

// Published configs say null where a key follows another.
bool flag(const base::Json& config, const std::string& key, bool fallback,
          const std::string& where) {
  const bool given = config.contains(key) && !config.at(key).is_null();
  return given ? base::json_at<bool>(config, key, where) : fallback;
}

base::Json read_config(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) {
    return base::Json::object();
  }
  base::Json config = base::read_json(path);
  if (!config.is_object()) {
    throw base::ArtifactError("{}: found {}, expected a JSON object", path.string(),
                              config.type_name());
  }
  return config;
}

/// RoBERTa's files: vocab.json and merges.txt, or tokenizer.json.
BpeFiles read_bpe_files(const std::filesystem::path& directory) {
  const auto vocab = directory / kBpeVocabFile;
  if (std::filesystem::exists(vocab)) {
    return {base::read_file(vocab), base::read_file(directory / kBpeMergesFile)};
  }
  const auto json = directory / kTokenizerJsonFile;
  return bpe_files_of_tokenizer_json(base::read_file(json), json.string());
}

/// The tokenizers of RoBERTa and XLM-R, which keep case.
std::unique_ptr<Tokenizer> load_roberta_tokenizer(const std::filesystem::path& directory,
                                                  const base::Json& config) {
  const auto sentencepiece = directory / kXlmRobertaFile;
  if (std::filesystem::exists(sentencepiece)) {
    return std::make_unique<XlmRobertaTokenizer>(base::read_file(sentencepiece),
                                                 sentencepiece.string());
  }
  BpeFiles files = read_bpe_files(directory);
  files.add_prefix_space =
      flag(config, "add_prefix_space", files.add_prefix_space, (directory / kConfigFile).string());
  return std::make_unique<BpeTokenizer>(std::move(files), directory.string());
}

}  // namespace

bool has_tokenizer(const std::filesystem::path& directory) {
  for (const char* file :
       {kWordPieceFile, kSentencePieceFile, kBpeVocabFile, kXlmRobertaFile, kTokenizerJsonFile}) {
    if (std::filesystem::exists(directory / file)) return true;
  }
  return false;
}

std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& directory) {
  if (!has_tokenizer(directory)) {
    throw base::ArtifactError("{}: has no tokenizer: expected {}, {}, {} with {}, {} or {}",
                              directory.string(), kWordPieceFile, kSentencePieceFile, kBpeVocabFile,
                              kBpeMergesFile, kXlmRobertaFile, kTokenizerJsonFile);
  }
  const std::string config_path = (directory / kConfigFile).string();
  const base::Json config = read_config(config_path);
  const bool do_lower_case = flag(config, "do_lower_case", true, config_path);
  const std::filesystem::path vocab = directory / kWordPieceFile;
  if (std::filesystem::exists(vocab)) {
    const WordPieceOptions options{
        .do_lower_case = do_lower_case,
        .strip_accents = flag(config, "strip_accents", do_lower_case, config_path),
        .tokenize_chinese_chars = flag(config, "tokenize_chinese_chars", true, config_path)};
    return std::make_unique<WordPieceTokenizer>(base::read_file(vocab), options, vocab.string());
  }
  const std::filesystem::path model = directory / kSentencePieceFile;
  if (std::filesystem::exists(model)) {
    return std::make_unique<SentencePieceTokenizer>(
        base::read_file(model), do_lower_case, model.string(),
        flag(config, "keep_accents", false, config_path));
  }
  return load_roberta_tokenizer(directory, config);
}

}  // namespace reaugkd::text
