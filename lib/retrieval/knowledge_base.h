// The knowledge base: rows that can answer, each with a key and with what the teacher and the gold
// label say of it. It begins with the examples that the student is trained on; rows and classes are
// added, removed and corrected later. Written by build-kb, read by distill and eval.
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/example_id.h"
#include "base/text_column.h"
#include "retrieval/history.h"
#include "retrieval/index.h"
#include "retrieval/provenance.h"

namespace reaugkd::retrieval {

struct KnowledgeBase {
  torch::Tensor embeddings;     // (N, D) fp32 or fp16, z: unit rows
  torch::Tensor logits;         // (N, C) fp32, l^T; a row of NaN where no teacher answered
  torch::Tensor soft_labels;    // (N, C) fp32, p^T = softmax(l^T); regression: the score (N, 1)
  torch::Tensor labels;         // (N) fp32, NaN where unknown; a class of C or more is a new one
  torch::Tensor label_answers;  // (N) bool: by default the label answers, not the teacher
  std::vector<std::string> new_classes;  // class C + j, which neither teacher nor student has
  std::vector<base::ExampleId> ids;      // N, no id twice
  base::TextColumn text_a;               // N: examples.tsv; empty where it was not read or made
  base::TextColumn text_b;               // N, or empty for single-sentence tasks
  Provenance provenance;
  std::vector<Change> history;

  std::int64_t size() const { return embeddings.size(0); }
  std::int64_t dimension() const { return embeddings.size(1); }
  /// C: classes that the teacher knows.
  std::int64_t num_labels() const { return soft_labels.size(1); }
  /// C and the new ones.
  std::int64_t num_classes() const {
    return num_labels() + static_cast<std::int64_t>(new_classes.size());
  }
};

/// "fp32" or "fp16", as kb.json and `kb_dtype` spell a type of embeddings, and back.
std::string dtype_name(torch::ScalarType type);
torch::ScalarType dtype_by_name(const std::string& name);

/// Row of each id. Throws ArtifactError on an id that occurs twice.
std::unordered_map<base::ExampleId, std::int64_t, base::ExampleIdHash> rows_by_id(
    const KnowledgeBase& kb);

/// Writes kb.safetensors, examples.tsv (where there are texts), history.json, the index's file (one
/// of another kind is removed) and, last, kb.json with format version, N, D, C, metric, the index's
/// kind and parameters, the sha256 of each file, and the provenance. The directory exists. Throws
/// IoError.
void save_knowledge_base(const KnowledgeBase& kb, const Index& index, const IndexOptions& options,
                         const std::filesystem::path& directory);

enum class Texts { kRead, kLeave };

/// Reads all but the index, the tensors as views of a private map of their file; the texts where
/// they are asked for. Throws IoError, or ArtifactError: a missing file, a newer format (found,
/// supported), a checksum or shape that does not fit (which file), rows that are not unit length,
/// soft labels that are no distribution, a row that neither a teacher nor a label answers, an id
/// twice.
KnowledgeBase load_knowledge_base(const std::filesystem::path& directory,
                                  Texts texts = Texts::kRead);

/// The index over `kb`: `choice` is "auto" (what kb.json names) or a kind of the table; without
/// `ef_search` the one it was built with holds; an exact search needs none. Throws ArtifactError
/// where a kind with a file is asked for and the directory has another.
std::unique_ptr<Index> load_index(const KnowledgeBase& kb, const std::filesystem::path& directory,
                                  const std::string& choice, std::optional<std::int64_t> ef_search);

/// The index over `kb` whose first `unchanged_rows` are the rows of the knowledge base in
/// `directory`, with their keys: the index there with the other rows inserted, which costs as much
/// as those do. Nothing where it cannot be: the index there is of another kind, dtype, M or
/// ef_construction, or of a kind that cannot be extended. Throws as load_index does.
std::unique_ptr<Index> extended_index(const KnowledgeBase& kb,
                                      const std::filesystem::path& directory,
                                      std::int64_t unchanged_rows, const std::string& kind,
                                      const IndexOptions& options);

}  // namespace reaugkd::retrieval
