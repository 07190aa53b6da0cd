// A teacher that is known by its outputs alone: teacher.json, which project --teacher-outputs
// writes in place of a model. Its features are in features.safetensors as a model's are.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "data/task_settings.h"

namespace reaugkd::distill {

struct GivenTeacher {
  std::string outputs;     // the file, as project was given it
  std::string sha256;      // of that file
  std::int64_t width = 0;  // of its embeddings; 0: it has none
};

/// Whether `directory` holds a teacher without weights.
bool is_given_teacher(const std::filesystem::path& directory);

/// Writes teacher.json. Throws IoError.
void save_given_teacher(const GivenTeacher& teacher, const data::TaskSettings& settings,
                        const std::filesystem::path& directory);
/// Throws ArtifactError where teacher.json is damaged or of a newer format.
GivenTeacher load_given_teacher(const std::filesystem::path& directory);
/// The task's settings in teacher.json. Throws ArtifactError.
data::TaskSettings settings_of_given_teacher(const std::filesystem::path& directory);

/// Throws ArtifactError where the file of the outputs is still where it was and is another now:
/// what was projected is then not what it says.
void check_outputs_unchanged(const std::filesystem::path& directory);

/// The width of the embeddings of a projected teacher, of a model or given.
std::int64_t embedding_width(const std::filesystem::path& directory);

}  // namespace reaugkd::distill
