#include "text/bpe.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "text/unicode.h"

namespace reaugkd::text {
namespace {

using base::ArtifactError;
using Json = nlohmann::json;  // sorted: base::Json would search 50,000 keys for each one it reads

enum class Kind : std::uint8_t { kLetter, kNumber, kSpace, kOther };

Kind kind_of(char32_t code_point) {
  if (is_letter(code_point)) return Kind::kLetter;
  if (is_number(code_point)) return Kind::kNumber;
  return is_white_space_property(code_point) ? Kind::kSpace : Kind::kOther;
}

/// The end of the run of characters of this kind that begins at `position`.
std::size_t end_of_run(std::string_view text, std::size_t position, Kind kind) {
  while (position < text.size()) {
    std::size_t next = position;
    if (kind_of(next_code_point(text, next)) != kind) break;
    position = next;
  }
  return position;
}

/// The length of the English contraction ('s, 't, 're, 've, 'm, 'll, 'd) that `rest` begins with.
std::size_t contraction_length(std::string_view rest) {
  constexpr std::array<std::string_view, 7> kContractions = {"'s", "'t",  "'re", "'ve",
                                                             "'m", "'ll", "'d"};
  for (const auto contraction : kContractions) {
    if (rest.starts_with(contraction)) return contraction.size();
  }
  return 0;
}

/// \s+(?!\S)|\s+: white space up to `end`, its last character left to the word that follows it.
std::size_t end_of_space(std::string_view text, std::size_t begin) {
  const std::size_t end = end_of_run(text, begin, Kind::kSpace);
  if (end == text.size()) return end;
  std::size_t last = begin;  // where the run's last character begins
  for (std::size_t position = begin; position < end;) {
    last = position;
    next_code_point(text, position);
  }
  return last > begin ? last : end;
}

std::size_t end_of_word(std::string_view text, std::size_t begin) {
  const std::size_t contraction = contraction_length(text.substr(begin));
  if (contraction > 0) return begin + contraction;
  std::size_t position = begin;
  if (text[begin] == ' ' && begin + 1 < text.size()) ++position;
  std::size_t next = position;
  const Kind kind = kind_of(next_code_point(text, next));
  return kind == Kind::kSpace ? end_of_space(text, begin) : end_of_run(text, position, kind);
}

/// GPT-2's visible character for each byte: itself where it is printable Latin-1, else U+0100 and
/// on.
std::array<char32_t, 256> byte_characters() {
  std::array<char32_t, 256> characters{};
  char32_t next = 0x100;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool printable =
        (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    characters.at(byte) = printable ? byte : next++;
  }
  return characters;
}

std::string utf8_of(char32_t code_point) {
  std::string result;
  append_utf8(code_point, result);
  return result;
}

std::uint64_t pair_key(std::int32_t left, std::int32_t right) {
  return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32) |
         static_cast<std::uint32_t>(right);
}

Json parse_object(const std::string& text, const std::string& where) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    throw ArtifactError("{}: is no JSON object ({} bytes)", where, text.size());
  }
  return json;
}

/// value[key]["type"], "" where that is not there or null.
std::string type_of(const Json& value, const std::string& key) {
  if (!value.contains(key) || !value[key].is_object()) return "";
  const Json& object = value[key];
  return object.contains("type") && object["type"].is_string() ? object["type"].get<std::string>()
                                                               : "";
}

/// A merge of tokenizer.json: "a b", or in newer files ["a", "b"].
std::string merge_line(const Json& merge, const std::string& where) {
  if (merge.is_string()) return merge.get<std::string>();
  if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
    return merge[0].get<std::string>() + " " + merge[1].get<std::string>();
  }
  throw ArtifactError("{}: model.merges: found {}, expected two tokens", where, merge.dump());
}

}  // namespace

std::vector<std::string_view> bpe_words(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = end_of_word(text, begin);
    words.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return words;
}

BpeFiles bpe_files_of_tokenizer_json(const std::string& json, const std::string& where) {
  const Json tokenizer = parse_object(json, where);
  const auto model = type_of(tokenizer, "model");
  const auto splitter = type_of(tokenizer, "pre_tokenizer");
  const auto normaliser = type_of(tokenizer, "normalizer");
  if (model != "BPE" || splitter != "ByteLevel" || !normaliser.empty()) {
    throw ArtifactError(
        "{}: model \"{}\", pre_tokenizer \"{}\", normalizer \"{}\"; expected BPE, ByteLevel and no "
        "normalizer; of other tokenizers give vocab.txt or the sentencepiece model",
        where, model, splitter, normaliser);
  }
  const Json& bpe = tokenizer["model"];
  if (!bpe.contains("vocab") || !bpe.contains("merges") || !bpe["merges"].is_array()) {
    throw ArtifactError("{}: model has no vocab or no list of merges", where);
  }
  const Json& split = tokenizer["pre_tokenizer"];
  BpeFiles files{bpe["vocab"].dump(), "#version: 0.2\n",
                 split.contains("add_prefix_space") && split["add_prefix_space"] == true};
  for (const auto& merge : bpe["merges"]) files.merges += merge_line(merge, where) + "\n";
  return files;
}

BpeTokenizer::BpeTokenizer(BpeFiles files, const std::string& where) : files_(std::move(files)) {
  const Ids ids = read_vocab(where);
  const auto id_of = [&](const char* token) {
    const auto found = ids.find(token);
    if (found == ids.end()) {
      throw ArtifactError("{}: the token {} is missing among {}: expected RoBERTa's special tokens",
                          where, token, ids.size());
    }
    return found->second;
  };
  special_ = {.pad = id_of("<pad>"),
              .unk = id_of("<unk>"),
              .cls = id_of("<s>"),
              .sep = id_of("</s>"),
              .separators = 2};
  for (const char32_t character : byte_characters()) {
    const auto found = ids.find(utf8_of(character));
    byte_ids_.push_back(found == ids.end() ? special_.unk : found->second);
  }
  read_merges(ids, where);
}

BpeTokenizer::Ids BpeTokenizer::read_vocab(const std::string& where) {
  constexpr std::int64_t kLargestId = 100'000'000;
  Ids ids;
  const Json vocab = parse_object(files_.vocab, where);
  for (const auto& [token, value] : vocab.items()) {
    if (!value.is_number_integer() || value.get<std::int64_t>() < 0 ||
        value.get<std::int64_t>() > kLargestId) {
      throw ArtifactError("{}: vocab: the id of \"{}\" is {}, expected a number from 0 on", where,
                          token, value.dump());
    }
    const auto id = value.get<std::int32_t>();
    ids.emplace(token, id);
    vocab_size_ = std::max<std::int64_t>(vocab_size_, id + 1);
  }
  return ids;
}

void BpeTokenizer::read_merges(const Ids& ids, const std::string& where) {
  std::string_view rest = files_.merges;
  for (std::size_t line_number = 1; !rest.empty(); ++line_number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || (line_number == 1 && line.starts_with("#version"))) continue;
    const std::size_t space = line.find(' ');
    const std::string left(line.substr(0, space));
    const std::string right(space == line.npos ? "" : line.substr(space + 1));
    const auto left_id = ids.find(left);
    const auto right_id = ids.find(right);
    const auto merged = ids.find(left + right);
    if (left_id == ids.end() || right_id == ids.end() || merged == ids.end()) {
      throw ArtifactError(
          "{}: merges line {}: \"{}\": expected two tokens of the vocabulary whose union is one "
          "too",
          where, line_number, line);
    }
    merges_.emplace(pair_key(left_id->second, right_id->second),
                    Merge{merges_.size(), merged->second});
  }
}

std::vector<std::int32_t> BpeTokenizer::encode(std::string_view text) const {
  std::string spaced;
  if (files_.add_prefix_space && !text.empty() && text.front() != ' ') {
    spaced = " " + std::string(text);
    text = spaced;
  }
  std::vector<std::int32_t> ids;
  ids.reserve(text.size() / 3 + 4);
  for (const auto word : bpe_words(text)) append_pieces(word, ids);
  return ids;
}

const BpeTokenizer::Merge* BpeTokenizer::find_merge(std::int32_t left, std::int32_t right) const {
  const auto found = merges_.find(pair_key(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

// As long as some neighbors can be merged: every occurrence of the pair that training merged first.
void BpeTokenizer::append_pieces(std::string_view word, std::vector<std::int32_t>& ids) const {
  std::vector<std::int32_t> pieces;
  for (const char byte : word) pieces.push_back(byte_ids_[static_cast<unsigned char>(byte)]);
  for (;;) {
    const Merge* first = nullptr;
    for (std::size_t i = 0; i + 1 < pieces.size(); ++i) {
      const Merge* merge = find_merge(pieces[i], pieces[i + 1]);
      if (merge != nullptr && (first == nullptr || merge->rank < first->rank)) first = merge;
    }
    if (first == nullptr) break;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < pieces.size(); ++kept) {
      const bool merges = i + 1 < pieces.size() && find_merge(pieces[i], pieces[i + 1]) == first;
      pieces[kept] = merges ? first->merged : pieces[i];
      i += merges ? 2 : 1;
    }
    pieces.resize(kept);
  }
  ids.insert(ids.end(), pieces.begin(), pieces.end());
}

void BpeTokenizer::save(const std::filesystem::path& directory) const {
  base::write_file(directory / "vocab.json", files_.vocab);
  base::write_file(directory / "merges.txt", files_.merges);
  // Without a tokenizer_class transformers takes the one of config.json's model_type.
  base::write_json(directory / "tokenizer_config.json",
                   {{"add_prefix_space", files_.add_prefix_space}});
}

}  // namespace reaugkd::text
