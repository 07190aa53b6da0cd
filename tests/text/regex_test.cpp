#include "text/regex.h"

#include "base/error.h"
#include "catch.h"

namespace base = reaugkd::base;
using reaugkd::text::Regex;
using Parts = std::vector<std::string>;

namespace {

Parts matches(const std::string& pattern, const std::string& text) {
  const Regex regex(pattern, "here");
  Parts found;
  std::size_t from = 0;
  while (const auto match = regex.search(text, from)) {
    found.push_back(text.substr(match->begin, match->end - match->begin));
    from = match->end;
  }
  return found;
}

}  // namespace

TEST_CASE("regular expressions: literals, classes and quantifiers", "[regex]") {
  CHECK(matches("ab", "abcab") == Parts{"ab", "ab"});
  CHECK(matches("a|bc", "abc") == Parts{"a", "bc"});
  CHECK(matches("a|ab", "ab") == Parts{"a"});  // the first alternative that fits
  CHECK(matches("[a-c]+", "xabcx") == Parts{"abc"});
  CHECK(matches("[^a-c]+", "abxyc\xC3\xA9") == Parts{"xy", "\xC3\xA9"});
  CHECK(matches("[\\]\\-a]", "a-]") == Parts{"a", "-", "]"});
  CHECK(matches("[a-]", "-a") == Parts{"-", "a"});
  CHECK(matches(" {2,}", "a  b   c d") == Parts{"  ", "   "});
  CHECK(matches("a{2}", "aaaaa") == Parts{"aa", "aa"});
  CHECK(matches("a{1,2}b", "aaab") == Parts{"aab"});
  CHECK(matches("(?:ab){2,3}", "abababab") == Parts{"ababab"});
  CHECK(matches("(ab)+c?", "ababc") == Parts{"ababc"});
  CHECK(matches("a+?b", "aab") == Parts{"aab"});
  CHECK(matches("a+?", "aa") == Parts{"a", "a"});
  CHECK(matches("a*b", "aaab") == Parts{"aaab"});
  CHECK(matches("a*a", "aaa") == Parts{"aaa"});  // gives one back
  CHECK(matches("\xC3\xA9*\xC3\xA9", "\xC3\xA9\xC3\xA9") == Parts{"\xC3\xA9\xC3\xA9"});
  CHECK(matches("x*", "aaa").empty());  // empty matches count for nothing
  CHECK(matches(".+", "ab\nc") == Parts{"ab", "c"});
  CHECK(matches("\\.\\*", ".*") == Parts{".*"});
}

TEST_CASE("regular expressions: Unicode's classes and lookahead", "[regex]") {
  CHECK(matches("\\p{L}+", "ab1\xC3\xA9\xE5\x8C\x97") == Parts{"ab", "\xC3\xA9\xE5\x8C\x97"});
  CHECK(matches("\\p{N}{1,3}", "12345") == Parts{"123", "45"});
  CHECK(matches("\\P{L}", "a1") == Parts{"1"});
  CHECK(matches("\\p{Lu}\\p{Ll}", "aBc") == Parts{"Bc"});
  CHECK(matches("\\s+(?!\\S)|\\s+", "a   b  ") == Parts{"  ", " ", "  "});
  CHECK(matches("a(?=b)", "abac") == Parts{"a"});
  CHECK(matches("\\d+\\w", "12a 3") == Parts{"12a"});
  CHECK(matches("\\s", "\xC2\x85\xE3\x80\x80") == Parts{"\xC2\x85", "\xE3\x80\x80"});
  CHECK(matches("(?i:'s|[a-c])", "'S B x") == Parts{"'S", "B"});
  CHECK(matches("(?i:'s)", "'\xC5\xBF") == Parts{"'\xC5\xBF"});  // the long s
  CHECK(matches("(?i:a)a", "AA Aa") == Parts{"Aa"});
  CHECK(matches("[^\\r\\n\\p{L}\\p{N}]?\\p{L}+", " ab.cd") == Parts{" ab", ".cd"});
}

TEST_CASE("a literal means itself", "[regex]") {
  const Regex regex = Regex::of_literal("a.(b)|", "here");
  CHECK(regex.match_at("a.(b)|", 0) == 6);
  CHECK_FALSE(regex.match_at("axb", 0));
}

TEST_CASE("what a regular expression lacks is named", "[regex]") {
  for (const char* pattern : {"(?<=a)",      "a++",     "^a",
                              "a$",          "(a",      "a)",
                              "[a",          "[]",      "a{2",
                              "a{3,2}",      "a{2000}", "\\q",
                              "\\1",         "a\\",     "\\p{Xy}",
                              "[[:alpha:]]", "[a&&b]",  "*a",
                              "(?P<x>a)",    "[b-a]",   "((((a{1000}){1000}){1000}){1000})"}) {
    INFO(pattern);
    CHECK_THROWS_AS(Regex(pattern, "here"), base::ArtifactError);
    CHECK_THROWS_WITH(Regex(pattern, "here"), ContainsSubstring("here: the regular expression"));
  }
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "(";
  CHECK_THROWS_WITH(Regex(deep, "here"), ContainsSubstring("too many groups"));
}

TEST_CASE("a regular expression that would take forever is stopped", "[regex]") {
  const Regex regex("(a|aa)+b", "here");
  CHECK_THROWS_WITH(regex.search(std::string(60, 'a'), 0), ContainsSubstring("takes too long"));
  const Regex endless("(a*)*b", "here");
  CHECK_THROWS_WITH(endless.search("ac", 0), ContainsSubstring("takes too long"));
}
