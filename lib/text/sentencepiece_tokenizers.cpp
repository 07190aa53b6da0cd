// ALBERT's, XLM-R's and DeBERTa's tokenizers over a sentencepiece model.
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "text/sentencepiece.h"
#include "text/unicode.h"

namespace reaugkd::text {
namespace {

/// The text with every `from` replaced by `to`.
std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::string without_accents(const std::string& text) {
  std::string result;
  for (std::size_t position = 0; position < text.size();) {
    append_compatible_without_accents(next_code_point(text, position), result);
  }
  return result;
}

}  // namespace

SentencePieceTokenizer::SentencePieceTokenizer(std::string model, bool do_lower_case,
                                               const std::string& where, bool keep_accents)
    : model_(std::move(model), where), do_lower_case_(do_lower_case), keep_accents_(keep_accents) {
  const auto id_of = [&](const char* piece) {
    return model_.id_of(piece, "ALBERT's special tokens");
  };
  special_ = {
      .pad = id_of("<pad>"), .unk = id_of("<unk>"), .cls = id_of("[CLS]"), .sep = id_of("[SEP]")};
}

std::vector<std::int32_t> SentencePieceTokenizer::encode(std::string_view text) const {
  std::string prepared = replaced(replaced(std::string(text), "``", "\""), "''", "\"");
  if (!keep_accents_) prepared = without_accents(prepared);
  return model_.encode(do_lower_case_ ? lower_case(prepared) : prepared);
}

std::int32_t SentencePieceTokenizer::token_id(const std::string& token) const {
  return model_.find(token);
}

void SentencePieceTokenizer::save(const std::filesystem::path& directory) const {
  base::write_file(directory / "spiece.model", model_.bytes());
  base::write_json(directory / "tokenizer_config.json", {{"tokenizer_class", "AlbertTokenizer"},
                                                         {"do_lower_case", do_lower_case_},
                                                         {"keep_accents", keep_accents_}});
}

XlmRobertaTokenizer::XlmRobertaTokenizer(std::string model, const std::string& where)
    : model_(std::move(model), where),
      special_({.pad = 1, .unk = 3, .cls = 0, .sep = 2, .separators = 2}) {
  std::int32_t expected = 0;
  for (const char* piece : {"<unk>", "<s>", "</s>"}) {
    const std::int32_t id = model_.id_of(piece, "XLM-R's special tokens");
    if (id != expected) {
      throw base::ArtifactError("{}: the piece {} is number {}, in XLM-R's models it is {}", where,
                                piece, id, expected);
    }
    ++expected;
  }
}

std::vector<std::int32_t> XlmRobertaTokenizer::encode(std::string_view text) const {
  auto ids = model_.encode(std::string(text));
  for (auto& id : ids) id = id == 0 ? special_.unk : id + 1;
  return ids;
}

std::int32_t XlmRobertaTokenizer::token_id(const std::string& token) const {
  if (token == "<pad>") return special_.pad;
  if (token == "<mask>") return static_cast<std::int32_t>(vocab_size() - 1);
  if (token == "<unk>") return special_.unk;
  if (token == "<s>") return special_.cls;
  if (token == "</s>") return special_.sep;
  const std::int32_t id = model_.find(token);
  return id < 0 ? -1 : id + 1;
}

void XlmRobertaTokenizer::save(const std::filesystem::path& directory) const {
  base::write_file(directory / "sentencepiece.bpe.model", model_.bytes());
  base::write_json(directory / "tokenizer_config.json",
                   {{"tokenizer_class", "XLMRobertaTokenizer"}});
}

DebertaTokenizer::DebertaTokenizer(std::string model, bool do_lower_case, const std::string& where)
    : model_(std::move(model), where),
      do_lower_case_(do_lower_case),
      own_mask_(model_.find("[MASK]") >= 0) {
  const auto id_of = [&](const char* piece) {
    return model_.id_of(piece, "DeBERTa's special tokens");
  };
  special_ = {
      .pad = id_of("[PAD]"), .unk = id_of("[UNK]"), .cls = id_of("[CLS]"), .sep = id_of("[SEP]")};
}

std::vector<std::int32_t> DebertaTokenizer::encode(std::string_view text) const {
  return model_.encode(do_lower_case_ ? lower_case(text) : std::string(text));
}

std::int32_t DebertaTokenizer::token_id(const std::string& token) const {
  if (token == "[MASK]" && !own_mask_) return static_cast<std::int32_t>(model_.size());
  return model_.find(token);
}

void DebertaTokenizer::save(const std::filesystem::path& directory) const {
  base::write_file(directory / "spm.model", model_.bytes());
  base::write_json(directory / "tokenizer_config.json",
                   {{"tokenizer_class", "DebertaV2Tokenizer"}, {"do_lower_case", do_lower_case_}});
}

}  // namespace reaugkd::text
