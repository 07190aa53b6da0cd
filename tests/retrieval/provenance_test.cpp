// Which space keys are of: what old files say, and what tells two spaces apart.
#include "retrieval/provenance.h"

#include "catch.h"

namespace reaugkd::retrieval {
namespace {

TEST_CASE("files that name no space hold the projection's keys", "[provenance]") {
  const base::Json old = {{"teacher_sha256", "a"}, {"projection_sha256", "b"}};
  const auto space = KeySpace::from_json(old, "kb.json");
  CHECK(space.space == kProjectionSpace);
  CHECK(space.pretrained_sha256.empty());
  CHECK(space.to_json() == old);
}

TEST_CASE("a space is told from others by all that makes its keys", "[provenance]") {
  const KeySpace both{"a", "b", "", "both", "c"};
  CHECK(KeySpace::from_json(both.to_json(), "kb.json") == both);
  CHECK(KeySpace{"a", "b", "", "pretrained", "c"} != both);
  CHECK(KeySpace{"a", "b", "", "both", "d"} != both);
  CHECK(KeySpace{"a", "e", "", "both", "c"} != both);
  Provenance provenance;
  provenance.key_space = both;
  CHECK(Provenance::from_json(provenance.to_json(), "kb.json").key_space == both);
}

TEST_CASE("a student's own keys are told by the student alone", "[provenance]") {
  const KeySpace own{"a", "b", "s", "both", "c"};
  CHECK(own.to_json() == base::Json{{"keys_sha256", "s"}});
}

}  // namespace
}  // namespace reaugkd::retrieval
