// Lines of 80 columns, by hand.
#include "evaluation/screen_lines.h"

#include "catch.h"

namespace reaugkd::evaluation {
namespace {

TEST_CASE("columns are counted in characters, East Asian ones twice", "[evaluation]") {
  CHECK(columns_of("abc") == 3);
  CHECK(columns_of("äöü") == 3);
  CHECK(columns_of("日本") == 4);
  CHECK(columns_of("") == 0);
  CHECK(columns_of("\xFF") == 1);  // no UTF-8: not read beyond its end
  CHECK(columns_of("\xE6") == 1);
}

TEST_CASE("a text that does not fit is cut between two characters", "[evaluation]") {
  CHECK(shortened("abcdef", 6) == "abcdef");
  CHECK(shortened("abcdefg", 6) == "abc...");
  CHECK(shortened("äöüäöüä", 6) == "äöü...");
  CHECK(shortened("日本語日本語", 8) == "日本...");
  CHECK(shortened("abcdef", 2) == "..");
  CHECK(padded("ä", 3) == "ä  ");
  CHECK(padded("abc", 2) == "abc");
}

TEST_CASE("lines break between parts or at spaces", "[evaluation]") {
  CHECK(parts_lines("  x: ", {"a b", "c"}) == "  x: a b, c\n");
  const std::string part(40, 'p');
  CHECK(parts_lines("  x: ", {part, part, "q"}) == "  x: " + part + ",\n    " + part + ", q\n");
  CHECK(words_lines("  x: ", "one two") == "  x: one two\n");
  const std::string text =
      words_lines("  warning: ", std::string(50, 'a') + " " + std::string(30, 'b') + " c");
  CHECK(text == "  warning: " + std::string(50, 'a') + "\n    " + std::string(30, 'b') + " c\n");
  CHECK(count_lines(text) == 2);
}

}  // namespace
}  // namespace reaugkd::evaluation
