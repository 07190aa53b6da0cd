// The files of a folder of export, but for its card. Used by export.
#pragma once

#include <filesystem>

#include "serving/setting_file.h"
#include "stages/export.h"

namespace reaugkd::stages {

inline constexpr const char* kSumsFile = "SHA256SUMS";

/// Copies what a classifier is read from, tokenizer and split.json included. Throws IoError.
void copy_model(const std::filesystem::path& model, const std::filesystem::path& folder);

/// Writes the knowledge base as the options ask: copied file by file where they change nothing.
/// Throws as its reader does, IoError.
void write_knowledge_base(const ExportOptions& options, const std::filesystem::path& directory);

/// SHA256SUMS over all files of the folder but those that a run writes last, as sha256sum reads it.
/// Throws IoError.
void write_sums(const std::filesystem::path& folder);

/// The same again for the folder of export that `kb_directory` lies in, if it lies in one.
void refresh_sums(const std::filesystem::path& kb_directory);

}  // namespace reaugkd::stages
