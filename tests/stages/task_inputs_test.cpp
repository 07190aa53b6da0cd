// Whose class order holds: of a model from elsewhere its own, unless --label-order says otherwise.
#include "stages/task_inputs.h"

#include "base/error.h"
#include "catch.h"

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
