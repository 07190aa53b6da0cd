#include "text/added_tokens.h"

#include "base/error.h"
#include "base/file.h"
#include "catch.h"
#include "temporary_directory.h"
#include "text/tokenizer.h"

namespace base = reaugkd::base;
namespace text = reaugkd::text;
using reaugkd::tests::TemporaryDirectory;
using text::AddedToken;
using Ids = std::vector<std::int32_t>;

namespace {

AddedToken token(const std::string& content, std::int32_t id) {
  AddedToken made;
  made.content = content;
  made.id = id;
  return made;
}

// "[part]" for a text, the id for a token.
std::string parts(const std::vector<AddedToken>& tokens, const std::string& sentence) {
  std::vector<std::string> contents;
  for (const auto& one : tokens) contents.push_back(one.content);
  const text::AddedTokenFinder finder(tokens, contents, {});
  std::string found;
  finder.for_each_part(
      sentence,
      [&](std::string_view part, std::size_t begin) {
        CHECK(sentence.substr(begin, part.size()) == part);
        found += "[" + std::string(part) + "]";
      },
      [&](std::int32_t id) { found += std::to_string(id); });
  return found;
}

const std::string kWords = "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nb\nuser\n<\n>\n";

struct WordPieceDirectory {
  WordPieceDirectory() { base::write_file(path() / "vocab.txt", kWords); }
  void add(const char* file, const char* json) const { base::write_file(path() / file, json); }
  const std::filesystem::path& path() const { return directory.path(); }
  Ids encode(const std::string& sentence) const {
    return text::load_tokenizer(path())->encode(sentence);
  }
  TemporaryDirectory directory;
};

}  // namespace

TEST_CASE("added tokens are found, the leftmost and longest", "[added_tokens]") {
  const std::vector<AddedToken> tokens = {token("<u", 1), token("<url>", 2), token("x", 3)};
  CHECK(parts(tokens, "") == "");
  CHECK(parts(tokens, "abc") == "[abc]");
  CHECK(parts(tokens, "<url>") == "2");
  CHECK(parts(tokens, "a <url>b <us x") == "[a ]2[b ]1[s ]3");
  CHECK(parts(tokens, "<ur") == "1[r]");
  CHECK(parts({}, "abc") == "[abc]");
}

TEST_CASE("added tokens take white space if told to", "[added_tokens]") {
  auto left = token("L", 1);
  left.lstrip = true;
  auto right = token("R", 2);
  right.rstrip = true;
  CHECK(parts({left, right}, "a  Lb") == "[a]1[b]");
  CHECK(parts({left, right}, "  L") == "1");
  CHECK(parts({left, right}, "aR \xC2\xA0 b R") == "[a]2[b ]2");
  CHECK(parts({left, right}, "R  L") == "21");  // the space is R's
}

TEST_CASE("an added token can be asked to stand alone", "[added_tokens]") {
  auto alone = token("USER", 1);
  alone.single_word = true;
  CHECK(parts({alone}, "USER") == "1");
  CHECK(parts({alone}, "aUSER USERb USER_") == "[aUSER USERb USER_]");
  CHECK(parts({alone}, "(USER) \xC3\xA9USER") == "[(]1[) \xC3\xA9USER]");
}

TEST_CASE("frame tokens are passed over, with their text", "[added_tokens]") {
  CHECK(parts({token("[SEP]", 3), token("x", 4)}, "a[SEP]x") == "[a[SEP]]4");
  CHECK(parts({token("[SEP]", 3), token("P]", 4)}, "[SEP] P]") == "[[SEP] ]4");
}

TEST_CASE("added tokens of tokenizer_config.json are found and saved", "[added_tokens]") {
  const WordPieceDirectory directory;
  CHECK(directory.encode("<user> a") == Ids{7, 6, 8, 4});
  directory.add("tokenizer_config.json", R"({"added_tokens_decoder": {
      "3": {"content": "[SEP]", "special": true, "normalized": false},
      "9": {"content": "<User>", "special": false, "normalized": true},
      "12": {"content": "<URL>", "special": false, "normalized": false, "single_word": true}}})");
  CHECK(directory.encode("<USER> a<URL> b [SEP]") == Ids{9, 4, 7, 1, 8, 5, 1, 1, 1});
  CHECK(directory.encode("<URL> <url>") == Ids{12, 7, 1, 8});  // not normalized: case counts
  const auto tokenizer = text::load_tokenizer(directory.path());
  CHECK(tokenizer->vocab_size() == 13);
  CHECK(tokenizer->token_id("<URL>") == 12);
  CHECK(tokenizer->token_id("a") == 4);
  CHECK(tokenizer->special_tokens().sep == 3);
  const TemporaryDirectory saved;
  tokenizer->save(saved.path());
  const auto again = text::load_tokenizer(saved.path());
  CHECK(again->vocab_size() == 13);
  for (const char* sentence : {"<USER> a<URL> b [SEP]", "<URL> <url>", "", "a"}) {
    CHECK(again->encode(sentence) == tokenizer->encode(sentence));
  }
}

TEST_CASE("added_tokens.json and special_tokens_map.json add tokens too", "[added_tokens]") {
  const WordPieceDirectory directory;
  directory.add("added_tokens.json", R"({"<user>": 9, "[SEP]": 3})");
  directory.add("special_tokens_map.json",
                R"({"cls_token": {"content": "[CLS]", "lstrip": false, "normalized": false},
                    "additional_special_tokens": ["<one>", {"content": "<two>"}, "a"]})");
  CHECK(directory.encode("<user> <one><two> a [SEP]") == Ids{9, 10, 11, 4, 1, 1, 1});
}

TEST_CASE("files of added tokens that are malformed are refused", "[added_tokens]") {
  const auto refused = [](const char* file, const char* json, const char* message) {
    const WordPieceDirectory directory;
    directory.add(file, json);
    CHECK_THROWS_AS(text::load_tokenizer(directory.path()), base::ArtifactError);
    CHECK_THROWS_WITH(text::load_tokenizer(directory.path()),
                      ContainsSubstring(message) && ContainsSubstring(file));
  };
  refused("added_tokens.json", R"({"x": -1})", "expected a token's id");
  refused("added_tokens.json", R"({"x": "9"})", "expected a token's id");
  refused("added_tokens.json", "[]", "");
  refused("tokenizer_config.json", R"({"added_tokens_decoder": {"x": {"content": "y"}}})",
          "expected a token's id");
  refused("tokenizer_config.json", R"({"added_tokens_decoder": {"9": "y"}})",
          "expected an object with a \"content\"");
  refused("tokenizer_config.json", R"({"cls_token": 3})", "cls_token: found 3, expected a token");
  refused("special_tokens_map.json", R"({"additional_special_tokens": [1]})",
          "additional_special_tokens");
}
