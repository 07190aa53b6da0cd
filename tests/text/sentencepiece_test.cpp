#include "text/sentencepiece.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "catch.h"
#include "temporary_directory.h"
#include "text/encoded_dataset.h"
#include "text/unicode.h"

namespace base = reaugkd::base;
namespace text = reaugkd::text;
using reaugkd::tests::TemporaryDirectory;
using text::SentencePieceTokenizer;
using text::train_sentencepiece;
using Ids = std::vector<std::int32_t>;

namespace {

constexpr std::int64_t kVocabSize = 45;

std::vector<std::string> corpus() {
  std::vector<std::string> texts;
  for (const char* subject : {"the student", "a teacher", "the knowledge base", "one neighbor"}) {
    for (const char* verb : {"is smaller than", "retrieves", "learns from", "distills"}) {
      for (const char* object : {"its teacher", "the embedding", "a soft label", "many texts"}) {
        texts.push_back(std::string(subject) + " " + verb + " " + object + ".");
      }
    }
  }
  return texts;
}

const std::string& model() {
  static const std::string bytes = train_sentencepiece(corpus(), kVocabSize, true);
  return bytes;
}

// A field of a protobuf message: bytes, or a number of up to seven bits.
std::string field(int number, const std::string& bytes) {
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(bytes.size())} + bytes;
}
std::string field(int number, char value) {
  return {static_cast<char>(number << 3), value};
}

// A piece with a score of -1 or, for special ones, 0; `type` is 1 normal, 2 unknown, 3 control.
std::string piece(const std::string& text, char type) {
  const std::string score = type == 1 ? std::string("\0\0\x80\xBF", 4) : std::string(4, '\0');
  return field(1, field(1, text) + "\x15" + score + field(3, type));
}

// A unigram model as XLM-R's are laid out: <unk>, <s>, </s>, then a, b and the mark of a space.
std::string xlm_roberta_model(const std::string& first = "<unk>",
                              const std::string& second = "<s>") {
  const auto special = [](const std::string& text) { return piece(text, text == "<unk>" ? 2 : 3); };
  return special(first) + special(second) + special("</s>") + piece("a", 1) + piece("b", 1) +
         piece("\xE2\x96\x81", 1) + field(2, field(3, 1)) + field(3, field(1, "identity"));
}

}  // namespace

TEST_CASE("XLM-R's ids are fairseq's", "[.][needs_sentencepiece]") {
  if (!text::sentencepiece_available()) {
    WARN("skipped: built without sentencepiece");
    return;
  }
  const text::XlmRobertaTokenizer tokenizer(xlm_roberta_model(), "m");
  CHECK(tokenizer.vocab_size() == 8);  // the 6 pieces, <pad> and <mask>
  CHECK(tokenizer.encode("ab a") == Ids{6, 4, 5, 6, 4});
  CHECK(tokenizer.encode("aZ") == Ids{6, 4, 3});  // <unk>
  CHECK(tokenizer.encode("").empty());
  const std::vector<std::string> first = {"a"};
  const std::vector<std::string> second = {"b"};
  const auto pair = text::encode_dataset(tokenizer, first, second, 16, 1);
  CHECK(Ids(pair.input_ids(0).begin(), pair.input_ids(0).end()) == Ids{0, 6, 4, 2, 2, 6, 5, 2});
  CHECK(tokenizer.special_tokens().pad == 1);

  const TemporaryDirectory directory;
  tokenizer.save(directory.path());
  CHECK(text::load_tokenizer(directory.path())->encode("ab a") == tokenizer.encode("ab a"));
  CHECK_THROWS_WITH(text::XlmRobertaTokenizer(xlm_roberta_model("<s>", "<unk>"), "m"),
                    ContainsSubstring("in XLM-R's models it is 0"));
  CHECK_THROWS_AS(text::XlmRobertaTokenizer(model(), "m"), base::ArtifactError);
}

TEST_CASE("ALBERT's quotes are one character", "[.][needs_sentencepiece]") {
  if (!text::sentencepiece_available()) {
    WARN("skipped: built without sentencepiece");
    return;
  }
  std::vector<std::string> texts = corpus();
  texts.emplace_back("\"the student\"");
  const std::string quoting = train_sentencepiece(texts, kVocabSize + 1, true);
  const SentencePieceTokenizer tokenizer(quoting, true, "m");
  CHECK(tokenizer.encode("``the student''") == tokenizer.encode("\"the student\""));
}

TEST_CASE("a build without sentencepiece says so", "[.][needs_no_sentencepiece]") {
  if (text::sentencepiece_available()) {
    WARN("skipped: built with sentencepiece");
    return;
  }
  CHECK_THROWS_AS(SentencePieceTokenizer("model", true, "m"), base::ArtifactError);
  CHECK_THROWS_WITH(SentencePieceTokenizer("model", true, "m"),
                    ContainsSubstring("built without sentencepiece"));
  CHECK_THROWS_AS(train_sentencepiece({"a"}, 10, true), base::ConfigError);
}

TEST_CASE("a trained sentencepiece model encodes texts", "[.][needs_sentencepiece]") {
  if (!text::sentencepiece_available()) {
    WARN("skipped: built without sentencepiece");
    return;
  }
  const SentencePieceTokenizer tokenizer(model(), true, "spiece.model");
  CHECK(tokenizer.vocab_size() == kVocabSize);
  CHECK(tokenizer.special_tokens().pad == 0);
  CHECK(tokenizer.special_tokens().unk == 1);
  CHECK(tokenizer.special_tokens().cls == 2);
  CHECK(tokenizer.special_tokens().sep == 3);
  CHECK(tokenizer.encode("").empty());
  std::set<Ids> distinct;
  for (const std::string& sentence : corpus()) {
    const Ids ids = tokenizer.encode(sentence);
    CHECK(ids.size() > 3);
    CHECK(ids.size() < sentence.size());
    CHECK(*std::min_element(ids.begin(), ids.end()) > 4);  // 4 is [MASK]: all is known
    CHECK(*std::max_element(ids.begin(), ids.end()) < kVocabSize);
    distinct.insert(ids);
  }
  CHECK(distinct.size() == corpus().size());
  CHECK(tokenizer.encode("The STUDENT") == tokenizer.encode("the student"));
  CHECK(tokenizer.encode("  the   student ") == tokenizer.encode("the student"));
  // What looks like a special token is text; [MASK] is not known, character by character.
  for (const std::int32_t id : tokenizer.encode("the [SEP] student [CLS]")) {
    CHECK((id == 1 || id > 4));
  }
  const Ids unknown = tokenizer.encode("\xE5\x8C\x97");
  CHECK(std::count(unknown.begin(), unknown.end(), 1) == 1);
}

TEST_CASE("sentencepiece takes any bytes", "[.][needs_sentencepiece]") {
  if (!text::sentencepiece_available()) {
    WARN("skipped: built without sentencepiece");
    return;
  }
  for (const bool do_lower_case : {true, false}) {
    const SentencePieceTokenizer tokenizer(model(), do_lower_case, "spiece.model");
    CHECK_FALSE(tokenizer.encode("student \xFF\xC3 \xE5\x8C").empty());
    CHECK_FALSE(tokenizer.encode(std::string("a\0b", 3)).empty());
    CHECK(tokenizer.encode(std::string(100'000, 'a')).size() > 1000);
    // U+33C2, three bytes, is normalised to "a.m.": more ids than bytes.
    std::string squeezed;
    std::string written_out;
    for (int i = 0; i < 50; ++i) {
      squeezed += "\xE3\x8F\x82";
      written_out += "a.m.";
    }
    CHECK(tokenizer.encode(squeezed).size() > squeezed.size() + 8);
    CHECK(tokenizer.encode(squeezed) == tokenizer.encode(written_out));
  }
  const SentencePieceTokenizer cased(model(), false, "spiece.model");
  CHECK(cased.encode("The") != cased.encode("the"));
}

TEST_CASE("sentencepiece may be used from several threads", "[.][needs_sentencepiece]") {
  if (!text::sentencepiece_available()) {
    WARN("skipped: built without sentencepiece");
    return;
  }
  const SentencePieceTokenizer tokenizer(model(), true, "spiece.model");
  std::vector<std::string> texts;
  for (int i = 0; i < 50; ++i) {
    const std::vector<std::string> more = corpus();
    texts.insert(texts.end(), more.begin(), more.end());
  }
  const auto expected = text::encode_dataset(tokenizer, texts, {}, 16, 1);
  const auto data = text::encode_dataset(tokenizer, texts, {}, 16, 8);
  REQUIRE(data.size() == expected.size());
  bool equal = true;
  for (std::int64_t row = 0; row < data.size(); ++row) {
    equal = equal && std::ranges::equal(data.input_ids(row), expected.input_ids(row));
  }
  CHECK(equal);
}

TEST_CASE("training sentencepiece twice gives the same bytes", "[.][needs_sentencepiece]") {
  if (!text::sentencepiece_available()) {
    WARN("skipped: built without sentencepiece");
    return;
  }
  CHECK(train_sentencepiece(corpus(), kVocabSize, true) == model());
  std::vector<std::string> shouted = corpus();
  for (std::string& sentence : shouted) {
    sentence[0] = static_cast<char>(sentence[0] - 'a' + 'A');
  }
  CHECK(train_sentencepiece(shouted, kVocabSize, true) == model());
  CHECK(train_sentencepiece(shouted, kVocabSize, false) != model());
  // The library would pass over texts with U+2585.
  std::vector<std::string> marked = corpus();
  for (std::string& sentence : marked) {
    sentence.replace(sentence.find(' '), 1, "\xE2\x96\x85");
  }
  CHECK(train_sentencepiece(marked, kVocabSize, true) == model());
}

TEST_CASE("no text is too long to be trained on", "[.][needs_sentencepiece]") {
  if (!text::sentencepiece_available()) {
    WARN("skipped: built without sentencepiece");
    return;
  }
  std::string joined;  // the library's own limit is 4,192 bytes
  for (int i = 0; i < 4; ++i) {
    for (const std::string& sentence : corpus()) {
      joined += sentence + " ";
    }
  }
  REQUIRE(joined.size() > 8192);
  const SentencePieceTokenizer tokenizer(train_sentencepiece({joined}, kVocabSize, true), true,
                                         "m");
  CHECK(tokenizer.vocab_size() == kVocabSize);
}

TEST_CASE("texts that cannot fill the vocabulary are refused", "[.][needs_sentencepiece]") {
  if (!text::sentencepiece_available()) {
    WARN("skipped: built without sentencepiece");
    return;
  }
  CHECK_THROWS_AS(train_sentencepiece(corpus(), 30000, true), base::DataError);
  std::int64_t largest = 0;
  try {
    train_sentencepiece(corpus(), 30000, true);
  } catch (const base::DataError& error) {
    const std::string message = error.what();
    const std::string lead = "the largest that fits is ";
    REQUIRE(message.find(lead) != std::string::npos);
    largest = std::stoll(message.substr(message.find(lead) + lead.size()));
  }
  CHECK(SentencePieceTokenizer(train_sentencepiece(corpus(), largest, true), true, "m")
            .vocab_size() == largest);
  CHECK_THROWS_AS(train_sentencepiece(corpus(), largest + 1, true), base::DataError);
  CHECK_THROWS_AS(train_sentencepiece(corpus(), 10, true), base::DataError);
  CHECK_THROWS_AS(train_sentencepiece(corpus(), 0, true), base::DataError);
  CHECK_THROWS_AS(train_sentencepiece({}, 60, true), base::DataError);
  // Nothing is left of these; the library would end the process.
  CHECK_THROWS_AS(train_sentencepiece({"", "  \t\n", "\xE2\x96\x81", "\xE2\x96\x85", "\xFF\xC3",
                                       "\xEF\xBB\xBF", "\xE2\x80\x8B", "\x01\x7F"},
                                      60, true),
                  base::DataError);
}

TEST_CASE("bytes that are no sentencepiece model are refused", "[.][needs_sentencepiece]") {
  if (!text::sentencepiece_available()) {
    WARN("skipped: built without sentencepiece");
    return;
  }
  const auto load = [](const std::string& bytes) {
    SentencePieceTokenizer(bytes, true, "dir/spiece.model");
  };
  CHECK_THROWS_AS(load(""), base::ArtifactError);
  CHECK_THROWS_AS(load("not a model"), base::ArtifactError);
  CHECK_THROWS_WITH(load("not a model"), ContainsSubstring("dir/spiece.model"));
  CHECK_THROWS_AS(load(model().substr(0, model().size() / 2)), base::ArtifactError);
  CHECK_THROWS_AS(load(std::string(1000, '\xFF')), base::ArtifactError);
  for (const std::string piece : {"<pad>", "[CLS]", "[SEP]"}) {
    std::string other = model();
    const std::size_t at = other.find(piece);
    REQUIRE(at != std::string::npos);
    other[at + 1] = 'x';
    CHECK_THROWS_AS(load(other), base::ArtifactError);
    CHECK_THROWS_WITH(load(other), ContainsSubstring(piece + " is missing"));
  }
}

TEST_CASE("DeBERTa's spm.model keeps its ids and has a mask after them",
          "[.][needs_sentencepiece]") {
  if (!text::sentencepiece_available()) {
    WARN("skipped: built without sentencepiece");
    return;
  }
  const std::string model = piece("[PAD]", 3) + piece("[CLS]", 3) + piece("[SEP]", 3) +
                            piece("[UNK]", 2) + piece("a", 1) + piece("b", 1) +
                            piece("\xE2\x96\x81", 1) + field(2, field(3, 1)) +
                            field(3, field(1, "identity"));
  const TemporaryDirectory directory;
  base::write_file(directory.path() / "spm.model", model);
  CHECK(text::has_tokenizer(directory.path()));
  const auto tokenizer = text::load_tokenizer(directory.path());
  CHECK(tokenizer->encode("ab A") == Ids{6, 4, 5, 6, 3});
  CHECK(tokenizer->vocab_size() == 8);
  CHECK(tokenizer->token_id("[MASK]") == 7);
  CHECK(tokenizer->token_id("b") == 5);
  CHECK(tokenizer->special_tokens().pad == 0);
  CHECK(tokenizer->special_tokens().cls == 1);
  CHECK(tokenizer->special_tokens().sep == 2);
  CHECK(tokenizer->special_tokens().separators == 1);
  base::write_file(directory.path() / "tokenizer_config.json", R"({"do_lower_case": true})");
  const auto lower = text::load_tokenizer(directory.path());
  CHECK(lower->encode("ab A") == Ids{6, 4, 5, 6, 4});
  const TemporaryDirectory saved;
  lower->save(saved.path());
  CHECK(base::read_file(saved.path() / "spm.model") == model);
  CHECK(text::load_tokenizer(saved.path())->encode("ab A") == Ids{6, 4, 5, 6, 4});
  base::write_file(directory.path() / "spm.model", xlm_roberta_model());
  CHECK_THROWS_WITH(text::load_tokenizer(directory.path()),
                    ContainsSubstring("DeBERTa's special tokens"));
}

TEST_CASE("added tokens stand beside a sentencepiece model", "[.][needs_sentencepiece]") {
  if (!text::sentencepiece_available()) {
    WARN("skipped: built without sentencepiece");
    return;
  }
  const TemporaryDirectory directory;
  base::write_file(directory.path() / "sentencepiece.bpe.model", xlm_roberta_model());
  base::write_file(directory.path() / "added_tokens.json", R"({"<url>": 8, "<mask>": 7})");
  const auto tokenizer = text::load_tokenizer(directory.path());
  CHECK(tokenizer->vocab_size() == 9);
  CHECK(tokenizer->token_id("<mask>") == 7);
  CHECK(tokenizer->token_id("a") == 4);
  const Ids ids = tokenizer->encode("a<url>b <mask>");
  CHECK(std::count(ids.begin(), ids.end(), 8) == 1);
  CHECK(std::count(ids.begin(), ids.end(), 7) == 0);
  const TemporaryDirectory saved;
  tokenizer->save(saved.path());
  CHECK(text::load_tokenizer(saved.path())->encode("a<url>b <mask>") == ids);
}
