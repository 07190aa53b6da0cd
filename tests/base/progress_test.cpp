// The progress line fits its columns, and the most important of it stays.
#include "base/progress.h"

#include "catch.h"

namespace reaugkd::base {
namespace {

TEST_CASE("a progress line gives up counts, rate and note where columns are few", "[base]") {
  const ProgressState state{"teacher-finetune",        "examples", 10748, 57584, 715,
                            "loss 0.6555  lr 9.04e-04"};
  CHECK(progress_line(state, 100) ==
        "teacher-finetune  19 %  10748/57584 examples  715/s  loss 0.6555  lr 9.04e-04  1 min 06 s "
        "left");
  CHECK(progress_line(state, 80) ==
        "teacher-finetune  19 %  715/s  loss 0.6555  lr 9.04e-04  1 min 06 s left");
  CHECK(progress_line(state, 70) ==
        "teacher-finetune  19 %  loss 0.6555  lr 9.04e-04  1 min 06 s left");
  CHECK(progress_line(state, 50) == "teacher-finetune  19 %  1 min 06 s left");
  CHECK(progress_line(state, 10) == "teacher-fi");
}

TEST_CASE("a progress line without a rate has no time left", "[base]") {
  CHECK(progress_line({"dev predictions", "examples", 0, 8, 0, ""}, 80) ==
        "dev predictions   0 %  0/8 examples  0/s");
}

TEST_CASE("a progress line of a pipe counts, and knows neither share nor time left", "[base]") {
  CHECK(progress_line({"predict", "rows", 2048, 0, 512, ""}, 80) == "predict  2048 rows  512/s");
}

TEST_CASE("durations in words", "[base]") {
  CHECK(duration_text(4.1) == "4.1 s");
  CHECK(duration_text(200) == "3 min 20 s");
  CHECK(duration_text(3720) == "1 h 02 min");
}

}  // namespace
}  // namespace reaugkd::base
