#include "text/trie.h"

#include "catch.h"
#include "text/word_cache.h"

namespace text = reaugkd::text;
using Ids = std::vector<std::int32_t>;

namespace {

// The word's length, then each of its bytes; counts its calls.
class Spelling : public text::SubwordModel {
 public:
  void append_pieces(std::string_view word, Ids& ids) const override {
    ++calls;
    ids.push_back(static_cast<std::int32_t>(word.size()));
    for (const char byte : word) ids.push_back(byte);
  }
  mutable int calls = 0;
};

}  // namespace

TEST_CASE("a trie finds every entry that a text begins with", "[trie]") {
  const text::Trie trie({{"a", 0}, {"abc", 1}, {"b", 2}, {"\xFF", 3}, {"", 4}, {"abd", 5}});
  const auto all = [&](const std::string& text) {
    std::vector<std::pair<std::size_t, std::int32_t>> found;
    trie.for_each_prefix(
        text, [&](std::size_t size, std::int32_t value) { found.emplace_back(size, value); });
    return found;
  };
  CHECK(all("abcd") == std::vector<std::pair<std::size_t, std::int32_t>>{{1, 0}, {3, 1}});
  CHECK(all("ab") == std::vector<std::pair<std::size_t, std::int32_t>>{{1, 0}});
  CHECK(all("\xFFz") == std::vector<std::pair<std::size_t, std::int32_t>>{{1, 3}});
  CHECK(all("").empty());
  CHECK(all("c").empty());
  CHECK(trie.longest_prefix("abdx").size == 3);
  CHECK(trie.longest_prefix("abdx").value == 5);
  CHECK(trie.longest_prefix("x").size == 0);
  CHECK(trie.begins('a'));
  CHECK_FALSE(trie.begins('c'));
  CHECK(text::Trie().longest_prefix("a").size == 0);
  CHECK(text::Trie({{"a", 1}, {"a", 2}}).longest_prefix("a").value == 2);
}

TEST_CASE("a trie finds each of many children", "[trie]") {
  std::vector<text::Trie::Entry> entries;
  for (int byte = 0; byte < 256; ++byte) {
    entries.emplace_back(std::string("x") + static_cast<char>(byte), byte);
  }
  const text::Trie trie(entries);
  for (int byte = 0; byte < 256; ++byte) {
    CHECK(trie.longest_prefix(std::string("x") + static_cast<char>(byte)).value == byte);
  }
}

TEST_CASE("a word cache answers as the model does, and asks it once", "[word_cache]") {
  const Spelling model;
  text::WordCache cache;
  Ids ids;
  for (int i = 0; i < 3; ++i) cache.append_pieces(model, "word", ids);
  CHECK(model.calls == 1);
  CHECK(ids == Ids{4, 'w', 'o', 'r', 'd', 4, 'w', 'o', 'r', 'd', 4, 'w', 'o', 'r', 'd'});
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 200'000; ++i) {  // more than it holds
      const std::string word = std::to_string(i * 7919);
      Ids expected;
      model.append_pieces(word, expected);
      Ids found;
      cache.append_pieces(model, word, found);
      if (found != expected) FAIL(word);
    }
  }
  const std::string long_word(1000, 'x');
  Ids found;
  cache.append_pieces(model, long_word, found);
  CHECK(found.size() == 1001);
}
