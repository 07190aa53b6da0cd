// Whose class order holds: of a model from elsewhere its own, unless --label-order says otherwise.
#include "stages/task_inputs.h"

#include "base/error.h"
#include "base/json.h"
#include "catch.h"
#include "models/sentence_folder.h"
#include "temporary_directory.h"

namespace reaugkd::stages {
namespace {

using Names = std::vector<std::string>;

DataOptions of_task(const std::string& task) {
  DataOptions options;
  options.task = task;
  return options;
}

Inherited elsewhere(const Names& id2label) {
  Inherited model;
  model.directory = "elsewhere";
  model.id2label = id2label;
  return model;
}

TEST_CASE("a model from elsewhere says the order of its classes, in whatever case", "[stages]") {
  const auto order_of = [](const Names& id2label) {
    return resolve_settings(of_task("mnli"), elsewhere(id2label)).task.labels;
  };
  const Names default_order = {"entailment", "neutral", "contradiction"};
  CHECK(order_of({"CONTRADICTION", "NEUTRAL", "ENTAILMENT"}) ==
        Names{"contradiction", "neutral", "entailment"});
  CHECK(order_of({"neutral", "entailment", "contradiction"}) ==
        Names{"neutral", "entailment", "contradiction"});
  CHECK(order_of({}) == default_order);
  CHECK(order_of({"LABEL_0", "LABEL_1", "LABEL_2"}) == default_order);
  CHECK(order_of({"yes", "maybe", "no"}) == default_order);
  CHECK(order_of({"entailment", "entailment", "neutral"}) == default_order);
  CHECK(order_of({"entailment", "neutral"}) == default_order);
}

TEST_CASE("a sentence-transformers folder from elsewhere says where a text is cut", "[stages]") {
  const tests::TemporaryDirectory directory;
  base::Json config = base::read_json(std::filesystem::path(REAUGKD_SOURCE_DIR) /
                                      "tests/golden/random-bert-l2-h32/config.json");
  const auto length_of = [&](std::optional<std::int64_t> given) {
    base::write_json(directory.path() / "config.json", config);
    auto options = of_task("rte");
    options.max_seq_length = given;
    return resolve_settings(options, inherit(directory.path())).max_seq_length;
  };
  CHECK(length_of({}) == 128);
  models::save_sentence_folder(models::Pooling::kMean, 32, 30, directory.path());
  CHECK(length_of({}) == 30);
  CHECK(length_of(20) == 20);
  models::save_sentence_folder(models::Pooling::kMean, 32, 3000, directory.path());
  CHECK(length_of({}) == config["max_position_embeddings"]);
  data::TaskSettings ours;
  ours.task = data::task_of("rte");
  ours.max_seq_length = 25;
  config["reaugkd"] = ours.to_json();  // its folder is ours, and was of another task
  CHECK(length_of({}) == 25);
  CHECK_FALSE(inherit(directory.path()).folder_length);
}

TEST_CASE("--label-order has the last word", "[stages]") {
  auto options = of_task("mnli");
  options.label_order = {"neutral", "entailment", "contradiction"};
  const auto model = elsewhere({"contradiction", "neutral", "entailment"});
  const auto settings = resolve_settings(options, model);
  CHECK(settings.task.labels == options.label_order);
  CHECK_NOTHROW(check_class_order(options, model, settings));
}

TEST_CASE("models whose classes are in another order do not go together", "[stages]") {
  const auto options = of_task("rte");
  const auto settings = resolve_settings(options, {});
  const auto refusal = [&](const Inherited& model) -> std::string {
    try {
      check_class_order(options, model, settings);
    } catch (const base::ArtifactError& error) {
      return error.what();
    }
    return "accepted";
  };
  CHECK_THAT(refusal(elsewhere({"not_entailment", "entailment"})),
             ContainsSubstring("class 0 is \"not_entailment\" and \"entailment\""));
  CHECK(refusal(elsewhere({"entailment", "not_entailment"})) == "accepted");
  CHECK(refusal(elsewhere({"LABEL_0", "LABEL_1"})) == "accepted");
  CHECK(refusal(elsewhere({})) == "accepted");
  auto ours = elsewhere({});
  ours.settings = resolve_settings(options, elsewhere({"not_entailment", "entailment"}));
  CHECK_THAT(refusal(ours), ContainsSubstring("its classes are not in the order"));
}

}  // namespace
}  // namespace reaugkd::stages
