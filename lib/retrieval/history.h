// history.json: what was done to a knowledge base, when, and from which file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace reaugkd::retrieval {

inline constexpr const char* kHistoryFile = "history.json";

/// One step of a change. No text of a row is ever part of it.
struct Change {
  std::string when;    // UTC, "2026-01-31T12:00:00Z"
  std::string action;  // built, added, removed, relabeled, keys
  std::int64_t rows = 0;
  std::string what;    // the file, or what was removed: "label=refund"; a student's directory
  std::string sha256;  // of the file or of the student's weights; empty: none
  std::vector<std::string> new_classes;  // that came with it
};

/// A step that happens now.
Change change(std::string action, std::int64_t rows, std::string what, std::string sha256 = "",
              std::vector<std::string> new_classes = {});

/// Throws IoError.
void save_history(const std::vector<Change>& history, const std::filesystem::path& directory);
/// Empty where there is none, as before format 3. Throws ArtifactError.
std::vector<Change> load_history(const std::filesystem::path& directory);

}  // namespace reaugkd::retrieval
