#include "text/tokenizer.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "catch.h"
#include "temporary_directory.h"
#include "text/sentencepiece.h"
#include "text/wordpiece.h"

namespace base = reaugkd::base;
namespace text = reaugkd::text;
using reaugkd::tests::TemporaryDirectory;
using Ids = std::vector<std::int32_t>;

namespace {

const std::string kVocab =
    "[PAD]\r\n[UNK]\n[CLS]\n[SEP]\ncafe\ncaf\xC3\xA9\nCaf\xC3\xA9\nCafe\n\xE5\x8C\x97\n\n##"
    "\xE5\x8C\x97";
const std::string kCafe = "Caf\xC3\xA9";

// The ids of kCafe with a tokenizer_config.json of these bytes.
Ids cafe_with(const std::string& config) {
  const TemporaryDirectory directory;
  base::write_file(directory.path() / "vocab.txt", kVocab);
  base::write_file(directory.path() / "tokenizer_config.json", config);
  return text::load_tokenizer(directory.path())->encode(kCafe);
}

}  // namespace

TEST_CASE("a directory has a tokenizer if it has a vocabulary", "[tokenizer]") {
  const TemporaryDirectory directory;
  CHECK_FALSE(text::has_tokenizer(directory.path()));
  CHECK_FALSE(text::has_tokenizer(directory.path() / "none"));
  CHECK_THROWS_AS(text::load_tokenizer(directory.path()), base::ArtifactError);
  CHECK_THROWS_WITH(text::load_tokenizer(directory.path()), ContainsSubstring("vocab.txt"));
  base::write_file(directory.path() / "spiece.model", "no model");
  CHECK(text::has_tokenizer(directory.path()));
  CHECK_THROWS_AS(text::load_tokenizer(directory.path()), base::ArtifactError);
  base::write_file(directory.path() / "vocab.txt", kVocab);
  CHECK(text::load_tokenizer(directory.path())->vocab_size() == 11);  // vocab.txt comes first
}

TEST_CASE("tokenizer_config.json is optional, and so is each of its keys", "[tokenizer]") {
  const TemporaryDirectory directory;
  base::write_file(directory.path() / "vocab.txt", kVocab);
  CHECK(text::load_tokenizer(directory.path())->encode(kCafe) == Ids{4});
  CHECK(cafe_with("{}") == Ids{4});
  CHECK(cafe_with(R"({"do_lower_case": true, "strip_accents": null})") == Ids{4});
  CHECK(cafe_with(R"({"do_lower_case": false})") == Ids{6});
  CHECK(cafe_with(R"({"do_lower_case": false, "strip_accents": null})") == Ids{6});
  CHECK(cafe_with(R"({"do_lower_case": false, "strip_accents": true})") == Ids{7});
  CHECK(cafe_with(R"({"strip_accents": false, "model_max_length": 512})") == Ids{5});
}

TEST_CASE("tokenizer_config.json that is malformed is refused", "[tokenizer]") {
  CHECK_THROWS_AS(cafe_with("{"), base::ArtifactError);
  CHECK_THROWS_AS(cafe_with("[1]"), base::ArtifactError);
  CHECK_THROWS_AS(cafe_with(R"({"do_lower_case": "yes"})"), base::ArtifactError);
  CHECK_THROWS_WITH(cafe_with(R"({"do_lower_case": "yes"})"), ContainsSubstring("do_lower_case"));
}

TEST_CASE("a WordPiece tokenizer is saved and loaded", "[tokenizer]") {
  for (const bool do_lower_case : {true, false}) {
    for (const bool strip_accents : {true, false}) {
      for (const bool chinese : {true, false}) {
        const TemporaryDirectory directory;
        const text::WordPieceTokenizer saved(kVocab, {do_lower_case, strip_accents, chinese}, "v");
        saved.save(directory.path());
        CHECK(base::read_file(directory.path() / "vocab.txt") == kVocab);
        const auto loaded = text::load_tokenizer(directory.path());
        CHECK(loaded->vocab_size() == saved.vocab_size());
        for (const std::string& sentence : {kCafe, "cafe\xE5\x8C\x97" + kCafe}) {
          CHECK(loaded->encode(sentence) == saved.encode(sentence));
        }
        const base::Json config = base::read_json(directory.path() / "tokenizer_config.json");
        CHECK_FALSE(config.contains("tokenizer_class"));  // config.json's model_type decides
      }
    }
  }
}

TEST_CASE("a sentencepiece tokenizer is saved and loaded", "[.][needs_sentencepiece]") {
  if (!text::sentencepiece_available()) {
    WARN("skipped: built without sentencepiece");
    return;
  }
  const std::vector<std::string> texts(20, "a small Text for a small Model");
  const std::string model = text::train_sentencepiece(texts, 19, false);
  for (const bool do_lower_case : {true, false}) {
    const TemporaryDirectory directory;
    const text::SentencePieceTokenizer saved(model, do_lower_case, "spiece.model");
    saved.save(directory.path());
    CHECK(base::read_file(directory.path() / "spiece.model") == model);
    const auto loaded = text::load_tokenizer(directory.path());
    CHECK(loaded->vocab_size() == 19);
    CHECK(loaded->special_tokens().sep == 3);
    CHECK(loaded->encode("a Model") == saved.encode("a Model"));
    CHECK((loaded->encode("a Model") == loaded->encode("a model")) == do_lower_case);
    const base::Json config = base::read_json(directory.path() / "tokenizer_config.json");
    CHECK(config.at("tokenizer_class") == "AlbertTokenizer");
    CHECK(loaded->encode("sm\xC3\xA1ll") != loaded->encode("small"));  // told to keep accents
    base::write_file(directory.path() / "tokenizer_config.json", "{}");
    CHECK(text::load_tokenizer(directory.path())->encode("sm\xC3\xA1ll") ==
          loaded->encode("small"));
  }
}

TEST_CASE("a tokenizer that cannot be written says so", "[tokenizer]") {
  const TemporaryDirectory directory;
  const text::WordPieceTokenizer tokenizer(kVocab, {}, "v");
  CHECK_THROWS_AS(tokenizer.save(directory.path() / "none"), base::IoError);
}
