// What makes a model directory a folder of Python's sentence-transformers: modules.json names the
// modules, 1_Pooling/config.json how tokens become an embedding, sentence_bert_config.json where a
// text is cut. Read as defaults, and written beside every model that we save.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "models/model_config.h"

namespace reaugkd::models {

struct SentenceFolder {
  std::optional<Pooling> pooling;  // empty: `refused` says what there is in its place
  std::string missing;             // the file of the pooling, where it is not there
  std::string refused;             // "1_Pooling/config.json pools by mean and max at once"
  std::optional<std::int64_t> max_seq_length;  // tokens, [CLS] and [SEP] among them
  bool do_lower_case = false;                  // before the tokenizer, whatever that does
  std::string default_prompt;                  // what the library puts before each text
};

/// The directory as such a folder; nothing where it has no modules.json. Normalize modules say
/// nothing to us: our equations take norm() of an embedding themselves. Throws ArtifactError where
/// one of its files is malformed or not there.
std::optional<SentenceFolder> read_sentence_folder(const std::filesystem::path& directory);

/// Throws ArtifactError where modules.json says that the encoder is in a folder of the directory,
/// as older versions of the library wrote it, and names that.
void check_encoder_is_here(const std::filesystem::path& directory);

/// Writes modules.json, 1_Pooling/config.json and sentence_bert_config.json for a model whose
/// embedding is norm(pooled states): what SentenceTransformer(directory).encode(text) then gives.
/// Nothing for the pooler, which the library does not have. Throws IoError.
void save_sentence_folder(Pooling pooling, std::int64_t hidden_size, std::int64_t max_seq_length,
                          const std::filesystem::path& directory);

}  // namespace reaugkd::models
