// Token ids from a folder are those of the tokenizer; a damaged file is made again.
#include "train/token_cache.h"

#include <chrono>

#include "base/file.h"
#include "catch.h"
#include "temporary_directory.h"
#include "text/wordpiece.h"

namespace reaugkd::train {
namespace {

namespace fs = std::filesystem;

text::WordPieceTokenizer tokenizer_of(const std::string& more) {
  return {"[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nb\nc\n" + more, {}, "vocab.txt"};
}

data::Dataset dataset(const std::vector<std::string>& texts) {
  data::Dataset rows;
  rows.path = "train.tsv";
  rows.sha256 = std::string(64, 'a');
  rows.text_a = texts;
  rows.labels.assign(texts.size(), 0);
  for (std::size_t i = 0; i < texts.size(); ++i) rows.rows.push_back(static_cast<long>(i));
  return rows;
}

void check_same(const text::EncodedDataset& some, const text::EncodedDataset& others) {
  REQUIRE(some.size() == others.size());
  CHECK(some.num_truncated() == others.num_truncated());
  for (std::int64_t i = 0; i < some.size(); ++i) {
    const auto a = some.input_ids(i);
    const auto b = others.input_ids(i);
    CHECK(std::equal(a.begin(), a.end(), b.begin(), b.end()));
    CHECK(some.first_segment_length(i) == others.first_segment_length(i));
    CHECK(some.truncated(i) == others.truncated(i));
  }
}

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  return files;
}

TEST_CASE("token ids are kept, and are those of the tokenizer", "[token_cache]") {
  const tests::TemporaryDirectory directory;
  const auto tokenizer = tokenizer_of("");
  const auto rows = dataset({"a b c", "", "c c c c c c c c c"});
  const auto expected = text::encode_dataset(tokenizer, rows.text_a, rows.text_b, 8, 1);
  for (int run = 0; run < 2; ++run) {
    check_same(encode_with_cache(directory.path(), tokenizer, rows, 8, 2), expected);
    CHECK(files_in(directory.path()).size() == 1);
  }
}

TEST_CASE("a second run reads the file of the first", "[token_cache]") {
  const tests::TemporaryDirectory directory;
  const auto tokenizer = tokenizer_of("");
  const auto rows = dataset({"a b c", "b"});
  encode_with_cache(directory.path(), tokenizer, rows, 8, 1);
  const auto path = files_in(directory.path()).at(0);
  const auto made = fs::last_write_time(path) - std::chrono::hours(1);
  fs::last_write_time(path, made);
  check_same(encode_with_cache(directory.path(), tokenizer, rows, 8, 1),
             text::encode_dataset(tokenizer, rows.text_a, rows.text_b, 8, 1));
  CHECK(fs::last_write_time(path) == made);
}

TEST_CASE("other texts, tokenizers and lengths have files of their own", "[token_cache]") {
  const tests::TemporaryDirectory directory;
  const auto rows = dataset({"a b c", "b d"});
  const auto tokenizer = tokenizer_of("");
  const auto check = [&](const text::Tokenizer& some, const data::Dataset& data,
                         std::int64_t length, std::size_t files) {
    check_same(encode_with_cache(directory.path(), some, data, length, 1),
               text::encode_dataset(some, data.text_a, data.text_b, length, 1));
    CHECK(files_in(directory.path()).size() == files);
  };
  check(tokenizer, rows, 8, 1);
  check(tokenizer, rows, 9, 2);
  check(tokenizer_of("d\n"), rows, 8, 3);
  check(tokenizer, rows.subset({1}), 8, 4);
  check(tokenizer, rows.subset({1, 0}), 8, 5);
  auto pairs = rows;  // of one file, other columns
  pairs.text_b = {"a", "c"};
  check(tokenizer, pairs, 8, 6);
  std::swap(pairs.text_a, pairs.text_b);
  check(tokenizer, pairs, 8, 7);
  check(tokenizer, dataset({"a b c", "b ", "d"}), 8, 8);
  check(tokenizer, dataset({"a b cb ", "d"}), 8, 9);
  auto other_file = rows;  // of the same texts
  other_file.sha256[0] = 'b';
  check(tokenizer, other_file, 8, 9);
}

TEST_CASE("many rows are in several files", "[token_cache]") {
  const tests::TemporaryDirectory directory;
  const auto tokenizer = tokenizer_of("");
  std::vector<std::string> texts;
  for (int i = 0; i < 16384 + 3; ++i) texts.push_back(std::string("a b c").substr(0, i % 6));
  const auto rows = dataset(texts);
  const auto expected = text::encode_dataset(tokenizer, rows.text_a, rows.text_b, 4, 1);
  const auto encoded = encode_with_cache(directory.path(), tokenizer, rows, 4, 2);
  CHECK(files_in(directory.path()).size() == 2);
  REQUIRE(encoded.size() == expected.size());
  CHECK(encoded.num_truncated() == expected.num_truncated());
  for (std::int64_t i = 0; i < encoded.size(); ++i) {
    const auto a = encoded.input_ids(i);
    const auto b = expected.input_ids(i);
    if (!std::equal(a.begin(), a.end(), b.begin(), b.end())) FAIL("row " << i);
  }
}

TEST_CASE("a damaged or half file of token ids is made again", "[token_cache]") {
  const tests::TemporaryDirectory directory;
  const auto tokenizer = tokenizer_of("");
  const auto rows = dataset({"a b c", "b"});
  encode_with_cache(directory.path(), tokenizer, rows, 8, 1);
  const auto path = files_in(directory.path()).at(0);
  const std::string bytes = base::read_file(path);
  const auto expected = text::encode_dataset(tokenizer, rows.text_a, rows.text_b, 8, 1);
  for (const std::size_t at : {bytes.size() - 1, bytes.size() - 20, bytes.size() / 2}) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    base::write_file(path, damaged);
    check_same(encode_with_cache(directory.path(), tokenizer, rows, 8, 1), expected);
    CHECK(base::read_file(path) == bytes);
    base::write_file(path, bytes.substr(0, at));
    check_same(encode_with_cache(directory.path(), tokenizer, rows, 8, 1), expected);
    CHECK(base::read_file(path) == bytes);
  }
}

}  // namespace
}  // namespace reaugkd::train
