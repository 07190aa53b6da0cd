// The names of the files that stages write, and what may be overwritten.
#pragma once

#include <array>
#include <filesystem>
#include <string>

namespace reaugkd::run {

inline constexpr const char* kLogFile = "run.log";
inline constexpr const char* kCheckpointFile = "checkpoint.safetensors";
/// The teacher's run.json, carried along by project.
inline constexpr const char* kTeacherRunFile = "teacher_run.json";
/// The pretrained encoder, carried along by project where keys are made of its embeddings.
inline constexpr const char* kPretrainedFolder = "pretrained";
/// What sentence-transformers reads of a model beside modules.json.
inline constexpr const char* kPoolingFolder = "1_Pooling";
/// The knowledge base of a folder of export.
inline constexpr const char* kKbFolder = "kb";

/// What a later stage reads of a model or knowledge base directory. kb.json has the sha256 of the
/// knowledge base's other files.
inline constexpr std::array kReadByStages = {"config.json",
                                             "teacher.json",
                                             "model.safetensors",
                                             "model.safetensors.index.json",
                                             "vocab.txt",
                                             "spiece.model",
                                             "sentencepiece.bpe.model",
                                             "vocab.json",
                                             "merges.txt",
                                             "tokenizer.json",
                                             "tokenizer_config.json",
                                             "modules.json",
                                             "1_Pooling/config.json",
                                             "sentence_bert_config.json",
                                             "query.safetensors",
                                             "projection.safetensors",
                                             "features.safetensors",
                                             "split.json",
                                             kTeacherRunFile,
                                             "kb.json"};

/// Of a directory that --overwrite is to replace: throws ConfigError unless all in it was written
/// by a run of `command`.
void check_replaceable(const std::string& command, const std::filesystem::path& directory);

}  // namespace reaugkd::run
