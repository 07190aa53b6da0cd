#include "base/options.h"

#include <string>

#include "base/error.h"
#include "catch.h"

namespace base = reaugkd::base;

namespace {

struct Sample {
  std::string name = "x";
  std::string method = "reaugkd";
  std::int64_t epochs = 3;
  double tau = 0.1;
  bool overwrite = false;
  std::optional<double> beta;
  std::optional<std::int64_t> width;
  std::vector<std::int64_t> layers;

  base::OptionList fields() {
    base::OptionList list;
    list.add({"name", "A", &name, "a name", {}, {}, true});
    list.add({"method", "A", &method, "loss", {}, {"reaugkd", "kd"}});
    list.add({"num-epochs", "A", &epochs, "epochs", base::kAtLeastOne});
    list.add({"tau", "A", &tau, "temperature", base::kPositive});
    list.add({"overwrite", "A", &overwrite, "replace"});
    list.add({"beta", "A", &beta, "weight", base::kUnit});
    list.add({"width", "A", &width, "of a layer", base::kPositive});
    list.add({"student-layers", "A", &layers, "layers", base::kNotNegative});
    return list;
  }
};

const base::Option& option(const base::OptionList& list, const std::string& name) {
  for (const auto& entry : list.options()) {
    if (entry.name == name) return entry;
  }
  throw std::out_of_range(name);
}

}  // namespace

TEST_CASE("flags beside the defaults set the same values again", "[options]") {
  Sample sample;
  sample.name = "it's mine";
  sample.overwrite = true;
  sample.layers = {0, 2};
  CHECK(sample.fields().flags_beside(Sample().fields()) ==
        " --name 'it'\\''s mine' --overwrite --student-layers 0,2");
  CHECK(Sample().fields().flags_beside(Sample().fields()).empty());
  sample = Sample();
  sample.name.clear();
  CHECK(sample.fields().flags_beside(Sample().fields()) == " --name ''");
}

TEST_CASE("flags set typed values and are checked", "[options]") {
  Sample sample;
  const auto list = sample.fields();
  option(list, "num-epochs").set_text("7");
  option(list, "student-layers").set_text("0,2,4");
  option(list, "beta").set_text("0.25");
  CHECK(sample.epochs == 7);
  CHECK(sample.layers == std::vector<std::int64_t>{0, 2, 4});
  CHECK(sample.beta == 0.25);
  CHECK_THROWS_WITH(option(list, "num-epochs").set_text("seven"),
                    "--num-epochs: expected a whole number, got \"seven\"");
  CHECK_THROWS_WITH(option(list, "num-epochs").set_text("3.5"),
                    "--num-epochs: expected a whole number, got \"3.5\"");
  CHECK_THROWS_WITH(option(list, "tau").set_text("0"), "--tau: 0 is out of range, expected > 0");
  CHECK_THROWS_WITH(option(list, "beta").set_text("1.5"),
                    "--beta: 1.5 is out of range, expected [0, 1]");
  CHECK_THROWS_AS(option(list, "tau").set_text("nan"), base::ConfigError);
  CHECK_THROWS_WITH(option(list, "method").set_text("kdd"),
                    "--method: \"kdd\" is not one of reaugkd, kd: did you mean kd?");
  CHECK_THROWS_AS(option(list, "student-layers").set_text("0,,1"), base::ConfigError);
  option(list, "student-layers").set_text("1, 3 ,5");
  CHECK(sample.layers == std::vector<std::int64_t>{1, 3, 5});
  CHECK_THROWS_WITH(option(list, "num-epochs").set_text("99999999999999999999"),
                    ContainsSubstring("a whole number of less magnitude"));
}

TEST_CASE("options survive JSON, unknown keys do not pass", "[options]") {
  Sample sample;
  sample.beta = 0.5;
  sample.layers = {1, 3};
  sample.overwrite = true;
  const base::Json saved = sample.fields().to_json();
  Sample restored;
  restored.fields().set_json(saved, "run.json");
  CHECK(restored.fields().to_json() == saved);
  CHECK(restored.beta == 0.5);

  base::Json run;
  run["version"] = "0.1.0";
  run["options"] = saved;
  Sample from_run;
  from_run.fields().set_json(run, "run.json");
  CHECK(from_run.fields().to_json() == saved);

  CHECK_THROWS_WITH(restored.fields().set_json({{"epoch", 1}}, "c.json"),
                    ContainsSubstring("c.json: unknown key \"epoch\": did you mean num_epochs?"));
  CHECK_THROWS_WITH(restored.fields().set_json({{"num_epochs", 1.5}}, "c.json"),
                    ContainsSubstring("num_epochs"));
  CHECK_THROWS_AS(restored.fields().set_json({{"tau", "hot"}}, "c.json"), base::ConfigError);
  CHECK_THROWS_WITH(restored.fields().set_json({{"student_layers", {0.5, 2}}}, "c.json"),
                    ContainsSubstring("a whole number"));
  CHECK_THROWS_WITH(restored.fields().set_json({{"width", 8.7}}, "c.json"),
                    ContainsSubstring("a whole number"));
  restored.fields().set_json({{"width", nullptr}}, "c.json");
  CHECK_FALSE(restored.width.has_value());
  restored.fields().set_json({{"width", 8}}, "c.json");
  CHECK(restored.width == 8);
}

TEST_CASE("a required option must be given", "[options]") {
  Sample sample;
  sample.name.clear();
  CHECK_THROWS_WITH(sample.fields().check_required(), "--name is required: a name");
}
