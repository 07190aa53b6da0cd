#include "retrieval/provenance.h"

namespace reaugkd::retrieval {
namespace {

using base::Json;

constexpr const char* kTaskSettings = "reaugkd";
constexpr const char* kTeacher = "teacher_sha256";
constexpr const char* kProjection = "projection_sha256";
constexpr const char* kStudent = "keys_sha256";
constexpr const char* kSpace = "space";
constexpr const char* kPretrained = "pretrained_sha256";
constexpr const char* kSawHoldout = "teacher_saw_holdout";
constexpr const char* kCrossFit = "cross_fit";
constexpr const char* kWithoutKey = "rows_without_key";

void put(Json& json, const char* key, const std::string& digest) {
  if (!digest.empty()) json[key] = digest;
}

/// What the teacher's keys are made of.
void put_teacher_space(Json& json, const KeySpace& space) {
  put(json, kTeacher, space.teacher_sha256);
  put(json, kProjection, space.projection_sha256);
  if (space.space != kProjectionSpace) json[kSpace] = space.space;
  put(json, kPretrained, space.pretrained_sha256);
}

}  // namespace

Json KeySpace::to_json() const {
  Json json = Json::object();
  if (of_student()) {
    json[kStudent] = student_sha256;
  } else {
    put_teacher_space(json, *this);
  }
  return json;
}

KeySpace KeySpace::from_json(const Json& json, const std::string& where) {
  const auto digest = [&](const char* key) {
    return base::json_value<std::string>(json, key, "", where);
  };
  return {digest(kTeacher), digest(kProjection), digest(kStudent),
          base::json_value<std::string>(json, kSpace, kProjectionSpace, where),
          digest(kPretrained)};
}

Json Provenance::to_json() const {
  Json json = Json::object();
  if (!task_settings.is_null()) json[kTaskSettings] = task_settings;
  put_teacher_space(json, key_space);
  if (teacher_saw_holdout) json[kSawHoldout] = true;
  if (cross_fit_folds > 0) json[kCrossFit] = cross_fit_folds;
  if (rows_without_key > 0) json[kWithoutKey] = rows_without_key;
  put(json, kStudent, key_space.student_sha256);
  return json;
}

Provenance Provenance::from_json(const Json& json, const std::string& where) {
  Provenance provenance;
  if (json.contains(kTaskSettings)) provenance.task_settings = json[kTaskSettings];
  provenance.key_space = KeySpace::from_json(json, where);
  provenance.teacher_saw_holdout = base::json_value(json, kSawHoldout, false, where);
  provenance.cross_fit_folds = base::json_value<std::int64_t>(json, kCrossFit, 0, where);
  provenance.rows_without_key = base::json_value<std::int64_t>(json, kWithoutKey, 0, where);
  return provenance;
}

}  // namespace reaugkd::retrieval
