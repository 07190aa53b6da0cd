#include "text/encoded_dataset.h"

#include "base/error.h"
#include "base/random.h"
#include "catch.h"
#include "text/wordpiece.h"

namespace base = reaugkd::base;
namespace text = reaugkd::text;
using text::encode_dataset;
using text::EncodedDataset;
using Ids = std::vector<std::int32_t>;
using Texts = std::vector<std::string>;

namespace {

constexpr int kPad = 0, kUnk = 1, kCls = 2, kSep = 3, kA = 4, kB = 14;  // a0 to a9, b0 to b9

const text::WordPieceTokenizer& tokenizer() {
  static const text::WordPieceTokenizer instance(
      "[PAD]\n[UNK]\n[CLS]\n[SEP]\na0\na1\na2\na3\na4\na5\na6\na7\na8\na9\n"
      "b0\nb1\nb2\nb3\nb4\nb5\nb6\nb7\nb8\nb9\n",
      {}, "vocab.txt");
  return instance;
}

// "a0 a1 a2" for ('a', 3).
std::string words(char letter, int count) {
  std::string result;
  for (int i = 0; i < count; ++i) {
    result += std::string(" ") + letter + std::to_string(i % 10);
  }
  return result;
}

Ids row_of(const EncodedDataset& dataset, std::int64_t row) {
  const auto ids = dataset.input_ids(row);
  return {ids.begin(), ids.end()};
}

EncodedDataset encode_pair(const std::string& a, const std::string& b, std::int64_t max_length) {
  return encode_dataset(tokenizer(), Texts{a}, Texts{b}, max_length, 1);
}

// Hugging Face's longest_first, as it is written: one token after the other.
std::pair<int, int> truncated(int first, int second, int capacity) {
  while (first + second > capacity) {
    --(first > second ? first : second);
  }
  return {first, second};
}

class Failing : public text::Tokenizer {
 public:
  Ids encode(std::string_view) const override { throw base::DataError("no such text"); }
  std::int64_t vocab_size() const override { return 4; }
  const text::SpecialTokens& special_tokens() const override { return special_; }
  std::int32_t token_id(const std::string&) const override { return -1; }
  void save(const std::filesystem::path&) const override {}

 private:
  text::SpecialTokens special_;
};

}  // namespace

TEST_CASE("one text is [CLS] a [SEP]", "[encoded_dataset]") {
  const EncodedDataset data =
      encode_dataset(tokenizer(), Texts{"a0 a1", "", "what a2"}, {}, 128, 1);
  REQUIRE(data.size() == 3);
  CHECK(row_of(data, 0) == Ids{kCls, kA, kA + 1, kSep});
  CHECK(row_of(data, 1) == Ids{kCls, kSep});
  CHECK(row_of(data, 2) == Ids{kCls, kUnk, kA + 2, kSep});
  CHECK(data.length(0) == 4);
  CHECK(data.first_segment_length(0) == 4);
  CHECK(data.first_segment_length(1) == 2);
  CHECK(data.num_truncated() == 0);
  CHECK(tokenizer().special_tokens().pad == kPad);
}

TEST_CASE("a pair is [CLS] a [SEP] b [SEP]", "[encoded_dataset]") {
  const EncodedDataset data =
      encode_dataset(tokenizer(), Texts{"a0", "", "a3"}, Texts{"b0 b1", "b2", ""}, 128, 1);
  REQUIRE(data.size() == 3);
  CHECK(row_of(data, 0) == Ids{kCls, kA, kSep, kB, kB + 1, kSep});
  CHECK(row_of(data, 1) == Ids{kCls, kSep, kB + 2, kSep});
  CHECK(row_of(data, 2) == Ids{kCls, kA + 3, kSep, kSep});
  CHECK(data.first_segment_length(0) == 3);
  CHECK(data.first_segment_length(1) == 2);
  CHECK(data.first_segment_length(2) == 3);
}

TEST_CASE("no rows make an empty data set", "[encoded_dataset]") {
  CHECK(encode_dataset(tokenizer(), {}, {}, 128, 4).size() == 0);
}

TEST_CASE("one text is cut at its end", "[encoded_dataset]") {
  const EncodedDataset data = encode_dataset(tokenizer(), Texts{words('a', 9), "a0 a1"}, {}, 4, 1);
  CHECK(row_of(data, 0) == Ids{kCls, kA, kA + 1, kSep});
  CHECK(row_of(data, 1) == Ids{kCls, kA, kA + 1, kSep});  // fits just so
  CHECK(data.num_truncated() == 1);
}

TEST_CASE("of a pair the longer text is cut, the second on a tie", "[encoded_dataset]") {
  // 3 and 3 tokens into 5 places.
  CHECK(row_of(encode_pair(words('a', 3), words('b', 3), 8), 0) ==
        Ids{kCls, kA, kA + 1, kA + 2, kSep, kB, kB + 1, kSep});
  CHECK(row_of(encode_pair(words('a', 6), words('b', 1), 8), 0) ==
        Ids{kCls, kA, kA + 1, kA + 2, kA + 3, kSep, kB, kSep});
  CHECK(row_of(encode_pair("a0", words('b', 6), 8), 0) ==
        Ids{kCls, kA, kSep, kB, kB + 1, kB + 2, kB + 3, kSep});
  CHECK(encode_pair(words('a', 3), words('b', 2), 8).num_truncated() == 0);
  CHECK(encode_pair(words('a', 3), words('b', 3), 8).num_truncated() == 1);
}

TEST_CASE("truncation equals taking one token after the other", "[encoded_dataset]") {
  for (int first = 0; first < 9; ++first) {
    for (int second = 0; second < 9; ++second) {
      for (int capacity = 1; capacity < 12; ++capacity) {
        INFO(first << " and " << second << " tokens into " << capacity);
        const EncodedDataset data =
            encode_pair(words('a', first), words('b', second), capacity + 3);
        const auto [kept_first, kept_second] = truncated(first, second, capacity);
        CHECK(data.first_segment_length(0) == kept_first + 2);
        CHECK(data.length(0) == kept_first + kept_second + 3);
      }
    }
  }
}

TEST_CASE("the number of threads does not change the result", "[encoded_dataset]") {
  base::Random random(7);
  Texts first(101);
  Texts second(101);
  for (std::size_t i = 0; i < first.size(); ++i) {
    first[i] = words('a', static_cast<int>(random.below(30)));
    second[i] = words('b', static_cast<int>(random.below(30)));
  }
  const EncodedDataset expected = encode_dataset(tokenizer(), first, second, 32, 1);
  CHECK(expected.num_truncated() > 0);
  CHECK(expected.num_truncated() < expected.size());
  for (const int threads : {2, 4, 1000}) {
    const EncodedDataset data = encode_dataset(tokenizer(), first, second, 32, threads);
    REQUIRE(data.size() == expected.size());
    CHECK(data.num_truncated() == expected.num_truncated());
    for (std::int64_t row = 0; row < data.size(); ++row) {
      CHECK(row_of(data, row) == row_of(expected, row));
      CHECK(data.first_segment_length(row) == expected.first_segment_length(row));
    }
  }
}

TEST_CASE("what cannot be encoded is an error, in any thread", "[encoded_dataset]") {
  CHECK_THROWS_AS(encode_dataset(Failing(), Texts(10), {}, 128, 4), base::DataError);
  CHECK_THROWS_AS(encode_dataset(tokenizer(), Texts(3), Texts(2), 128, 1), base::InternalError);
  CHECK_THROWS_AS(encode_dataset(tokenizer(), Texts(3), {}, 128, 0), base::InternalError);
  CHECK_THROWS_AS(encode_dataset(tokenizer(), Texts(3), {}, 2, 1), base::ConfigError);
  CHECK_THROWS_AS(encode_dataset(tokenizer(), Texts(3), Texts(3), 3, 1), base::ConfigError);
}
