#include "text/tokenizer.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "text/bpe.h"
#include "text/json_tokenizer.h"
#include "text/sentencepiece.h"
#include "text/token_names.h"
#include "text/tokens_beside.h"
#include "text/wordpiece.h"

namespace reaugkd::text {
namespace {

namespace fs = std::filesystem;
using Loaded = std::unique_ptr<Tokenizer>;

Loaded load_json(const fs::path& directory, const TokenizerSettings& settings) {
  const fs::path path = directory / "tokenizer.json";
  return std::make_unique<JsonTokenizer>(base::read_file(path), settings, path.string());
}

Loaded load_wordpiece(const fs::path& directory, const TokenizerSettings& settings) {
  const fs::path vocab = directory / "vocab.txt";
  const bool lower = settings.flag("do_lower_case").value_or(true);
  const WordPieceOptions options{
      .do_lower_case = lower,
      .strip_accents = settings.flag("strip_accents").value_or(lower),
      .tokenize_chinese_chars = settings.flag("tokenize_chinese_chars").value_or(true)};
  const nlohmann::json normalizer = {{"type", "BertNormalizer"},
                                     {"lowercase", options.do_lower_case},
                                     {"strip_accents", options.strip_accents},
                                     {"handle_chinese_chars", options.tokenize_chinese_chars}};
  return with_added_tokens(
      std::make_unique<WordPieceTokenizer>(base::read_file(vocab), options, vocab.string(),
                                           settings.names, settings.tokenizer_class()),
      settings, read_normalizers(normalizer, vocab.string()));
}

Loaded load_albert(const fs::path& directory, const TokenizerSettings& settings) {
  const fs::path model = directory / "spiece.model";
  return with_added_tokens(
      std::make_unique<SentencePieceTokenizer>(
          base::read_file(model), settings.flag("do_lower_case").value_or(true), model.string(),
          settings.flag("keep_accents").value_or(false)),
      settings, {});
}

Loaded load_deberta(const fs::path& directory, const TokenizerSettings& settings) {
  const fs::path model = directory / "spm.model";
  return with_added_tokens(
      std::make_unique<DebertaTokenizer>(
          base::read_file(model), settings.flag("do_lower_case").value_or(false), model.string()),
      settings, {});
}

Loaded load_xlm_roberta(const fs::path& directory, const TokenizerSettings& settings) {
  const fs::path model = directory / "sentencepiece.bpe.model";
  return with_added_tokens(
      std::make_unique<XlmRobertaTokenizer>(base::read_file(model), model.string()), settings, {});
}

Loaded load_bpe(const fs::path& directory, const TokenizerSettings& settings) {
  BpeFiles files{base::read_file(directory / "vocab.json"),
                 base::read_file(directory / "merges.txt"),
                 settings.flag("add_prefix_space").value_or(false)};
  return with_added_tokens(std::make_unique<BpeTokenizer>(std::move(files), directory.string()),
                           settings, {});
}

/// The first one that is there counts.
struct TokenizerKind {
  const char* file;
  Loaded (*load)(const fs::path&, const TokenizerSettings&);
};
constexpr TokenizerKind kKinds[] = {{"tokenizer.json", load_json},
                                    {"vocab.txt", load_wordpiece},
                                    {"spiece.model", load_albert},
                                    {"spm.model", load_deberta},
                                    {"sentencepiece.bpe.model", load_xlm_roberta},
                                    {"vocab.json", load_bpe}};

}  // namespace

bool has_tokenizer(const fs::path& directory) {
  for (const TokenizerKind& kind : kKinds) {
    if (fs::exists(directory / kind.file)) return true;
  }
  return false;
}

Loaded load_tokenizer(const fs::path& directory) {
  for (const TokenizerKind& kind : kKinds) {
    if (fs::exists(directory / kind.file)) {
      return kind.load(directory, read_tokenizer_settings(directory));
    }
  }
  throw base::ArtifactError(
      "{}: has no tokenizer: expected tokenizer.json, vocab.txt, spiece.model, spm.model, "
      "sentencepiece.bpe.model, or vocab.json with merges.txt",
      directory.string());
}

}  // namespace reaugkd::text
