// examples.tsv: the texts of the knowledge base's rows, for people and for --explain. Tabs, line
// ends and backslashes within a text are written as \t, \n, \r and \\. Used by knowledge_base.cpp.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/example_id.h"

namespace reaugkd::retrieval {

struct ExampleTexts {
  std::vector<std::string> text_a;  // N
  std::vector<std::string> text_b;  // N, or empty for single-sentence tasks
};

/// Writes a header and a line per example, atomically. Throws IoError.
void save_examples(const std::vector<base::ExampleId>& ids, const std::vector<std::string>& text_a,
                   const std::vector<std::string>& text_b, const std::filesystem::path& path);

/// Reads them back; the lines must be those of `ids`, in order. Throws IoError, or ArtifactError
/// naming the line.
ExampleTexts load_examples(const std::vector<base::ExampleId>& ids,
                           const std::filesystem::path& path);

}  // namespace reaugkd::retrieval
