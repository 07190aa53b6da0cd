#include "run/run_record.h"

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "catch.h"
#include "temporary_directory.h"

namespace base = reaugkd::base;
namespace run = reaugkd::run;

TEST_CASE("run.json says what wrote a directory; without one it is a model from elsewhere") {
  const reaugkd::tests::TemporaryDirectory directory;
  const auto path = directory.path() / "run.json";
  CHECK_FALSE(run::run_record(directory.path()).has_value());

  base::write_file(path, R"({"format": 1, "command": "distill", "options": {"tau": 0.1}})");
  const auto unfinished = run::run_record(directory.path());
  REQUIRE(unfinished.has_value());
  CHECK(unfinished->command == "distill");
  CHECK(unfinished->options["tau"] == 0.1);
  CHECK(unfinished->outputs.empty());

  base::write_file(path, R"({"format": 1, "command": "distill", "options": {},
                             "outputs": {"model.safetensors": "00"}})");
  CHECK(run::run_record(directory.path())->outputs["model.safetensors"] == "00");
}

TEST_CASE("an input that is another file now is named") {
  const reaugkd::tests::TemporaryDirectory directory;
  const auto input = directory.path() / "vocab.txt";
  const base::Json inputs = {{input.string(), base::sha256("one")}};
  base::write_file(input, "one");
  CHECK(run::changed_inputs(inputs).empty());
  base::write_file(input, "two");
  REQUIRE(run::changed_inputs(inputs).size() == 1);
  CHECK_THAT(run::changed_inputs(inputs)[0], ContainsSubstring("vocab.txt had sha256"));
  std::filesystem::remove(input);
  CHECK(run::changed_inputs(inputs).empty());
}

TEST_CASE("a damaged or newer run.json is refused") {
  const reaugkd::tests::TemporaryDirectory directory;
  const auto refused = [&](const char* bytes, const char* message) {
    base::write_file(directory.path() / "run.json", bytes);
    CHECK_THROWS_AS(run::run_record(directory.path()), base::ArtifactError);
    CHECK_THROWS_WITH(run::run_record(directory.path()), ContainsSubstring(message));
  };
  refused(R"({"format": 2, "command": "eval", "options": {}})", "found format 2, supported is 1");
  refused(R"({"command": "eval", "options": {}})", "format");
  refused(R"({"format": 1, "options": {}})", "command");
  refused(R"({"format": 1, "command": "eval", "options": []})", "\"options\" is not an object");
  refused(R"({"format": 1, "command": "eval", "options": {}, "outputs": 3})",
          "\"outputs\" is not an object");
  refused(R"({"format": 1, )", "run.json");
}
