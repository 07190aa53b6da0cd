#include "text/wordpiece.h"

#include <cstdlib>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "catch.h"

using namespace std::string_literals;
using reaugkd::base::ArtifactError;
using reaugkd::base::read_file;
using reaugkd::text::WordPieceOptions;
using reaugkd::text::WordPieceTokenizer;
using Ids = std::vector<std::int32_t>;

namespace {

const std::string kSpecial = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n";  // 0 to 3
const WordPieceOptions kCased = {.do_lower_case = false, .strip_accents = false};

std::string golden_path(const std::string& name) {
  return std::string(REAUGKD_SOURCE_DIR) + "/tests/golden/" + name;
}

// 'id<TAB>token' of some tokens, and fillers that no text can match for the other ids.
std::string published_vocab() {
  std::istringstream lines(read_file(golden_path("wordpiece_vocab.tsv")));
  std::string name;
  std::int64_t size = 0;
  lines >> name >> size;
  std::vector<std::string> tokens(static_cast<std::size_t>(size));
  std::int64_t id = 0;
  std::string token;
  while (lines >> id >> token) {
    tokens.at(static_cast<std::size_t>(id)) = token;
  }
  std::string vocab;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    vocab += tokens[i].empty() ? "[filler " + std::to_string(i) + "]" : tokens[i];
    vocab += '\n';
  }
  return vocab;
}

void check_golden(const WordPieceTokenizer& tokenizer) {
  CHECK(tokenizer.vocab_size() == 30522);
  std::istringstream rows(read_file(golden_path("wordpiece_uncased.tsv")));
  std::string row;
  std::getline(rows, row);  // the header
  int count = 0;
  for (; std::getline(rows, row); ++count) {
    const std::size_t tab = row.find('\t');
    std::string text = row.substr(0, tab);
    for (std::size_t at = text.find("\\t"); at != std::string::npos; at = text.find("\\t", at)) {
      text.replace(at, 2, "\t");
    }
    Ids expected;
    std::istringstream ids(row.substr(tab + 1));
    for (std::int32_t id = 0; ids >> id;) {
      expected.push_back(id);
    }
    INFO(text);
    CHECK(tokenizer.encode(text) == expected);
  }
  CHECK(count == 30);
}

}  // namespace

TEST_CASE("WordPiece equals the published tokenizer", "[wordpiece][golden]") {
  check_golden({published_vocab(), {}, "wordpiece_vocab.tsv"});
}

TEST_CASE("WordPiece equals the published tokenizer, whole vocabulary",
          "[.][needs_vocab][wordpiece][golden]") {
  const char* directory = std::getenv("MODEL_DIR");
  if (directory == nullptr || *directory == '\0') {
    WARN("skipped: MODEL_DIR does not name a directory with bert-base-uncased's vocab.txt");
    return;
  }
  check_golden({read_file(std::string(directory) + "/vocab.txt"), {}, "vocab.txt"});
}

TEST_CASE("the longest piece wins, and a rest without a piece makes the word unknown",
          "[wordpiece]") {
  const WordPieceTokenizer tokenizer(kSpecial + "un\nunaff\n##aff\n##able\n##a\n##b\nable\n", {},
                                     "v");
  CHECK(tokenizer.encode("").empty());
  CHECK(tokenizer.encode(" \t\n").empty());
  CHECK(tokenizer.encode("unaffable") == Ids{5, 7});  // unaff ##able, not un ##aff ##able
  CHECK(tokenizer.encode("unable able") == Ids{4, 7, 10});
  CHECK(tokenizer.encode("unab") == Ids{4, 8, 9});
  CHECK(tokenizer.encode("unabc un") == Ids{1, 4});  // all of the word, not its end alone
  CHECK(tokenizer.encode("affable") == Ids{1});      // ##aff cannot start a word
}

TEST_CASE("punctuation is split, special tokens in the text are text", "[wordpiece]") {
  const WordPieceTokenizer tokenizer(kSpecial + "a\n[\n]\nsep\n##sep\n#\n-\n", {}, "v");
  CHECK(tokenizer.encode("a-a") == Ids{4, 10, 4});
  CHECK(tokenizer.encode("[SEP]") == Ids{5, 7, 6});
  CHECK(tokenizer.encode("a##sep") == Ids{4, 9, 9, 7});
}

TEST_CASE("a word of more than 100 characters is unknown", "[wordpiece]") {
  const WordPieceTokenizer tokenizer(kSpecial + "a\n##a\n\xD0\xB0\n##\xD0\xB0\n", {}, "v");
  CHECK(tokenizer.encode(std::string(100, 'a')).size() == 100);
  CHECK(tokenizer.encode(std::string(101, 'a')) == Ids{1});
  std::string cyrillic;  // two bytes a character
  for (int i = 0; i < 100; ++i) {
    cyrillic += "\xD0\xB0";
  }
  CHECK(tokenizer.encode(cyrillic).size() == 100);
  CHECK(tokenizer.encode(cyrillic + "a") == Ids{1});
}

TEST_CASE("case and accents follow the options", "[wordpiece]") {
  const std::string vocab = kSpecial + "cafe\ncaf\xC3\xA9\nCaf\xC3\xA9\nCafe\n";
  const std::string text = "Caf\xC3\xA9 cafe";
  CHECK(WordPieceTokenizer(vocab, {}, "v").encode(text) == Ids{4, 4});
  CHECK(WordPieceTokenizer(vocab, {.strip_accents = false}, "v").encode(text) == Ids{5, 4});
  CHECK(WordPieceTokenizer(vocab, kCased, "v").encode(text) == Ids{6, 4});
  CHECK(WordPieceTokenizer(vocab, {.do_lower_case = false}, "v").encode(text) == Ids{7, 4});
}

TEST_CASE("Chinese characters are words of their own, unless told not to", "[wordpiece]") {
  const std::string vocab =
      kSpecial + "\xE5\x8C\x97\n##\xE4\xBA\xAC\n\xE4\xBA\xAC\na\n##\xE5\x8C\x97\n";
  const std::string text = "a\xE5\x8C\x97\xE4\xBA\xAC";
  CHECK(WordPieceTokenizer(vocab, {}, "v").encode(text) == Ids{7, 4, 6});
  CHECK(WordPieceTokenizer(vocab, {.tokenize_chinese_chars = false}, "v").encode(text) ==
        Ids{7, 8, 5});
}

TEST_CASE("control characters and bytes that are not UTF-8 are dropped", "[wordpiece]") {
  const WordPieceTokenizer tokenizer(kSpecial + "ab\na\n##b\nb\n", {}, "v");
  CHECK(tokenizer.encode("a\x07"
                         "b") == Ids{4});
  CHECK(tokenizer.encode("a\0b"s) == Ids{4});
  CHECK(tokenizer.encode("a\xE2\x80\x8B"
                         "b") == Ids{4});  // U+200B
  CHECK(tokenizer.encode("a\xEF\xBF\xBD"
                         "b") == Ids{4});  // U+FFFD
  CHECK(tokenizer.encode("a\xFF\xC3"
                         "b\xE5\x8C") == Ids{4});
  CHECK(tokenizer.encode("a\xC2\xA0"
                         "b\xE3\x80\x80"
                         "b") == Ids{5, 7, 7});  // wide spaces
}

TEST_CASE("an id is a line number, however the lines end", "[wordpiece]") {
  for (const std::string vocab :
       {"[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n\r\na\r\n", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n\na\n",
        "[PAD]\n[UNK]\n[CLS]\n[SEP]\n\na"}) {
    const WordPieceTokenizer tokenizer(vocab, {}, "v");
    CHECK(tokenizer.vocab_size() == 6);
    CHECK(tokenizer.encode("a") == Ids{5});
  }
  // Two blank lines are two ids, no duplicates.
  CHECK(WordPieceTokenizer(kSpecial + "\n\na\n", {}, "v").vocab_size() == 7);
  const WordPieceTokenizer moved("[SEP]\n[CLS]\n[UNK]\n[PAD]\n", {}, "v");
  CHECK(moved.special_tokens().sep == 0);
  CHECK(moved.special_tokens().cls == 1);
  CHECK(moved.special_tokens().unk == 2);
  CHECK(moved.special_tokens().pad == 3);
}

TEST_CASE("a vocabulary that is no vocabulary is refused", "[wordpiece]") {
  const auto load = [](const std::string& vocab) {
    WordPieceTokenizer(vocab, {}, "dir/vocab.txt");
  };
  CHECK_THROWS_AS(load(""), ArtifactError);
  for (const std::string missing : {"[PAD]", "[UNK]", "[CLS]", "[SEP]"}) {
    std::string vocab = kSpecial;
    vocab.erase(vocab.find(missing), missing.size() + 1);
    CHECK_THROWS_AS(load(vocab), ArtifactError);
    CHECK_THROWS_WITH(load(vocab), ContainsSubstring(missing + " is missing"));
  }
}

TEST_CASE("of a token on several lines the last one counts", "[wordpiece]") {
  CHECK(WordPieceTokenizer(kSpecial + "a\nb\na\n", {}, "v").encode("a b") == Ids{6, 5});
  CHECK(WordPieceTokenizer(kSpecial + "##a\na\n##a\n", {}, "v").encode("aa") == Ids{5, 6});
  CHECK(WordPieceTokenizer(kSpecial + "a\nb\na\n", {}, "v").vocab_size() == 7);
}

TEST_CASE("a byte order mark and blank lines at the end are no tokens", "[wordpiece]") {
  const WordPieceTokenizer tokenizer("\xEF\xBB\xBF" + kSpecial + "a\n\n", {}, "v");
  CHECK(tokenizer.special_tokens().pad == 0);
  CHECK(tokenizer.vocab_size() == 5);
  CHECK(tokenizer.encode("a") == Ids{4});
}

TEST_CASE("MPNet's vocabulary has its own names and two separators", "[wordpiece]") {
  const std::string vocab = "<s>\n<pad>\n</s>\n<unk>\na\n[UNK]\n<mask>\n";
  const WordPieceTokenizer tokenizer(vocab, {}, "v");
  CHECK(tokenizer.special_tokens().cls == 0);
  CHECK(tokenizer.special_tokens().pad == 1);
  CHECK(tokenizer.special_tokens().sep == 2);
  CHECK(tokenizer.special_tokens().unk == 5);
  CHECK(tokenizer.special_tokens().separators == 2);
  CHECK(tokenizer.encode("a z <s>").back() == 5);
  CHECK(tokenizer.encode("<s>") == Ids{5, 5, 5});
  CHECK(WordPieceTokenizer(vocab, {}, "v", {}, "BertTokenizer").special_tokens().separators == 1);
}

TEST_CASE("special tokens may have other names", "[wordpiece]") {
  const reaugkd::text::TokenNames names = {
      .pad = "<none>", .unk = "[UNK]", .cls = "<go>", .sep = {}, .mask = {}, .bos = {}, .eos = {}};
  const WordPieceTokenizer tokenizer("<go>\n<none>\n[SEP]\n[UNK]\n", {}, "v", names);
  CHECK(tokenizer.special_tokens().cls == 0);
  CHECK(tokenizer.special_tokens().pad == 1);
  CHECK(tokenizer.special_tokens().sep == 2);
  CHECK(tokenizer.special_tokens().separators == 1);
}
