// Which pooling a model gets: an option's, its own config.json's, its folder's, or the usual one.
#include "train/sentence_defaults.h"

#include "base/error.h"
#include "base/file.h"
#include "catch.h"
#include "models/sentence_folder.h"
#include "temporary_directory.h"
#include "text/wordpiece.h"

namespace reaugkd::train {
namespace {

using models::Pooling;

models::ModelConfig made_with(const std::string& embedding) {
  models::ModelConfig config;
  config.reaugkd = {{"format", 1}, {"embedding", embedding}};
  return config;
}

TEST_CASE("an option wins over the directory, which wins over the usual", "[sentence_defaults]") {
  const tests::TemporaryDirectory plain, folder;
  models::save_sentence_folder(Pooling::kMax, 32, 48, folder.path());
  const models::ModelConfig elsewhere;
  CHECK(choose_pooling("auto", elsewhere, plain.path(), Pooling::kCls) == Pooling::kCls);
  CHECK(choose_pooling("auto", elsewhere, plain.path(), Pooling::kMean) == Pooling::kMean);
  CHECK(choose_pooling("auto", elsewhere, folder.path(), Pooling::kCls) == Pooling::kMax);
  CHECK(choose_pooling("cls", elsewhere, folder.path(), Pooling::kMean) == Pooling::kCls);
  const auto ours = made_with("pooler");
  CHECK(choose_pooling("auto", ours, folder.path(), Pooling::kCls) == Pooling::kPooler);
  CHECK(choose_pooling("mean", ours, folder.path(), Pooling::kCls) == Pooling::kMean);
  CHECK_THROWS_AS(choose_pooling("avg", elsewhere, plain.path(), Pooling::kCls), base::ConfigError);
  CHECK_THROWS_AS(choose_pooling("auto", made_with("avg"), plain.path(), Pooling::kCls),
                  base::ArtifactError);
}

TEST_CASE("a folder that embeds as we cannot is refused, unless an option says how",
          "[sentence_defaults]") {
  const tests::TemporaryDirectory folder;
  models::save_sentence_folder(Pooling::kMean, 32, 48, folder.path());
  base::write_file(folder.path() / "1_Pooling/config.json", R"({"pooling_mode": ["cls", "mean"]})");
  const models::ModelConfig elsewhere;
  CHECK_THROWS_WITH(
      choose_pooling("auto", elsewhere, folder.path(), Pooling::kCls),
      ContainsSubstring(
          "pools by cls and mean at once, which reaugkd does not have: give `embedding`"));
  CHECK(choose_pooling("mean", elsewhere, folder.path(), Pooling::kCls) == Pooling::kMean);
}

TEST_CASE("a folder without the file of its pooling says which file to copy",
          "[sentence_defaults]") {
  const tests::TemporaryDirectory folder;
  models::save_sentence_folder(Pooling::kMean, 32, 48, folder.path());
  std::filesystem::remove_all(folder.path() / "1_Pooling");
  const models::ModelConfig elsewhere;
  CHECK_THROWS_WITH(
      choose_pooling("auto", elsewhere, folder.path(), Pooling::kCls),
      ContainsSubstring("modules.json names 1_Pooling/config.json, which is not there"));
  CHECK(choose_pooling("max", elsewhere, folder.path(), Pooling::kCls) == Pooling::kMax);
}

TEST_CASE("a folder that lower-cases needs a tokenizer that does", "[sentence_defaults]") {
  const tests::TemporaryDirectory folder;
  const std::string vocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nA\nword\nin\ncapitals\n";
  const text::WordPieceTokenizer cased(vocab, {.do_lower_case = false, .strip_accents = false},
                                       "cased");
  const text::WordPieceTokenizer uncased(vocab, {}, "uncased");
  CHECK_NOTHROW(check_lower_case(cased, folder.path()));
  models::save_sentence_folder(Pooling::kMean, 32, 48, folder.path());
  CHECK_NOTHROW(check_lower_case(cased, folder.path()));
  base::write_file(folder.path() / "sentence_bert_config.json", R"({"do_lower_case": true})");
  CHECK_NOTHROW(check_lower_case(uncased, folder.path()));
  CHECK_THROWS_WITH(check_lower_case(cased, folder.path()),
                    ContainsSubstring("\"do_lower_case\": true, but the tokenizer keeps case"));
}

}  // namespace
}  // namespace reaugkd::train
