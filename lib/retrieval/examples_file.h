// examples.tsv: the texts of the knowledge base's rows, for people and for --explain. Tabs, line
// ends and backslashes within a text are written as \t, \n, \r and \\. Used by knowledge_base.cpp.
#pragma once

#include <filesystem>
#include <vector>

#include "base/example_id.h"
#include "base/text_column.h"

namespace reaugkd::retrieval {

struct ExampleTexts {
  base::TextColumn text_a;  // N
  base::TextColumn text_b;  // N, or empty for single-sentence tasks
};

/// Writes a header and a line per example, atomically. Throws IoError.
void save_examples(const std::vector<base::ExampleId>& ids, const base::TextColumn& text_a,
                   const base::TextColumn& text_b, const std::filesystem::path& path);

/// Reads them back; the lines must be those of `ids`, in order. Throws IoError, or ArtifactError
/// naming the line.
ExampleTexts load_examples(const std::vector<base::ExampleId>& ids,
                           const std::filesystem::path& path);

}  // namespace reaugkd::retrieval
