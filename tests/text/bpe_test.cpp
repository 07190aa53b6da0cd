// Byte-level BPE against GPT-2's procedure in Python (tests/golden/bpe.py) and by hand.
#include "text/bpe.h"

#include <chrono>
#include <random>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "catch.h"
#include "temporary_directory.h"
#include "text/byte_level.h"
#include "text/encoded_dataset.h"
#include "text/unicode.h"

namespace base = reaugkd::base;
namespace text = reaugkd::text;
using reaugkd::tests::TemporaryDirectory;
using Ids = std::vector<std::int32_t>;
using Words = std::vector<std::string_view>;

namespace {

const std::filesystem::path kGolden =
    std::filesystem::path(REAUGKD_SOURCE_DIR) / "tests/golden/bpe";

text::BpeFiles golden_files() {
  return {base::read_file(kGolden / "vocab.json"), base::read_file(kGolden / "merges.txt")};
}

// Bytes a, b, c and the space (which is shown as U+0120); ab, then abc, then bc.
const std::string kVocab =
    R"({"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "a": 4, "b": 5, "c": 6, "Ġ": 7,
        "ab": 8, "abc": 9, "bc": 10, "Ġa": 11})";
const std::string kMerges = "#version: 0.2\na b\r\nab c\nb c\n\nĠ a\n";

text::BpeTokenizer by_hand(bool add_prefix_space = false) {
  return {text::BpeFiles{kVocab, kMerges, add_prefix_space}, "by hand"};
}

void refused(const std::string& vocab, const std::string& merges, const std::string& message) {
  CHECK_THROWS_AS(text::BpeTokenizer(text::BpeFiles{vocab, merges}, "here"), base::ArtifactError);
  CHECK_THROWS_WITH(text::BpeTokenizer(text::BpeFiles{vocab, merges}, "here"),
                    ContainsSubstring(message) && ContainsSubstring("here"));
}

std::string tokenizer_json(const base::Json& changes = base::Json::object()) {
  base::Json json = {
      {"normalizer", nullptr},
      {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
      {"model",
       {{"type", "BPE"},
        {"vocab", base::Json::parse(kVocab)},
        {"merges", base::Json::parse(R"(["a b", ["ab", "c"], "b c", ["Ġ", "a"]])")}}}};
  json.merge_patch(changes);
  return json.dump();
}

/// Three letters and 20 merges of what is there already.
text::BpeVocab random_vocab(std::minstd_rand& random) {
  text::BpeVocab vocab;
  std::vector<std::string> tokens = {"a", "b", "c"};
  for (int i = 0; i < 20; ++i) {
    const std::string left = tokens[random() % tokens.size()];
    const std::string right = tokens[random() % tokens.size()];
    vocab.merges.emplace_back(left, right);
    tokens.push_back(left + right);
  }
  for (const auto& token : tokens) {
    vocab.ids.emplace(token, static_cast<std::int32_t>(vocab.ids.size()));
  }
  return vocab;
}

/// The pair that comes first among the merges, the leftmost of several, again and again.
Ids merged_by_hand(const text::BpeVocab& vocab, const std::string& word) {
  std::vector<std::string> pieces;
  for (const char letter : word) pieces.emplace_back(1, letter);
  for (bool found = true; found;) {
    found = false;
    for (const auto& [left, right] : vocab.merges) {
      for (std::size_t i = 0; !found && i + 1 < pieces.size(); ++i) {
        if (pieces[i] != left || pieces[i + 1] != right) continue;
        pieces[i] += right;
        pieces.erase(pieces.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        found = true;
      }
      if (found) break;
    }
  }
  Ids ids;
  for (const auto& piece : pieces) ids.push_back(vocab.ids.at(piece));
  return ids;
}

}  // namespace

TEST_CASE("BPE equals GPT-2's procedure", "[bpe][golden]") {
  const text::BpeTokenizer tokenizer(golden_files(), "golden");
  std::istringstream lines(base::read_file(kGolden / "expected.jsonl"));
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const auto expected = base::Json::parse(line);
    const auto sentence = expected["text"].get<std::string>();
    INFO(line);
    const auto words = text::bpe_words(sentence);
    CHECK(std::vector<std::string>(words.begin(), words.end()) ==
          expected["words"].get<std::vector<std::string>>());
    CHECK(tokenizer.encode(sentence) == expected["ids"].get<Ids>());
  }
  CHECK(count >= 26);
}

TEST_CASE("BPE's words, by hand", "[bpe]") {
  CHECK(text::bpe_words("it's  12 ok?!\n") == Words{"it", "'s", " ", " 12", " ok", "?!", "\n"});
  CHECK(text::bpe_words("a \n\t b") == Words{"a", " \n\t", " b"});
  CHECK(text::bpe_words("a\t\tb") == Words{"a", "\t", "\t", "b"});
  CHECK(text::bpe_words("'S'll") == Words{"'", "S", "'ll"});
  CHECK(text::bpe_words("").empty());
}

TEST_CASE("BPE merges in the order of training", "[bpe]") {
  const auto tokenizer = by_hand();
  CHECK(tokenizer.encode("abc") == Ids{9});
  CHECK(tokenizer.encode("abcbc") == Ids{9, 10});
  CHECK(tokenizer.encode("aab") == Ids{4, 8});
  CHECK(tokenizer.encode("bca") == Ids{10, 4});
  CHECK(tokenizer.encode("a a") == Ids{4, 11});
  CHECK(tokenizer.encode("a ab") == Ids{4, 7, 8});  // "a b" was merged before the space
  CHECK(tokenizer.encode("xa") == Ids{3, 4});       // no such byte in the vocabulary
  CHECK(tokenizer.encode("a\xFF") == Ids{4, 3});    // no UTF-8
  CHECK(tokenizer.encode("").empty());
  CHECK(tokenizer.encode("<s>") == Ids{3, 3, 3});  // plain text
  CHECK(tokenizer.vocab_size() == 12);
  CHECK(by_hand(true).encode("a a") == Ids{11, 11});
  CHECK(by_hand(true).encode(" a") == Ids{11});
  CHECK(by_hand(true).encode("").empty());
}

TEST_CASE("a pair has two separators in RoBERTa", "[bpe]") {
  const auto tokenizer = by_hand();
  const std::vector<std::string> first = {"abc", "a"};
  const std::vector<std::string> second = {"bc", "abc a a a a a"};
  const auto data = text::encode_dataset(tokenizer, first, second, 8, 1);
  const auto row = [&](std::int64_t i) {
    return Ids(data.input_ids(i).begin(), data.input_ids(i).end());
  };
  CHECK(row(0) == Ids{0, 9, 2, 2, 10, 2});
  CHECK(row(1) == Ids{0, 4, 2, 2, 9, 11, 11, 2});
  CHECK(data.num_truncated() == 1);
  const auto single = text::encode_dataset(tokenizer, first, {}, 8, 1);
  CHECK(Ids(single.input_ids(0).begin(), single.input_ids(0).end()) == Ids{0, 9, 2});
  CHECK_THROWS_AS(text::encode_dataset(tokenizer, first, second, 4, 1), base::ConfigError);
}

TEST_CASE("BPE is loaded from its two files or from tokenizer.json, and saved", "[bpe]") {
  const TemporaryDirectory two;
  base::write_file(two.path() / "vocab.json", kVocab);
  CHECK(text::has_tokenizer(two.path()));
  CHECK_THROWS_AS(text::load_tokenizer(two.path()), base::IoError);
  base::write_file(two.path() / "merges.txt", kMerges);
  const TemporaryDirectory one;
  base::write_file(one.path() / "tokenizer.json", tokenizer_json());
  for (const auto& directory : {two.path(), one.path()}) {
    const auto loaded = text::load_tokenizer(directory);
    CHECK(loaded->encode("abc a") == Ids{9, 11});
    CHECK(loaded->special_tokens().pad == 1);
    CHECK(loaded->special_tokens().separators == 2);
    const TemporaryDirectory saved;
    loaded->save(saved.path());
    CHECK(text::load_tokenizer(saved.path())->encode("abc a") == Ids{9, 11});
    if (directory == two.path()) {
      CHECK(base::read_json(saved.path() / "vocab.json").size() == 12);
      CHECK(base::read_file(saved.path() / "merges.txt") == kMerges);
    } else {
      CHECK(base::read_file(saved.path() / "tokenizer.json") == tokenizer_json());
    }
  }
  base::write_file(two.path() / "tokenizer_config.json", R"({"add_prefix_space": true})");
  CHECK(text::load_tokenizer(two.path())->encode("a") == Ids{11});
  base::write_file(one.path() / "tokenizer.json",
                   tokenizer_json({{"pre_tokenizer", {{"add_prefix_space", true}}}}));
  CHECK(text::load_tokenizer(one.path())->encode("a") == Ids{11});
}

TEST_CASE("BPE files that are malformed are refused", "[bpe]") {
  refused("[1]", kMerges, "no JSON object");
  refused("{", kMerges, "no JSON object");
  refused(R"({"<s>": "x"})", kMerges, "the id of \"<s>\"");
  refused(R"({"<s>": -1})", kMerges, "the id of \"<s>\"");
  refused(R"({"<s>": 0, "<pad>": 1, "</s>": 2})", "", "<unk>");
  refused(kVocab, "#version\na b\nb a\n", "merges: number 2: \"b a\"");
  refused(kVocab, "a\n", "merges: number 1");
}

TEST_CASE("a long word takes no time", "[bpe]") {
  const auto tokenizer = by_hand();
  std::string word;
  for (int i = 0; i < 200'000; ++i) word += "abc";
  const auto start = std::chrono::steady_clock::now();
  CHECK(tokenizer.encode(word) == Ids(200'000, 9));
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  CHECK(seconds.count() < 30);  // in O(n^2), hours
}

TEST_CASE("few pieces and many are merged as one would by hand", "[bpe]") {
  std::minstd_rand random(7);
  for (int round = 0; round < 40; ++round) {
    const text::BpeVocab vocab = random_vocab(random);
    const text::BpeModel model(vocab);
    for (std::size_t size = 1; size < 60; ++size) {
      std::string word;
      while (word.size() < size) word += "abc"[random() % 3];
      Ids ids;
      model.append_pieces(word, ids);
      CHECK(ids == merged_by_hand(vocab, word));
    }
  }
}
