#include "text/unicode.h"

#include "catch.h"
#include "text/normal_form.h"

using namespace std::string_literals;
namespace text = reaugkd::text;

namespace {

std::string without_accents(std::string_view utf8) {
  std::string result;
  for (std::size_t position = 0; position < utf8.size();) {
    text::append_without_accents(text::next_code_point(utf8, position), result);
  }
  return result;
}

}  // namespace

TEST_CASE("valid UTF-8 is told from other bytes", "[unicode]") {
  CHECK(text::valid_utf8(""));
  CHECK(text::valid_utf8("plain\0text\n"s));
  CHECK(text::valid_utf8("caf\xC3\xA9 \xE5\x8C\x97 \xF0\x9F\x98\x80"));
  CHECK(text::valid_utf8("\xEF\xBF\xBE"));            // U+FFFE is no character, but is encoded well
  CHECK_FALSE(text::valid_utf8("caf\xE9"));           // Latin-1
  CHECK_FALSE(text::valid_utf8("\xE5\x8C"));          // cut short
  CHECK_FALSE(text::valid_utf8("\xC0\xAF"));          // overlong
  CHECK_FALSE(text::valid_utf8("\xED\xA0\x80"));      // a surrogate
  CHECK_FALSE(text::valid_utf8("\xF4\x90\x80\x80"));  // above U+10FFFF
  CHECK_FALSE(text::valid_utf8("\x80"));
}

TEST_CASE("an invalid byte decodes to U+FFFD and is skipped alone", "[unicode]") {
  const std::string_view bytes =
      "\xE5\x8C"
      "a";
  std::size_t position = 0;
  CHECK(text::next_code_point(bytes, position) == text::kReplacementCharacter);
  CHECK(position == 1);
  CHECK(text::next_code_point(bytes, position) == text::kReplacementCharacter);
  CHECK(text::next_code_point(bytes, position) == U'a');
  CHECK(position == bytes.size());
}

TEST_CASE("lower-casing is per code point", "[unicode]") {
  CHECK(text::lower_case("Hello, WORLD 12!") == "hello, world 12!");
  CHECK(text::lower_case("\xC3\x89\xC3\x84 \xD0\x9C\xD0\xBE") ==
        "\xC3\xA9\xC3\xA4 \xD0\xBC\xD0\xBE");
  CHECK(text::lower_case("\xC3\x9F") == "\xC3\x9F");                  // sharp s stays
  CHECK(text::lower_case("\xCE\xA3\xCE\xA3") == "\xCF\x83\xCF\x83");  // no final sigma
  CHECK(text::lower_case("\xC4\xB0") == "i\xCC\x87");
  CHECK(text::lower_case("A\xFF"
                         "B") ==
        "a\xEF\xBF\xBD"
        "b");
  CHECK(text::lower_case("A\0B"s) == "a\0b"s);
}

TEST_CASE("accents are what NFD splits off as non-spacing marks", "[unicode]") {
  CHECK(without_accents("na\xC3\xAFve \xC3\x85") == "naive A");
  CHECK(without_accents("e\xCC\x81") == "e");
  CHECK(without_accents("\xEF\xAC\x81") == "\xEF\xAC\x81");  // the ligature fi: no NFKD
  // U+D55C decomposes into three jamo, which are letters; U+093F is a spacing mark.
  CHECK(without_accents("\xED\x95\x9C") == "\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB");
  CHECK(without_accents("\xE0\xA4\xBF") == "\xE0\xA4\xBF");
  CHECK(without_accents("\xE1\xBB\x87") == "e");  // two marks on one letter
}

TEST_CASE("ALBERT's accents are those of the compatibility decomposition", "[unicode]") {
  const auto stripped = [](char32_t code_point) {
    std::string result;
    text::append_compatible_without_accents(code_point, result);
    return result;
  };
  CHECK(stripped(U'\u00E9') == "e");
  CHECK(stripped(U'\u00B4') == " ");             // the spacing acute accent: a space and U+0301
  CHECK(stripped(U'\uFB01') == "fi");            // the ligature
  CHECK(stripped(U'\u0941') == "\xE0\xA5\x81");  // a mark of combining class 0
  CHECK(stripped(U'\uFDFA').size() == 33);  // the longest: 18 code points, of which 3 are spaces
}

TEST_CASE("BERT's character classes", "[unicode]") {
  for (const char32_t space : U" \t\n\r\u00A0\u2003\u3000\u2028"s) {
    CHECK(text::is_whitespace(space));
    CHECK_FALSE(text::is_control(space));
  }
  for (const char32_t control : U"\0\u0007\u007F\u0085\u00AD\u200B\u200D\uE000"s) {
    CHECK(text::is_control(control));
    CHECK_FALSE(text::is_whitespace(control));
  }
  CHECK_FALSE(text::is_control(0x0378));  // unassigned
  for (const char32_t mark : U"!/:@[`{~$+<=>^|_-\u2014\u201C\u3002\u00BF"s) {
    CHECK(text::is_punctuation(mark));
  }
  for (const char32_t other : U"aZ09 \u00E9\u00A3\u20AC\u00B1\u007F"s) {
    CHECK_FALSE(text::is_punctuation(other));
  }
  for (const char32_t chinese : U"\u5317\u4E00\u9FFF\u3400\uF900\U00020000\U0002F800"s) {
    CHECK(text::is_chinese(chinese));
  }
  for (const char32_t other : U"\u30AB\u3089\uD55C\u3002\uA000a"s) {
    CHECK_FALSE(text::is_chinese(other));
  }
}

TEST_CASE("ASCII is told from other bytes, wherever they stand", "[unicode]") {
  CHECK(text::is_ascii(""));
  CHECK(text::is_ascii("0123456789abcdefg"));
  for (std::size_t i = 0; i < 17; ++i) {
    std::string mixed = "0123456789abcdefg";
    mixed[i] = '\x80';
    CHECK_FALSE(text::is_ascii(mixed));
  }
}

TEST_CASE("normal forms", "[unicode]") {
  using text::NormalForm;
  CHECK(text::normal_form("e\xCC\x81", NormalForm::kNfc) == "\xC3\xA9");
  CHECK(text::normal_form("\xC3\xA9", NormalForm::kNfd) == "e\xCC\x81");
  CHECK(text::normal_form("\xEF\xAC\x81", NormalForm::kNfc) == "\xEF\xAC\x81");  // the ligature fi
  CHECK(text::normal_form("\xEF\xAC\x81", NormalForm::kNfkc) == "fi");
  CHECK(text::normal_form("\xC3\xA9", NormalForm::kNfkd) == "e\xCC\x81");
  // A dot above (class 230) before a dot below (220) changes places with it.
  CHECK(text::normal_form("q\xCC\x87\xCC\xA3", NormalForm::kNfd) == "q\xCC\xA3\xCC\x87");
  CHECK(text::normal_form("a\xFF", NormalForm::kNfc) == "a\xEF\xBF\xBD");  // no UTF-8
}

TEST_CASE("grapheme clusters", "[unicode]") {
  const std::string cluster = "e\xCC\x81";
  CHECK(text::end_of_grapheme(cluster + "x", 0) == 3);
  CHECK(text::end_of_grapheme("\r\nx", 0) == 2);
  CHECK(text::end_of_grapheme("ab", 0) == 1);
  CHECK(text::end_of_grapheme("ab", 1) == 2);
  CHECK(text::end_of_grapheme("e\xE1\xAB\xA1x", 0) == 4);  // U+1AE1, of Unicode 17
}

TEST_CASE("classes are the library's, whose tables are of other versions", "[unicode]") {
  CHECK(text::is_punctuation(0x2E42));        // of Unicode 7
  CHECK_FALSE(text::is_punctuation(0x2E43));  // of Unicode 9
  CHECK(text::is_nonspacing_mark(0x0301));
  CHECK_FALSE(text::is_nonspacing_mark(0x11A33));  // of Unicode 10
  CHECK_FALSE(text::is_mark(0x11A33));
  CHECK(text::is_word_character(0x11A33));
  CHECK(text::is_letter(0x13460));  // of Unicode 16
  CHECK(text::is_number(0x1CCF0));
  CHECK(text::in_categories(0x13460, text::category_set("L")));
  CHECK_FALSE(text::in_categories(0x13460, text::category_set("Cn")));
  CHECK(text::category_set("Lx") == 0);
  CHECK(text::is_chinese(0x2B820) == false);
}
