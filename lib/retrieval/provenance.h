// Where a knowledge base comes from: kb.json's "provenance". It says which task it is for, whose
// embeddings are its keys, and what its soft labels are worth.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"

namespace reaugkd::retrieval {

/// The space of equation 1, which files that name none have.
inline constexpr const char* kProjectionSpace = "projection";
/// Embeddings that a file has given, of unit length, without a projection.
inline constexpr const char* kGivenSpace = "given";

/// Whose embeddings the keys are. Keys of one space do not compare with queries of another.
struct KeySpace {
  std::string teacher_sha256;  // of model.safetensors, or of a given teacher's file; empty: unknown
  std::string projection_sha256;  // of projection.safetensors; empty: unknown
  std::string student_sha256;     // of the student whose own embeddings are the keys; empty: none
  std::string space = kProjectionSpace;  // what the teacher's keys are: z, e, both or given
  std::string pretrained_sha256;         // of the pretrained encoder's weights; empty: not read

  bool of_student() const { return !student_sha256.empty(); }
  bool operator==(const KeySpace&) const = default;

  /// What a student is trained towards or asks: of its own keys the student alone counts.
  base::Json to_json() const;
  /// Throws ArtifactError naming `where`.
  static KeySpace from_json(const base::Json& json, const std::string& where);
};

struct Provenance {
  base::Json task_settings;  // data::TaskSettings as the files have them; null: not known
  KeySpace key_space;
  bool teacher_saw_holdout = false;   // it was fine-tuned elsewhere, on nobody knows which rows
  std::int64_t cross_fit_folds = 0;   // 0: the soft labels are the teacher's own
  std::int64_t rows_without_key = 0;  // training rows that a given teacher has no embedding of

  base::Json to_json() const;
  /// Throws ArtifactError naming `where`.
  static Provenance from_json(const base::Json& json, const std::string& where);
};

}  // namespace reaugkd::retrieval
