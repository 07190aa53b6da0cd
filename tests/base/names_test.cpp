#include "base/names.h"

#include "base/error.h"
#include "catch.h"

using reaugkd::base::did_you_mean;
using reaugkd::base::few_names;
using reaugkd::base::nearest_name;
using reaugkd::base::shortened;

TEST_CASE("the nearest name is what a word most likely stands for", "[names]") {
  const std::vector<std::string> flags = {"--k",
                                          "-M",
                                          "--model",
                                          "--beta-mode",
                                          "--learning-rate",
                                          "--epochs",
                                          "--eval-batch-size",
                                          "--batch-size",
                                          "--output",
                                          "--max-seq-length",
                                          "--max-grad-norm",
                                          "--text-column",
                                          "--tau",
                                          "--overwrite",
                                          "--max-train-examples"};
  const std::pair<const char*, const char*> expected[] = {
      {"--modle", "--model"},
      {"--lr", "--learning-rate"},
      {"--Learning_Rate", "--learning-rate"},
      {"--epoch", "--epochs"},
      {"--num-epochs", "--epochs"},
      {"--output-dir", "--output"},
      {"--max-length", "--max-seq-length"},
      {"--bs", "--batch-size"},
      {"--model-name-or-path", "--model"},
      {"--m", "-M"},
      {"--texts-column", "--text-column"},
      {"--per_device_train_batch_size", "--batch-size"}};
  for (const auto& [word, name] : expected) {
    INFO(word);
    CHECK(nearest_name(word, flags) == name);
  }
  CHECK(nearest_name("card arival", {"card_linking", "card_arrival"}) == "card_arrival");
  CHECK(nearest_name("7", {"0", "1"}) == "0");
  CHECK(nearest_name("x", {}).empty());
  CHECK(did_you_mean("trian", {"dev", "train"}) == ": did you mean train?");
  CHECK(did_you_mean("trian", {}).empty());
  CHECK(nearest_name(std::string(100'000, 'x'), {"a", "xx"}) == "xx");
}

TEST_CASE("a list of names stays short", "[names]") {
  CHECK(few_names({}).empty());
  CHECK(few_names({"a", "b"}) == "a, b");
  CHECK(few_names(std::vector<std::string>(77, "a_name_of_20_letters")) ==
        "a_name_of_20_letters, a_name_of_20_letters, a_name_of_20_letters, a_name_of_20_letters, "
        "... (77 in all)");
  CHECK(few_names({std::string(200, 'x')}) == std::string(100, 'x') + "...");
  CHECK(shortened(std::string(99, 'x') + "\xC3\xA9") == std::string(99, 'x') + "...");
  CHECK(shortened(std::string(98, 'x') + "\xC3\xA9") == std::string(98, 'x') + "\xC3\xA9");
}
