// Byte pair encoding (Sennrich et al., ACL 2016): a word's characters, or its bytes, are merged two
// by two in the order in which training found the merges.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "text/subword_model.h"

namespace reaugkd::text {

/// Open addressing over pairs of ids: a map of the standard library costs a cache miss more.
class MergeTable {
 public:
  struct Merge {
    std::uint64_t pair = kEmpty;
    std::uint32_t rank = 0;
    std::int32_t merged = 0;
  };

  void reserve(std::size_t merges);
  /// The first rank that is added for a pair counts.
  void add(std::int32_t left, std::int32_t right, std::uint32_t rank, std::int32_t merged);
  const Merge* find(std::int32_t left, std::int32_t right) const;

 private:
  static constexpr std::uint64_t kEmpty = ~0ULL;
  std::size_t slot_of(std::uint64_t pair) const;

  std::vector<Merge> slots_;  // a power of two
};

struct BpeVocab {
  std::unordered_map<std::string, std::int32_t> ids;
  std::vector<std::pair<std::string, std::string>> merges;
  std::optional<std::int32_t> unk;        // of a character without a token; none: it is left out
  bool byte_level = false;                // tokens are GPT-2's visible characters of bytes
  bool fuse_unk = false;                  // unknown characters side by side are one
  bool byte_fallback = false;             // an unknown character becomes its bytes' tokens, <0x0A>
  bool ignore_merges = false;             // a word that is a token stays whole
  std::vector<std::int32_t> never_whole;  // but for these tokens, as frame tokens
};

class BpeModel : public SubwordModel {
 public:
  /// Every token of a merge, and what it makes, is in `vocab.ids`: REAUGKD_CHECK.
  explicit BpeModel(const BpeVocab& vocab);

  /// O(n log n) in the word's length.
  void append_pieces(std::string_view word, std::vector<std::int32_t>& ids) const override;

 private:
  void append_characters(std::string_view word, std::vector<std::int32_t>& ids) const;
  bool append_bytes(std::string_view character, std::vector<std::int32_t>& ids) const;
  void merge_few(std::vector<std::int32_t>& ids, std::size_t begin) const;
  void merge_many(std::vector<std::int32_t>& ids, std::size_t begin) const;

  std::unordered_map<std::string, std::int32_t> characters_;  // those of one character
  std::unordered_map<std::string, std::int32_t> whole_words_;
  std::array<std::int32_t, 256> bytes_{};  // of a byte level, or of a byte fallback; -1: none
  MergeTable merges_;
  std::optional<std::int32_t> unk_;
  bool byte_level_;
  bool fuse_unk_;
  bool byte_fallback_;
};

}  // namespace reaugkd::text
