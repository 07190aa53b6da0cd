// The table of methods is open: one registered here is listed, has its options, and is made by
// name.
#include "base/error.h"
#include "catch.h"
#include "distill/method.h"
#include "stages/distill_options.h"

namespace reaugkd::distill {
namespace {

/// A method that nobody needs.
class Nothing : public Method {
 public:
  Nothing()
      : Method({.name = "nothing",
                .summary = "learns nothing",
                .source = "this test",
                .learns_from = Source::kLabels,
                .hard_label_weight = 0.25}) {}
  void add_options(base::OptionList& options) override {
    options.add({"nothing-weight", "", &weight, "weight of nothing", base::kUnit});
  }
  void check(const DistillSettings& settings) const override {
    if (settings.hard_label_weight > 0.5)
      throw base::ConfigError("`hard_label_weight` is too much");
  }
  std::unique_ptr<train::Objective> make(const MethodContext&) const override { return nullptr; }

  double weight = 0.5;
};

std::unique_ptr<Method> make_nothing() {
  return std::make_unique<Nothing>();
}

TEST_CASE("every method says what it is", "[methods]") {
  for (const auto& method : make_methods()) {
    INFO(method->info().name);
    CHECK_FALSE(method->info().summary.empty());
    CHECK_FALSE(method->info().source.empty());
    base::OptionList options;
    method->add_options(options);
    for (const auto& option : options.options()) CHECK_FALSE(option.help.empty());
  }
}

TEST_CASE("a method of another's is one of the table", "[methods]") {
  static const bool added = (add_method(make_nothing), true);
  CHECK(added);
  CHECK(make_methods().back()->info().name == "nothing");

  stages::DistillOptions options;
  const auto fields = options.fields();
  CHECK_NOTHROW(const_cast<base::OptionList&>(fields).at("method").set_text("nothing"));
  const auto& own = const_cast<base::OptionList&>(fields).at("nothing-weight");
  CHECK(own.group == "Method nothing");
  REQUIRE(own.only_with);
  CHECK(own.only_with->values == std::vector<std::string>{"nothing"});
  own.set_text("0.75");

  const Method& method = options.resolve();
  CHECK(method.info().name == "nothing");
  CHECK(dynamic_cast<const Nothing&>(method).weight == 0.75);
  CHECK(options.settings().hard_label_weight == 0.25);
  CHECK_NOTHROW(method.check(options.settings()));
  options.hard_label_weight = 0.75;
  CHECK_THROWS_AS(method.check(options.settings()), base::ConfigError);
}

}  // namespace
}  // namespace reaugkd::distill
