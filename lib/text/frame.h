// The tokens around a text: what tokenizer.json's "post_processor" gives us.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace reaugkd::text {

/// cls a sep, and of a pair cls a sep b sep or cls a sep sep b sep.
struct Frame {
  std::string cls;
  std::string sep;
  std::int32_t cls_id = 0;
  std::int32_t sep_id = 0;
  int separators = 1;        // how many sep stand between the two texts of a pair
  bool second_type = false;  // the second text of a pair has type 1
};

/// Nothing where no component adds tokens. Throws ArtifactError on a component that is unknown or
/// a template of another shape.
std::optional<Frame> read_frame(const nlohmann::json& json, const std::string& where);

}  // namespace reaugkd::text
