#include "text/wordpiece.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace reaugkd::text {
namespace {

using Ids = std::unordered_map<std::string, std::int32_t>;

/// A special token of vocab.txt, and its names in BERT's and in MPNet's.
struct SpecialName {
  const char* key;
  std::optional<std::string> TokenNames::*name;
  const char* bert;
  const char* mpnet;
};
constexpr std::array<SpecialName, 4> kSpecialNames = {
    {{"pad_token", &TokenNames::pad, "[PAD]", "<pad>"},
     {"unk_token", &TokenNames::unk, "[UNK]", "<unk>"},
     {"cls_token", &TokenNames::cls, "[CLS]", "<s>"},
     {"sep_token", &TokenNames::sep, "[SEP]", "</s>"}}};

/// The first name that the vocabulary has.
std::string name_of(const SpecialName& special, const TokenNames& names, const Ids& ids,
                    const std::string& where) {
  const auto& given = names.*special.name;
  if (given && ids.contains(*given)) return *given;
  for (const char* name : {special.bert, special.mpnet}) {
    if (ids.contains(name)) return name;
  }
  throw base::ArtifactError("{}: the token {} is missing among {} lines: expected BERT's vocab.txt",
                            where, given.value_or(special.bert), ids.size());
}

void drop_byte_order_mark(std::string& text) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  if (text.starts_with(kMark)) text.erase(0, kMark.size());
}

/// Calls on_line(line) without the line's end.
template <typename OnLine>
void for_each_line(std::string_view text, const OnLine& on_line) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    on_line(line);
  }
}

/// Lower-casing leaves such a token no text that could match it.
void warn_of_capitals(const Ids& ids, const std::string& where) {
  const auto has_capital = [](const Ids::value_type& entry) {
    const std::string& token = entry.first;
    return !token.starts_with('[') && !token.starts_with('<') &&
           std::ranges::any_of(token, [](char byte) { return byte >= 'A' && byte <= 'Z'; });
  };
  const auto capitals = static_cast<std::size_t>(std::ranges::count_if(ids, has_capital));
  if (capitals * 20 > ids.size()) {
    spdlog::warn(
        "{}: {} of {} tokens have capital letters, but texts are lower-cased; a cased model needs "
        "\"do_lower_case\": false in tokenizer_config.json",
        where, capitals, ids.size());
  }
}

}  // namespace

WordPieceTokenizer::WordPieceTokenizer(std::string vocab, WordPieceOptions options,
                                       const std::string& where, const TokenNames& names,
                                       const std::string& tokenizer_class)
    : vocab_(std::move(vocab)), options_(options), saved_names_(base::Json::object()) {
  drop_byte_order_mark(vocab_);
  WordPieceVocab pieces = read_vocab(where);
  std::array<std::int32_t, 4> ids{};
  for (std::size_t i = 0; i < kSpecialNames.size(); ++i) {
    const SpecialName& special = kSpecialNames.at(i);
    const std::string name = name_of(special, names, ids_, where);
    ids.at(i) = ids_.at(name);
    if (name != special.bert) saved_names_[special.key] = name;
  }
  special_ = {.pad = ids[0], .unk = ids[1], .cls = ids[2], .sep = ids[3]};
  const bool mpnet = tokenizer_class.empty() ? special_.cls == token_id("<s>")
                                             : tokenizer_class.starts_with("MPNet");
  special_.separators = mpnet ? 2 : 1;
  if (!saved_names_.empty() && !tokenizer_class.empty()) {
    saved_names_["tokenizer_class"] = tokenizer_class;
  }
  if (options_.do_lower_case) warn_of_capitals(ids_, where);
  pieces.unk = special_.unk;
  model_ = std::make_unique<WordPieceModel>(pieces);
}

WordPieceVocab WordPieceTokenizer::read_vocab(const std::string& where) {
  WordPieceVocab pieces;
  std::int32_t num_lines = 0;
  for_each_line(vocab_, [&](std::string_view line) {
    const std::int32_t id = num_lines++;
    if (line.empty()) return;  // a blank line has an id, but no text can match it
    vocab_size_ = num_lines;
    const auto [entry, is_new] = ids_.emplace(line, id);
    if (!is_new) {
      spdlog::warn("{}:{}: the token \"{}\" is on line {} already: this line counts", where,
                   vocab_size_, line, entry->second + 1);
      entry->second = id;
    }
    pieces.tokens.emplace_back(line, id);
  });
  return pieces;
}

std::int32_t WordPieceTokenizer::token_id(const std::string& token) const {
  const auto found = ids_.find(token);
  return found == ids_.end() ? -1 : found->second;
}

std::vector<std::int32_t> WordPieceTokenizer::encode(std::string_view text) const {
  Words words;
  split_for_bert(text, options_, words);
  std::vector<std::int32_t> ids;
  ids.reserve(words.spans.size() + words.spans.size() / 2 + 4);
  const LentWordCache cache(caches_);
  for (const auto& span : words.spans) cache->append_pieces(*model_, span.of(words.bytes), ids);
  return ids;
}

void WordPieceTokenizer::save(const std::filesystem::path& directory) const {
  base::write_file(directory / "vocab.txt", vocab_);
  // Without a tokenizer_class transformers takes the one of config.json's model_type: DistilBERT's
  // and ELECTRA's vocabularies are WordPiece's too, but not every model takes token types.
  base::Json config = {{"do_lower_case", options_.do_lower_case},
                       {"strip_accents", options_.strip_accents},
                       {"tokenize_chinese_chars", options_.tokenize_chinese_chars}};
  config.update(saved_names_);
  base::write_json(directory / "tokenizer_config.json", config);
}

}  // namespace reaugkd::text
