// The models of tokenizer.json: from its "model" to the class that cuts words into pieces.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_map>

#include "text/bpe_model.h"
#include "text/token_names.h"

namespace reaugkd::text {

using VocabIds = std::unordered_map<std::string, std::int32_t>;

struct ReadModel {
  std::string type;  // "WordPiece", "BPE", "Unigram" or "WordLevel"
  VocabIds ids;
  std::optional<std::int32_t> unk;
  std::unique_ptr<SubwordModel> model;
};

/// `byte_level`: words come as bytes. `names` say which tokens no text may have. Throws
/// ArtifactError on a model that is unknown, malformed, or has what we do not do.
ReadModel read_model(const nlohmann::json& json, const std::string& where, bool byte_level,
                     const TokenNames& names);

/// An object of token to id. Throws ArtifactError on anything else.
VocabIds read_vocab_ids(const nlohmann::json& json, const std::string& where);

/// Throws ArtifactError on a merge of tokens that the vocabulary lacks.
void check_merges(const BpeVocab& vocab, const std::string& where);

}  // namespace reaugkd::text
