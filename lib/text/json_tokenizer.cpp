#include "text/json_tokenizer.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "text/component.h"

namespace reaugkd::text {
namespace {

using base::ArtifactError;
using Json = nlohmann::json;

const Json kNull;

const Json& member(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found == json.end() ? kNull : *found;
}

Json parse_tokenizer(const std::string& text, const std::string& where) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    throw ArtifactError("{}: is no JSON object ({} bytes)", where, text.size());
  }
  if (!json.contains("model")) throw ArtifactError("{}: has no \"model\"", where);
  return json;
}

/// The switches of BERT's own class, where the components are those that it stands for.
std::optional<WordPieceOptions> bert_options(const Json& normalizer, const Json& splitter) {
  const auto is_type = [](const Json& json, const char* type) {
    return json.is_object() && json.value("type", Json()) == type;
  };
  if (!is_type(normalizer, "BertNormalizer") || !is_type(splitter, "BertPreTokenizer")) {
    return std::nullopt;
  }
  const Component bert(normalizer, "normalizer");
  if (!bert.flag("clean_text", true)) return std::nullopt;
  const bool lower = bert.flag("lowercase", true);
  return WordPieceOptions{.do_lower_case = lower,
                          .strip_accents = bert.flag("strip_accents", lower),
                          .tokenize_chinese_chars = bert.flag("handle_chinese_chars", true)};
}

}  // namespace

JsonTokenizer::JsonTokenizer(std::string json, TokenizerSettings settings, const std::string& where)
    : json_(std::move(json)), settings_(std::move(settings)) {
  const Json parsed = parse_tokenizer(json_, where);
  frame_ = read_frame(member(parsed, "post_processor"), where + ": post_processor");
  if (frame_) {
    settings_.names.cls = frame_->cls;
    settings_.names.sep = frame_->sep;
  }
  read_components(parsed, where);
  read_tokens(parsed, where);
  name_frame(parsed, where);
  check_contradictions(member(parsed, "normalizer"));
}

void JsonTokenizer::read_components(const Json& json, const std::string& where) {
  const Json& normalizer = member(json, "normalizer");
  const Json& splitter = member(json, "pre_tokenizer");
  normalizers_ = read_normalizers(normalizer, where + ": normalizer");
  bool byte_level = false;
  pre_tokenizers_ = read_pre_tokenizers(splitter, where + ": pre_tokenizer", byte_level);
  model_ = read_model(json["model"], where + ": model", byte_level, settings_.names);
  bert_ = bert_options(normalizer, splitter);
}

void JsonTokenizer::read_tokens(const Json& json, const std::string& where) {
  for (const auto& [token, id] : model_.ids)
    vocab_size_ = std::max<std::int64_t>(vocab_size_, id + 1);
  added_ = read_added_tokens(member(json, "added_tokens"), where + ": added_tokens");
  num_own_added_ = added_.size();
  const auto id_of = [this](const std::string& token) { return token_id(token); };
  append_added_tokens(settings_, id_of, vocab_size_, added_);
  std::vector<AddedToken> raw;
  std::vector<AddedToken> normal;
  std::vector<std::string> raw_contents;
  std::vector<std::string> normal_contents;
  for (const AddedToken& token : added_) {
    vocab_size_ = std::max<std::int64_t>(vocab_size_, token.id + 1);
    (token.normalized ? normal : raw).push_back(token);
    (token.normalized ? normal_contents : raw_contents)
        .push_back(token.normalized ? normalized(token.content) : token.content);
  }
  raw_finder_ = AddedTokenFinder(raw, raw_contents, settings_.names);
  normalized_finder_ = AddedTokenFinder(normal, normal_contents, settings_.names);
}

void JsonTokenizer::name_frame(const Json& json, const std::string& where) {
  TokenNames& names = settings_.names;
  // The first of the names that is a token.
  const auto id_of = [&](std::optional<std::string>& name, std::vector<std::string> others,
                         const char* role) {
    if (name) others.insert(others.begin(), *name);
    for (const std::string& other : others) {
      if (token_id(other) < 0) continue;
      name = other;
      return token_id(other);
    }
    throw ArtifactError("{}: has no {} token: expected one of {}; name it as {}_token in {}", where,
                        role, fmt::join(others, ", "), role, settings_.config_path);
  };
  const Json& padding = member(json, "padding");
  if (!names.pad && padding.is_object() && padding.value("pad_token", Json()).is_string()) {
    names.pad = padding["pad_token"].get<std::string>();
  }
  special_.pad = id_of(names.pad, {"[PAD]", "<pad>"}, "pad");
  special_.unk = model_.unk.value_or(special_.pad);
  if (frame_) {
    special_.cls = frame_->cls_id;
    special_.sep = frame_->sep_id;
    special_.separators = frame_->separators;
    return;
  }
  // Some files leave the frame to the class that reads them.
  special_.cls = id_of(names.cls, {"[CLS]", "<s>"}, "cls");
  special_.sep = id_of(names.sep, {"[SEP]", "</s>"}, "sep");
  special_.separators = *names.cls == "<s>" ? 2 : 1;
}

void JsonTokenizer::check_contradictions(const Json& normalizer) const {
  const auto wanted = settings_.flag("do_lower_case");
  const auto steps = flat_components(normalizer, "normalizer", "normalizers");
  const bool lowers = std::ranges::any_of(steps, [](const Component& step) {
    return step.type() == "Lowercase" ||
           (step.type() == "BertNormalizer" && step.flag("lowercase", true));
  });
  if (wanted && *wanted != lowers) {
    spdlog::warn("{}: do_lower_case is {}, but tokenizer.json {}: tokenizer.json counts",
                 settings_.config_path, *wanted,
                 lowers ? "makes letters lower case" : "keeps case");
  }
}

std::int32_t JsonTokenizer::token_id(const std::string& token) const {
  const auto added = std::ranges::find(added_, token, &AddedToken::content);
  if (added != added_.end() && added->id >= 0) return added->id;
  const auto found = model_.ids.find(token);
  return found == model_.ids.end() ? -1 : found->second;
}

std::string JsonTokenizer::normalized(std::string text) const {
  for (const auto& normalizer : normalizers_) text = normalizer->apply(std::move(text));
  return text;
}

std::vector<std::int32_t> JsonTokenizer::encode(std::string_view text) const {
  Ids ids;
  ids.reserve(text.size() / 3 + 4);
  const LentWordCache cache(caches_);
  raw_finder_.for_each_part(
      text,
      [&](std::string_view segment, std::size_t begin) {
        append_segment(segment, begin == 0, *cache, ids);
      },
      [&](std::int32_t id) { ids.push_back(id); });
  return ids;
}

void JsonTokenizer::append_segment(std::string_view segment, bool begins_text, WordCache& cache,
                                   Ids& ids) const {
  if (bert_ && normalized_finder_.empty()) {
    append_words(segment, begins_text, cache, ids);
    return;
  }
  if (normalizers_.empty()) {
    normalized_finder_.for_each_part(
        segment,
        [&](std::string_view part, std::size_t begin) {
          append_words(part, begins_text && begin == 0, cache, ids);
        },
        [&](std::int32_t id) { ids.push_back(id); });
    return;
  }
  const std::string text = normalized(std::string(segment));
  normalized_finder_.for_each_part(
      text,
      [&](std::string_view part, std::size_t begin) {
        append_words(part, begins_text && begin == 0, cache, ids);
      },
      [&](std::int32_t id) { ids.push_back(id); });
}

// For BERT's class the text may be normalized already: to do it twice changes nothing.
void JsonTokenizer::append_words(std::string_view text, bool begins_text, WordCache& cache,
                                 Ids& ids) const {
  Words words;
  if (bert_) {
    split_for_bert(text, *bert_, words);
  } else {
    words.bytes = text;
    words.spans = {{0, text.size()}};
    words.begins_text = begins_text;
    for (const auto& step : pre_tokenizers_) step->apply(words);
  }
  for (const auto& span : words.spans) {
    cache.append_pieces(*model_.model, span.of(words.bytes), ids);
  }
}

void JsonTokenizer::save(const std::filesystem::path& directory) const {
  base::write_file(directory / "tokenizer.json", json_);
  base::Json config = settings_.config;
  const base::Json& map = settings_.special_map;
  for (const TokenRole& role : kTokenRoles) {
    const auto& name = settings_.names.*role.name;
    if (name && !config.contains(role.key)) config[role.key] = *name;
  }
  if (map.contains("additional_special_tokens") && !config.contains("additional_special_tokens")) {
    config["additional_special_tokens"] = map["additional_special_tokens"];
  }
  if (bert_ && model_.type == "WordPiece") {
    // The class of the config, or of the model's family, builds the same tokenizer from these.
    config["do_lower_case"] = bert_->do_lower_case;
    config["strip_accents"] = bert_->strip_accents;
    config["tokenize_chinese_chars"] = bert_->tokenize_chinese_chars;
  } else {
    // Other classes of transformers would build their own normalizer in place of the file's.
    config["tokenizer_class"] = "PreTrainedTokenizerFast";
    if (!config.contains("model_input_names")) {
      config["model_input_names"] = {"input_ids", "attention_mask"};
      if (frame_ && frame_->second_type) config["model_input_names"].push_back("token_type_ids");
    }
    config.erase("do_lower_case");
  }
  for (std::size_t i = num_own_added_; i < added_.size(); ++i) {
    config["added_tokens_decoder"][std::to_string(added_[i].id)] = added_[i].to_json();
  }
  base::write_json(directory / "tokenizer_config.json", config);
}

}  // namespace reaugkd::text
