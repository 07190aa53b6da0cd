// tokenizer.json: small files of each family against ids of Hugging Face's `tokenizers`
// (tests/golden/tokenizers.py), and each component by hand.
#include "text/json_tokenizer.h"

#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "catch.h"
#include "temporary_directory.h"
#include "text/encoded_dataset.h"

namespace base = reaugkd::base;
namespace text = reaugkd::text;
namespace fs = std::filesystem;
using Json = nlohmann::json;
using reaugkd::tests::TemporaryDirectory;
using Ids = std::vector<std::int32_t>;

namespace {

const fs::path kGoldenTokenizers = fs::path(REAUGKD_SOURCE_DIR) / "tests/golden/tokenizers";

Json word_level() {
  return Json::parse(R"({
    "added_tokens": [],
    "normalizer": null,
    "pre_tokenizer": {"type": "WhitespaceSplit"},
    "post_processor": {
      "type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                 {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
      "pair": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
               {"SpecialToken": {"id": "[SEP]", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}},
               {"SpecialToken": {"id": "[SEP]", "type_id": 1}}],
      "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
                         "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}}},
    "model": {"type": "WordLevel", "unk_token": "[UNK]",
              "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "a": 4, "b": 5, "ab": 6, "A": 7, "1": 8, "12": 9,
                        "!": 10, "!!": 11, "_a": 12, "▁a": 13, "▁": 14, "b!": 15}}})");
}

text::JsonTokenizer made(const Json& json, text::TokenizerSettings settings = {}) {
  return {json.dump(), std::move(settings), "dir/tokenizer.json"};
}

text::JsonTokenizer with(const char* key, const char* value) {
  Json json = word_level();
  json[key] = Json::parse(value);
  return made(json);
}

void refused(const Json& json, const std::string& message) {
  INFO(message);
  CHECK_THROWS_AS(made(json), base::ArtifactError);
  CHECK_THROWS_WITH(made(json),
                    ContainsSubstring(message) && ContainsSubstring("dir/tokenizer.json"));
}

void refused(const char* key, const char* value, const std::string& message) {
  Json json = word_level();
  json[key] = Json::parse(value);
  refused(json, message);
}

}  // namespace

TEST_CASE("tokenizer.json of each family gives the library's ids, and so does its copy",
          "[json_tokenizer][golden]") {
  int families = 0;
  for (const auto& entry : fs::directory_iterator(kGoldenTokenizers)) {
    ++families;
    INFO(entry.path());
    const TemporaryDirectory saved;
    text::load_tokenizer(entry.path())->save(saved.path());
    CHECK(base::read_file(saved.path() / "tokenizer.json") ==
          base::read_file(entry.path() / "tokenizer.json"));
    for (const auto& directory : {entry.path(), saved.path()}) {
      const auto tokenizer = text::load_tokenizer(directory);
      std::istringstream lines(base::read_file(entry.path() / "expected.jsonl"));
      int count = 0;
      for (std::string line; std::getline(lines, line); ++count) {
        const auto expected = Json::parse(line);
        INFO(line);
        CHECK(tokenizer->encode(expected["text"].get<std::string>()) == expected["ids"].get<Ids>());
      }
      CHECK(count >= 110);
    }
  }
  CHECK(families == 11);
}

TEST_CASE("what stands around a text comes from the post-processor", "[json_tokenizer]") {
  const auto special = made(word_level()).special_tokens();
  CHECK(special.cls == 2);
  CHECK(special.sep == 3);
  CHECK(special.pad == 0);
  CHECK(special.unk == 1);
  CHECK(special.separators == 1);
  const auto roberta = with("post_processor", R"({"type": "Sequence", "processors": [
      {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true},
      {"type": "RobertaProcessing", "sep": ["b", 5], "cls": ["a", 4], "trim_offsets": true,
       "add_prefix_space": false}]})");
  CHECK(roberta.special_tokens().cls == 4);
  CHECK(roberta.special_tokens().sep == 5);
  CHECK(roberta.special_tokens().separators == 2);
  const auto bert =
      with("post_processor", R"({"type": "BertProcessing", "sep": ["b", 5], "cls": ["a", 4]})");
  CHECK(bert.special_tokens().separators == 1);
  Json two = word_level();
  auto& pair = two["post_processor"]["pair"];
  pair.insert(pair.begin() + 3, pair[2]);
  CHECK(made(two).special_tokens().separators == 2);
  CHECK(with("post_processor", "null").special_tokens().cls == 2);  // by its usual name
}

TEST_CASE("a template of another shape is refused", "[json_tokenizer]") {
  for (const char* key : {"single", "pair"}) {
    Json json = word_level();
    json["post_processor"][key].erase(0);
    refused(json, std::string("post_processor.") + key + " of TemplateProcessing");
  }
  Json json = word_level();
  json["post_processor"]["pair"][2]["SpecialToken"]["id"] = "[CLS]";
  refused(json, "post_processor.pair");
  json = word_level();
  json["post_processor"]["special_tokens"].erase("[SEP]");
  refused(json, "one id of \"[SEP]\"");
  json = word_level();
  json["post_processor"]["single"][0] = 1;
  refused(json, "a list of SpecialToken and Sequence");
  refused("post_processor", R"({"type": "BertProcessing", "sep": ["b"], "cls": ["a", 4]})",
          "post_processor.sep");
  refused("post_processor", R"({"type": "Mine"})", "found the type \"Mine\"");
}

TEST_CASE("normalizers, one by one", "[json_tokenizer]") {
  const auto ids = [](const char* normalizer, const std::string& words) {
    return with("normalizer", normalizer).encode(words);
  };
  CHECK(ids(R"({"type": "Lowercase"})", "A a") == Ids{4, 4});
  CHECK(ids(R"({"type": "NFKC"})", "\xEF\xBC\xA1") == Ids{7});  // a wide A
  CHECK(ids(R"({"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}]})",
            "\xC3\xA1") == Ids{4});
  CHECK(ids(R"({"type": "Strip", "strip_left": true, "strip_right": false})", " a") == Ids{4});
  CHECK(ids(R"({"type": "Strip"})", "  ").empty());
  CHECK(ids(R"({"type": "Replace", "pattern": {"String": "."}, "content": "a"})", "b. .") ==
        Ids{1, 4});  // "ba"
  CHECK(ids(R"({"type": "Replace", "pattern": {"Regex": " {2,}|x+"}, "content": "b"})",
            "a  xxxa") == Ids{1});  // "abba"
  CHECK(ids(R"({"type": "Prepend", "prepend": "_"})", "a") == Ids{12});
  CHECK(ids(R"({"type": "Prepend", "prepend": "_"})", "").empty());
  CHECK(ids(R"({"type": "Nmt"})",
            "a\x01\xE2\x80\x8B"
            "b") == Ids{4, 5});  // U+200B is a space there
  CHECK(ids(R"({"type": "BertNormalizer", "lowercase": true, "strip_accents": null,
                "clean_text": true, "handle_chinese_chars": true})",
            "\xC3\x81 A\x07") == Ids{4, 4});
  CHECK(ids(R"({"type": "Precompiled", "precompiled_charsmap": null})", "a") == Ids{4});
}

TEST_CASE("pre-tokenizers, one by one", "[json_tokenizer]") {
  const auto ids = [](const char* splitter, const std::string& words) {
    return with("pre_tokenizer", splitter).encode(words);
  };
  CHECK(ids("null", "ab") == Ids{6});
  CHECK(ids(R"({"type": "Whitespace"})", "a!! b") == Ids{4, 11, 5});
  CHECK(ids(R"({"type": "BertPreTokenizer"})", "a!! b") == Ids{4, 10, 10, 5});
  CHECK(ids(R"({"type": "Punctuation"})", "a!!") == Ids{4, 10, 10});
  CHECK(ids(R"({"type": "Punctuation", "behavior": "Contiguous"})", "a!!") == Ids{4, 11});
  CHECK(ids(R"({"type": "Punctuation", "behavior": "MergedWithPrevious"})", "b!a") == Ids{15, 4});
  CHECK(ids(R"({"type": "Digits", "individual_digits": false})", "a12") == Ids{4, 9});
  CHECK(ids(R"({"type": "Digits", "individual_digits": true})", "a11") == Ids{4, 8, 8});
  CHECK(ids(R"({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"})", "a a") ==
        Ids{13, 13});
  CHECK(ids(R"({"type": "Metaspace", "replacement": "▁", "add_prefix_space": false})", "a a ") ==
        Ids{4, 13, 14});
  CHECK(ids(R"({"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"},
                {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first"}]})",
            "a a") == Ids{13, 4});
  CHECK(ids(R"({"type": "Split", "pattern": {"String": "!"}, "behavior": "Removed"})", "a!b") ==
        Ids{4, 5});
  CHECK(ids(R"({"type": "Split", "pattern": {"Regex": "[ab]"}, "behavior": "Isolated",
                "invert": true})",
            "a!!b") == Ids{4, 11, 5});
  CHECK(ids(R"({"type": "Split", "pattern": {"String": "b"}, "behavior": "MergedWithPrevious"})",
            "abab") == Ids{6, 6});
  CHECK(ids(R"({"type": "Split", "pattern": {"String": "a"}, "behavior": "MergedWithNext"})",
            "aba") == Ids{6, 4});
}

TEST_CASE("models, one by one", "[json_tokenizer]") {
  Json json = word_level();
  json["model"] =
      Json::parse(R"({"type": "WordPiece", "unk_token": "[UNK]", "max_input_chars_per_word": 3,
      "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "a": 4, "##b": 5}})");
  CHECK(made(json).encode("ab abbb [SEP]") == Ids{4, 5, 1, 1});
  json["model"]["continuing_subword_prefix"] = "b";
  json["model"]["vocab"]["bb"] = 6;
  CHECK(made(json).encode("ab") == Ids{4, 6});
  json["model"] =
      Json::parse(R"({"type": "Unigram", "unk_id": 1, "vocab": [["[PAD]", 0], ["[UNK]", 0],
      ["[CLS]", 0], ["[SEP]", 0], ["a", -1.0], ["b", -1.0], ["ab", -1.5], ["<0x21>", -9]]})");
  CHECK(made(json).encode("ab ba !! [SEP]") == Ids{6, 5, 4, 1, 1});
  json["model"]["byte_fallback"] = true;
  json["model"]["vocab"][7] = Json::array({"<0x21>", -9});
  CHECK(made(json).encode("!!") == Ids{7, 7});
  json["model"] = Json::parse(R"({"type": "BPE", "unk_token": "[UNK]", "fuse_unk": true,
      "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "a": 4, "b": 5, "ab": 6},
      "merges": ["a b"]})");
  CHECK(made(json).encode("abxyb") == Ids{6, 1, 5});
  json["model"]["fuse_unk"] = false;
  CHECK(made(json).encode("abxyb") == Ids{6, 1, 1, 5});
  json["model"]["unk_token"] = nullptr;
  CHECK(made(json).encode("abxyb") == Ids{6, 5});
  json["model"]["ignore_merges"] = true;
  json["model"]["vocab"]["bba"] = 7;
  CHECK(made(json).encode("bba [SEP]") == Ids{7});
  json["model"].erase("type");  // as older files have it
  CHECK(made(json).encode("ab") == Ids{6});
}

TEST_CASE("what is unknown in tokenizer.json is named with its place", "[json_tokenizer]") {
  refused("normalizer", R"({"type": "Mine"})", "normalizer: found the type \"Mine\"");
  refused("normalizer",
          R"({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Mine"}]})",
          "normalizer.normalizers[1]: found the type \"Mine\"");
  refused("normalizer", R"({"type": "Sequence"})", "Sequence has no \"normalizers\"");
  refused("normalizer", R"({"type": "Replace", "pattern": {"Regex": "(?<=a)b"}, "content": ""})",
          "the regular expression \"(?<=a)b\" is not supported");
  refused("normalizer", R"({"type": "Replace", "pattern": {"String": ""}, "content": ""})",
          "normalizer.pattern of Replace");
  refused("normalizer", R"({"type": "Replace", "pattern": {"String": "a"}})", "has no \"content\"");
  refused("normalizer", R"({"type": "Precompiled", "precompiled_charsmap": "AAA="})",
          "is no table of replacements");
  refused("normalizer", R"({"type": "Precompiled", "precompiled_charsmap": "?"})",
          "is no base64 text");
  refused("normalizer", R"({"type": "Strip", "strip_left": 1})", "normalizer.strip_left of Strip");
  refused("normalizer", "1", "normalizer: found 1, expected an object with a \"type\"");
  refused("pre_tokenizer", R"({"type": "Mine"})", "pre_tokenizer: found the type \"Mine\"");
  refused("pre_tokenizer", R"({"type": "Split", "pattern": {"String": "a"}, "behavior": "Mine"})",
          "pre_tokenizer.behavior: found \"Mine\"");
  refused("pre_tokenizer", R"({"type": "Metaspace", "prepend_scheme": "mine"})",
          "pre_tokenizer.prepend_scheme");
  refused("pre_tokenizer", R"({"type": "ByteLevel"})", "model: found WordLevel behind ByteLevel");
  refused("pre_tokenizer",
          R"({"type": "Sequence", "pretokenizers": [{"type": "ByteLevel"}, {"type": "Digits"}]})",
          "pre_tokenizer.pretokenizers[1]: found Digits behind ByteLevel");
  refused("model", R"({"type": "Mine", "vocab": {}})", "model: found the type \"Mine\"");
  refused("model", R"({"type": "WordLevel", "unk_token": "x", "vocab": {"a": 0}})",
          "model.unk_token of WordLevel");
  refused("model", R"({"type": "WordLevel", "unk_token": "a", "vocab": {"a": -1}})",
          "the id of \"a\" is -1");
  refused("model", R"({"type": "Unigram", "unk_id": 1, "vocab": [["a", 0]]})", "model.unk_id");
  refused("model", R"({"type": "Unigram", "unk_id": 0, "vocab": [["a"]]})", "model.vocab[0]");
  refused("model", R"({"type": "BPE", "vocab": {"a": 0}, "merges": ["a a"]})", "\"a a\"");
  refused("model", R"({"type": "BPE", "vocab": {"a": 0}, "merges": [1]})", "model.merges[0]");
  refused("model",
          R"({"type": "BPE", "vocab": {"a": 0}, "merges": [], "end_of_word_suffix": "</w>"})",
          "model.end_of_word_suffix of BPE");
  refused("model", R"({"type": "BPE", "vocab": {"a": 0}, "merges": [], "dropout": 0.1})",
          "model.dropout of BPE");
  refused("added_tokens", "1", "added_tokens: found no list");
  refused("added_tokens", R"([{"id": 1}])", "added_tokens[0]");
  refused("added_tokens", R"([{"content": "x", "id": -1}])", "added_tokens[0].id");
  Json json = word_level();
  json.erase("model");
  refused(json, "has no \"model\"");
  json = word_level();
  json["model"]["vocab"].erase("[PAD]");
  refused(json, "has no pad token");
  CHECK_THROWS_WITH(text::JsonTokenizer("no JSON", {}, "dir/tokenizer.json"),
                    ContainsSubstring("dir/tokenizer.json: is no JSON object"));
}

TEST_CASE("tokenizer.json counts where other files contradict it", "[json_tokenizer]") {
  const TemporaryDirectory directory;
  base::write_file(directory.path() / "tokenizer.json", word_level().dump());
  base::write_file(directory.path() / "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\nb\na\n");
  base::write_file(directory.path() / "tokenizer_config.json", R"({"do_lower_case": true})");
  const auto tokenizer = text::load_tokenizer(directory.path());
  CHECK(tokenizer->encode("A a b") == Ids{7, 4, 5});
  const TemporaryDirectory saved;
  tokenizer->save(saved.path());
  const auto config = base::read_json(saved.path() / "tokenizer_config.json");
  CHECK_FALSE(config.contains("do_lower_case"));
  CHECK(config["tokenizer_class"] == "PreTrainedTokenizerFast");
  CHECK(config["cls_token"] == "[CLS]");
  CHECK(config["pad_token"] == "[PAD]");
  CHECK(config["model_input_names"] ==
        base::Json({"input_ids", "attention_mask", "token_type_ids"}));
}

TEST_CASE("BERT's components keep their class and get its switches", "[json_tokenizer]") {
  Json json = word_level();
  json["normalizer"] = {{"type", "BertNormalizer"}, {"lowercase", false}};
  json["pre_tokenizer"] = {{"type", "BertPreTokenizer"}};
  json["model"]["type"] = "WordPiece";
  text::TokenizerSettings settings;
  settings.config = {{"tokenizer_class", "DistilBertTokenizer"}, {"do_lower_case", true}};
  const auto tokenizer = made(json, settings);
  CHECK(tokenizer.encode("A!") == Ids{7, 10});
  const TemporaryDirectory saved;
  tokenizer.save(saved.path());
  const auto config = base::read_json(saved.path() / "tokenizer_config.json");
  CHECK(config["tokenizer_class"] == "DistilBertTokenizer");
  CHECK(config["do_lower_case"] == false);
  CHECK(config["strip_accents"] == false);
}

TEST_CASE("a frame token in a text is plain text, whatever the model", "[json_tokenizer]") {
  Json json = word_level();
  json["added_tokens"] = Json::parse(R"([{"id": 3, "content": "[SEP]", "special": true},
                                         {"id": 20, "content": "<url>", "special": true}])");
  const auto tokenizer = made(json);
  CHECK(tokenizer.encode("a [SEP] [CLS] <url>") == Ids{4, 1, 1, 20});
  CHECK(tokenizer.vocab_size() == 21);
  CHECK(tokenizer.token_id("<url>") == 20);
  CHECK(tokenizer.token_id("nothing") == -1);
}
