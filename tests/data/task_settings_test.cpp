#include "data/task_settings.h"

#include "catch.h"
#include "data/custom_task.h"

using namespace reaugkd;
using Names = std::vector<std::string>;

namespace {

data::TaskSettings settings(const base::Json& more = base::Json::object()) {
  base::Json description = {
      {"name", "mood"}, {"text_a", "a"}, {"label", "y"}, {"labels", {"no", "yes"}}};
  description.update(more);
  return {data::custom_task(description, "task.json"), 48};
}

}  // namespace

TEST_CASE("what differs between two tasks is said in a line", "[settings]") {
  const auto own = settings();
  CHECK(data::difference(own, settings()).empty());
  CHECK(data::difference(own, settings({{"text_a", "b"}, {"format", "csv"}})).empty());
  CHECK(data::difference(own, settings({{"name", "tone"}})) == "task mood and tone");
  CHECK(data::difference(own, settings({{"labels", {"yes", "no"}}})) ==
        "class 0 is \"no\" and \"yes\"");
  CHECK(data::difference(own, settings({{"labels", {"no", "yes", "maybe"}}})) ==
        "2 classes and 3; the first has no \"maybe\"");
  CHECK(data::difference(own, {data::glue_task("stsb"), 32}) ==
        "task mood and stsb, classes and scores, max_seq_length 48 and 32");
  Names many;
  for (int i = 0; i < 500; ++i) many.push_back("label_" + std::to_string(i));
  auto fewer = many;
  fewer.pop_back();
  CHECK(data::difference(many, fewer) == "500 classes and 499; the second has no \"label_499\"");
}
