#include "distill/given_teacher.h"

#include "base/error.h"
#include "base/json.h"
#include "base/sha256.h"
#include "models/model_config.h"

namespace reaugkd::distill {
namespace {

namespace fs = std::filesystem;
using base::Json;

constexpr int kTeacherFormat = 1;
constexpr const char* kSettings = "reaugkd";

Json read_teacher_json(const fs::path& directory) {
  const fs::path path = directory / models::kGivenTeacherFile;
  auto json = base::read_json(path);
  const auto format = base::json_at<std::int64_t>(json, "format", path.string());
  if (format == kTeacherFormat) return json;
  throw base::ArtifactError("{}: format {}, supported is {}: use the version that wrote it",
                            path.string(), format, kTeacherFormat);
}

}  // namespace

bool is_given_teacher(const fs::path& directory) {
  return fs::exists(directory / models::kGivenTeacherFile);
}

void save_given_teacher(const GivenTeacher& teacher, const data::TaskSettings& settings,
                        const fs::path& directory) {
  base::write_json(directory / models::kGivenTeacherFile,
                   {{"format", kTeacherFormat},
                    {"outputs", base::json_text(teacher.outputs)},
                    {"outputs_sha256", teacher.sha256},
                    {"width", teacher.width},
                    {kSettings, settings.to_json()}});
}

GivenTeacher load_given_teacher(const fs::path& directory) {
  const auto json = read_teacher_json(directory);
  const std::string where = (directory / models::kGivenTeacherFile).string();
  GivenTeacher teacher{base::json_at<std::string>(json, "outputs", where),
                       base::json_at<std::string>(json, "outputs_sha256", where),
                       base::json_at<std::int64_t>(json, "width", where)};
  if (teacher.width >= 0) return teacher;
  throw base::ArtifactError("{}: width is {}, expected 0 or more: it is damaged", where,
                            teacher.width);
}

data::TaskSettings settings_of_given_teacher(const fs::path& directory) {
  const std::string where = (directory / models::kGivenTeacherFile).string();
  return data::TaskSettings::from_json(
      base::json_at<Json>(read_teacher_json(directory), kSettings, where), where);
}

void check_outputs_unchanged(const fs::path& directory) {
  const auto teacher = load_given_teacher(directory);
  if (!fs::is_regular_file(teacher.outputs)) return;  // it was moved, or this directory was
  const auto now = base::sha256_of_file(teacher.outputs);
  if (now == teacher.sha256) return;
  throw base::ArtifactError(
      "{} has sha256 {}, but {} was made of it when it had {}: run reaugkd project again",
      teacher.outputs, now, directory.string(), teacher.sha256);
}

std::int64_t embedding_width(const fs::path& directory) {
  return is_given_teacher(directory) ? load_given_teacher(directory).width
                                     : models::load_config(directory).hidden_size;
}

}  // namespace reaugkd::distill
