#include "text/model_readers.h"

#include <algorithm>

#include "base/error.h"
#include "text/component.h"
#include "text/unigram_model.h"
#include "text/wordpiece_model.h"

namespace reaugkd::text {
namespace {

using base::ArtifactError;
using Json = nlohmann::json;

/// A word is a token or unknown.
class WordLevelModel : public SubwordModel {
 public:
  WordLevelModel(VocabIds ids, std::int32_t unk) : ids_(std::move(ids)), unk_(unk) {}
  void append_pieces(std::string_view word, std::vector<std::int32_t>& ids) const override {
    const auto found = ids_.find(std::string(word));
    ids.push_back(found == ids_.end() ? unk_ : found->second);
  }

 private:
  VocabIds ids_;
  std::int32_t unk_;
};

std::int32_t unk_of(const Component& component, const VocabIds& ids) {
  const std::string token = component.text("unk_token");
  const auto found = ids.find(token);
  if (found == ids.end()) {
    component.refuse("unk_token", "a token of the vocabulary");
  }
  return found->second;
}

/// The vocabulary without the tokens that no text may have.
VocabIds open_tokens(VocabIds ids, const TokenNames& names) {
  std::erase_if(ids, [&](const auto& entry) { return is_frame_token(entry.first, names); });
  return ids;
}

std::int64_t limit_of(const Component& component, const std::string& key, std::int64_t fallback) {
  if (!component.has(key)) return fallback;
  const Json& value = component.at(key);
  if (!value.is_number_integer() || value.get<std::int64_t>() < 0) {
    component.refuse(key, "a number from 0 on");
  }
  return value.get<std::int64_t>();
}

ReadModel read_wordpiece(const Component& component, const TokenNames& names) {
  ReadModel read;
  read.ids = read_vocab_ids(component.at("vocab"), component.where("vocab"));
  read.unk = unk_of(component, read.ids);
  WordPieceVocab vocab;
  vocab.unk = *read.unk;
  vocab.continuation = component.text("continuing_subword_prefix", "##");
  vocab.max_word_characters =
      static_cast<std::size_t>(limit_of(component, "max_input_chars_per_word", 100));
  const VocabIds open = open_tokens(read.ids, names);
  vocab.tokens.assign(open.begin(), open.end());
  read.model = std::make_unique<WordPieceModel>(vocab);
  return read;
}

ReadModel read_word_level(const Component& component, const TokenNames& names) {
  ReadModel read;
  read.ids = read_vocab_ids(component.at("vocab"), component.where("vocab"));
  read.unk = unk_of(component, read.ids);
  read.model = std::make_unique<WordLevelModel>(open_tokens(read.ids, names), *read.unk);
  return read;
}

/// A merge of tokenizer.json: "a b", or in newer files ["a", "b"].
std::pair<std::string, std::string> merge_of(const Json& merge, const Component& component,
                                             std::size_t i) {
  if (merge.is_string()) {
    const auto text = merge.get<std::string>();
    const std::size_t space = text.find(' ');
    if (space != text.npos) return {text.substr(0, space), text.substr(space + 1)};
  }
  if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
    return {merge[0].get<std::string>(), merge[1].get<std::string>()};
  }
  throw ArtifactError("{}[{}]: found {}, expected two tokens", component.where("merges"), i,
                      merge.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void refuse_what_bpe_lacks(const Component& component) {
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (!component.text(key, "").empty()) component.refuse(key, "null");
  }
  if (component.has("dropout") && component.at("dropout") != 0.0) {
    component.refuse("dropout", "null: the same text must give the same ids");
  }
  if (!component.at("merges").is_array()) component.refuse("merges", "a list");
}

ReadModel read_bpe(const Component& component, bool byte_level, const TokenNames& names) {
  refuse_what_bpe_lacks(component);
  BpeVocab vocab;
  vocab.ids = read_vocab_ids(component.at("vocab"), component.where("vocab"));
  vocab.byte_level = byte_level;
  vocab.fuse_unk = component.flag("fuse_unk", false);
  vocab.byte_fallback = component.flag("byte_fallback", false);
  vocab.ignore_merges = component.flag("ignore_merges", false);
  const Json& merges = component.at("merges");
  vocab.merges.reserve(merges.size());
  for (std::size_t i = 0; i < merges.size(); ++i) {
    vocab.merges.push_back(merge_of(merges[i], component, i));
  }
  check_merges(vocab, component.where("merges"));
  if (component.has("unk_token")) vocab.unk = unk_of(component, vocab.ids);
  ReadModel read;
  read.ids = vocab.ids;
  read.unk = vocab.unk;
  for (const auto& [token, id] : vocab.ids) {
    if (is_frame_token(token, names)) vocab.never_whole.push_back(id);
  }
  read.model = std::make_unique<BpeModel>(vocab);
  return read;
}

/// [["<pad>", 0.0], ["▁the", -3.1], ...]: a piece's id is its place.
UnigramVocab unigram_vocab(const Component& component, const TokenNames& names) {
  UnigramVocab vocab;
  const Json& list = component.at("vocab");
  if (!list.is_array() || list.empty()) component.refuse("vocab", "a list of pieces and scores");
  vocab.pieces.reserve(list.size());
  for (const Json& entry : list) {
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number()) {
      throw ArtifactError("{}[{}]: found {}, expected a piece and its score",
                          component.where("vocab"), vocab.pieces.size(),
                          entry.dump(-1, ' ', false, Json::error_handler_t::replace));
    }
    vocab.pieces.emplace_back(entry[0].get<std::string>(), entry[1].get<double>());
    if (is_frame_token(vocab.pieces.back().first, names)) {
      vocab.unmatched.push_back(static_cast<std::int32_t>(vocab.pieces.size() - 1));
    }
  }
  return vocab;
}

ReadModel read_unigram(const Component& component, const TokenNames& names) {
  UnigramVocab vocab = unigram_vocab(component, names);
  const auto size = static_cast<std::int64_t>(vocab.pieces.size());
  const std::int64_t unk = limit_of(component, "unk_id", size);
  if (unk >= size) component.refuse("unk_id", "the id of a piece");
  vocab.unk = static_cast<std::int32_t>(unk);
  vocab.byte_fallback = component.flag("byte_fallback", false);
  ReadModel read;
  read.unk = vocab.unk;
  for (std::size_t i = 0; i < vocab.pieces.size(); ++i) {
    read.ids[vocab.pieces[i].first] = static_cast<std::int32_t>(i);
  }
  read.model = std::make_unique<UnigramModel>(vocab);
  return read;
}

/// Older files name no type.
Json with_type(const Json& json) {
  Json typed = Json::object();
  typed["type"] = json.contains("merges")                      ? "BPE"
                  : json.contains("unk_id")                    ? "Unigram"
                  : json.contains("continuing_subword_prefix") ? "WordPiece"
                                                               : "WordLevel";
  typed.update(json);
  return typed;
}

}  // namespace

VocabIds read_vocab_ids(const Json& json, const std::string& where) {
  constexpr std::int64_t kLargestId = 100'000'000;
  if (!json.is_object()) throw ArtifactError("{}: is no object of tokens and ids", where);
  VocabIds ids;
  ids.reserve(json.size());
  for (const auto& [token, value] : json.items()) {
    if (!value.is_number_integer() || value.get<std::int64_t>() < 0 ||
        value.get<std::int64_t>() > kLargestId) {
      throw ArtifactError("{}: the id of \"{}\" is {}, expected a number from 0 on", where, token,
                          value.dump(-1, ' ', false, Json::error_handler_t::replace));
    }
    ids.emplace(token, value.get<std::int32_t>());
  }
  return ids;
}

void check_merges(const BpeVocab& vocab, const std::string& where) {
  for (std::size_t i = 0; i < vocab.merges.size(); ++i) {
    const auto& [left, right] = vocab.merges[i];
    if (!vocab.ids.contains(left) || !vocab.ids.contains(right) ||
        !vocab.ids.contains(left + right)) {
      throw ArtifactError(
          "{}: number {}: \"{} {}\": expected two tokens of the vocabulary whose union is one too",
          where, i + 1, left, right);
    }
  }
}

ReadModel read_model(const Json& json, const std::string& where, bool byte_level,
                     const TokenNames& names) {
  const bool typed = !json.is_object() || json.contains("type");
  const Json with = typed ? Json() : with_type(json);
  const Component component(typed ? json : with, where);
  if (byte_level && component.type() != "BPE") {
    throw ArtifactError("{}: found {} behind ByteLevel, expected BPE", where, component.type());
  }
  ReadModel read;
  if (component.type() == "BPE") {
    read = read_bpe(component, byte_level, names);
  } else if (component.type() == "WordPiece") {
    read = read_wordpiece(component, names);
  } else if (component.type() == "Unigram") {
    read = read_unigram(component, names);
  } else if (component.type() == "WordLevel") {
    read = read_word_level(component, names);
  } else {
    component.refuse_type("WordPiece, BPE, Unigram, WordLevel");
  }
  read.type = component.type();
  return read;
}

}  // namespace reaugkd::text
