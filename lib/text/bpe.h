// RoBERTa's byte-level BPE tokenizer from vocab.json and merges.txt.
#pragma once

#include <memory>
#include <string>

#include "text/bpe_model.h"
#include "text/tokenizer.h"
#include "text/word_cache.h"

namespace reaugkd::text {

/// The files of a byte-level BPE model as they are published.
struct BpeFiles {
  std::string vocab;              // vocab.json: an object of token to id
  std::string merges;             // merges.txt: two tokens a line, the first merge first
  bool add_prefix_space = false;  // a text starts as if a space stood before it
};

class BpeTokenizer : public Tokenizer {
 public:
  /// `where` names the files in errors. Throws ArtifactError on files that are malformed, a merge
  /// of tokens that the vocabulary lacks, or a missing special token (<s>, </s>, <pad>, <unk>).
  BpeTokenizer(BpeFiles files, const std::string& where);

  /// A special token's name in the text is plain text. A byte that the vocabulary lacks is <unk>.
  std::vector<std::int32_t> encode(std::string_view text) const override;
  std::int64_t vocab_size() const override { return vocab_size_; }
  const SpecialTokens& special_tokens() const override { return special_; }
  std::int32_t token_id(const std::string& token) const override;
  void save(const std::filesystem::path& directory) const override;

 private:
  BpeFiles files_;  // for save()
  std::unordered_map<std::string, std::int32_t> ids_;
  std::unique_ptr<BpeModel> model_;
  std::int64_t vocab_size_ = 0;  // one more than the largest id
  SpecialTokens special_;
  mutable WordCaches caches_;
};

}  // namespace reaugkd::text
