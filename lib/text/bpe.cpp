#include "text/bpe.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "text/byte_level.h"
#include "text/model_readers.h"

namespace reaugkd::text {
namespace {

using base::ArtifactError;
using Merges = std::vector<std::pair<std::string, std::string>>;

nlohmann::json parse_vocab(const std::string& text, const std::string& where) {
  auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    throw ArtifactError("{}: is no JSON object ({} bytes)", where, text.size());
  }
  return json;
}

/// The lines of merges.txt.
Merges parse_merges(std::string_view rest) {
  Merges merges;
  for (std::size_t line_number = 1; !rest.empty(); ++line_number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || (line_number == 1 && line.starts_with("#version"))) continue;
    const std::size_t space = line.find(' ');
    merges.emplace_back(line.substr(0, space), space == line.npos ? "" : line.substr(space + 1));
  }
  return merges;
}

}  // namespace

BpeTokenizer::BpeTokenizer(BpeFiles files, const std::string& where) : files_(std::move(files)) {
  BpeVocab vocab;
  vocab.ids = read_vocab_ids(parse_vocab(files_.vocab, where), where + ": vocab");
  vocab.merges = parse_merges(files_.merges);
  vocab.byte_level = true;
  check_merges(vocab, where + ": merges");
  for (const auto& [token, id] : vocab.ids) {
    vocab_size_ = std::max<std::int64_t>(vocab_size_, id + 1);
  }
  ids_ = vocab.ids;
  const auto id_of = [&](const char* token) {
    const std::int32_t id = token_id(token);
    if (id < 0) {
      throw ArtifactError("{}: the token {} is missing among {}: expected RoBERTa's special tokens",
                          where, token, ids_.size());
    }
    return id;
  };
  special_ = {.pad = id_of("<pad>"),
              .unk = id_of("<unk>"),
              .cls = id_of("<s>"),
              .sep = id_of("</s>"),
              .separators = 2};
  vocab.unk = special_.unk;
  model_ = std::make_unique<BpeModel>(vocab);
}

std::int32_t BpeTokenizer::token_id(const std::string& token) const {
  const auto found = ids_.find(token);
  return found == ids_.end() ? -1 : found->second;
}

std::vector<std::int32_t> BpeTokenizer::encode(std::string_view text) const {
  std::string spaced;
  if (files_.add_prefix_space && !text.empty() && text.front() != ' ') {
    spaced = " " + std::string(text);
    text = spaced;
  }
  std::vector<std::int32_t> ids;
  ids.reserve(text.size() / 3 + 4);
  const LentWordCache cache(caches_);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = end_of_byte_level_word(text, begin);
    cache->append_pieces(*model_, text.substr(begin, end - begin), ids);
    begin = end;
  }
  return ids;
}

void BpeTokenizer::save(const std::filesystem::path& directory) const {
  base::write_file(directory / "vocab.json", files_.vocab);
  base::write_file(directory / "merges.txt", files_.merges);
  // Without a tokenizer_class transformers takes the one of config.json's model_type.
  base::write_json(directory / "tokenizer_config.json",
                   {{"add_prefix_space", files_.add_prefix_space}});
}

}  // namespace reaugkd::text
