// The byte-level BPE tokenizer of GPT-2 (Radford et al. 2019; Sennrich et al., ACL 2016) with
// RoBERTa's special tokens: split into words and runs of other characters, then merge each one's
// bytes in the order in which training found the merges.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/tokenizer.h"

namespace reaugkd::text {

/// The files of a byte-level BPE model as they are published.
struct BpeFiles {
  std::string vocab;              // vocab.json: an object of token to id
  std::string merges;             // merges.txt: two tokens a line, the first merge first
  bool add_prefix_space = false;  // a text starts as if a space stood before it
};

/// Both files out of a tokenizer.json. Throws ArtifactError where it describes another tokenizer
/// than byte-level BPE without normalisation.
BpeFiles bpe_files_of_tokenizer_json(const std::string& json, const std::string& where);

class BpeTokenizer : public Tokenizer {
 public:
  /// `where` names the files in errors. Throws ArtifactError on files that are malformed, a merge
  /// of tokens that the vocabulary lacks, or a missing special token (<s>, </s>, <pad>, <unk>).
  BpeTokenizer(BpeFiles files, const std::string& where);

  /// A special token's name in the text is plain text. A byte that the vocabulary lacks is <unk>.
  std::vector<std::int32_t> encode(std::string_view text) const override;
  std::int64_t vocab_size() const override { return vocab_size_; }
  const SpecialTokens& special_tokens() const override { return special_; }
  void save(const std::filesystem::path& directory) const override;

 private:
  struct Merge {
    std::size_t rank;
    std::int32_t merged;
  };
  using Ids = std::unordered_map<std::string, std::int32_t>;

  Ids read_vocab(const std::string& where);
  void read_merges(const Ids& ids, const std::string& where);
  const Merge* find_merge(std::int32_t left, std::int32_t right) const;
  void append_pieces(std::string_view word, std::vector<std::int32_t>& ids) const;

  BpeFiles files_;                      // for save()
  std::vector<std::int32_t> byte_ids_;  // of each byte
  std::unordered_map<std::uint64_t, Merge> merges_;
  std::int64_t vocab_size_ = 0;  // one more than the largest id
  SpecialTokens special_;
};

/// GPT-2's pre-tokenisation of UTF-8: 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|
/// \s+(?!\S)|\s+. The words in order; together they are the text.
std::vector<std::string_view> bpe_words(std::string_view text);

}  // namespace reaugkd::text
