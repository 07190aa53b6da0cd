// Which files of --data are read, as what, and the task that columns and labels make.
#include "stages/data_files.h"

#include "base/error.h"
#include "base/file.h"
#include "catch.h"
#include "data/custom_task.h"
#include "temporary_directory.h"

namespace reaugkd::stages {
namespace {

namespace fs = std::filesystem;
using data::Split;

/// A directory `mine` with these files, each with two rows.
class Directory {
 public:
  explicit Directory(const std::vector<std::string>& names) {
    fs::create_directory(path());
    for (const auto& name : names) {
      const std::string separator = name.ends_with(".tsv") ? "\t" : ",";
      base::write_file(path() / name, name.ends_with(".jsonl")
                                          ? "{\"words\": \"a\", \"mood\": \"sad\"}\n"
                                            "{\"words\": \"b\", \"mood\": \"glad\"}\n"
                                          : "words" + separator + "mood\na" + separator + "sad\nb" +
                                                separator + "glad\n");
    }
  }
  fs::path path() const { return directory_.path() / "mine"; }
  DataOptions options() const {
    DataOptions options;
    options.data = path().string();
    options.text_column = "words";
    options.label_column = "mood";
    return options;
  }

 private:
  tests::TemporaryDirectory directory_;
};

std::string name_of(const std::optional<fs::path>& path) {
  return path ? path->filename().string() : "none";
}

Inherited earlier(const data::TaskSettings& settings) {
  Inherited inherited;
  inherited.directory = "earlier";
  inherited.settings = settings;
  return inherited;
}

TEST_CASE("columns and labels make a task, in every format", "[data_files]") {
  for (const char* name : {"train.tsv", "train.csv", "train.jsonl"}) {
    INFO(name);
    const Directory directory({name});
    const auto options = directory.options();
    const auto settings = resolve_settings(options, {});
    CHECK(settings.task.name == "mine");
    CHECK(settings.task.labels == std::vector<std::string>{"glad", "sad"});
    CHECK(settings.task.train_file == name);
    CHECK(read_split_file(options, settings, Split::kTrain).labels == std::vector<float>{1, 0});
    const auto again = data::TaskSettings::from_json(settings.to_json(), "config.json");
    CHECK(data::difference(again, settings).empty());
  }
}

TEST_CASE("the training file is the only one there", "[data_files]") {
  const Directory both({"train.tsv", "train.csv", "other.jsonl"});
  auto options = both.options();
  CHECK_THROWS_WITH(
      resolve_settings(options, {}),
      ContainsSubstring("found train.tsv and train.csv, expected one of them: name it "
                        "with --train-file"));
  options.train_file = "other.jsonl";
  CHECK(resolve_settings(options, {}).task.format == data::FileFormat::kJsonl);
  options.train_file = "none.csv";
  CHECK_THROWS_AS(resolve_settings(options, {}), base::IoError);
  options.train_file = "";
  options.data += "/train.csv";
  CHECK_THROWS_WITH(resolve_settings(options, {}),
                    ContainsSubstring("is a file, expected its directory: --data " +
                                      both.path().string() + " --train-file train.csv"));
  const Directory none({"dev.csv"});
  CHECK_THROWS_WITH(resolve_settings(none.options(), {}),
                    ContainsSubstring("expected train.tsv, train.csv or train.jsonl there"));
}

TEST_CASE("without task and columns it is said what to give", "[data_files]") {
  const Directory directory({"train.csv"});
  auto options = directory.options();
  options.text_column = options.label_column = "";
  CHECK_THROWS_WITH(resolve_settings(options, {}),
                    ContainsSubstring("give --text-column and --label-column for your own files"));
  options.text_column = "words";
  CHECK_THROWS_WITH(resolve_settings(options, {}), ContainsSubstring("`label_column` is required"));
  options.task = "sst2";
  options.label_kind = "scores";
  CHECK_THROWS_WITH(resolve_settings(options, {}),
                    ContainsSubstring("--label-kind scores: task sst2 has classes"));
}

TEST_CASE("a later stage may read another format and other columns", "[data_files]") {
  const Directory first({"train.csv"});
  const auto settings = resolve_settings(first.options(), {});
  const Directory later({"dev.jsonl", "test.tsv"});
  DataOptions options;
  options.data = later.path().string();
  CHECK(name_of(find_split_file(options, settings.task, Split::kDev)) == "dev.jsonl");
  CHECK(name_of(find_split_file(options, settings.task, Split::kTrain)) == "none");
  CHECK(read_split_file(options, settings, Split::kDev).text_a[1] == "b");
  CHECK(read_split_file(options, settings, Split::kTest).labels[0] == 1);
  CHECK_THROWS_WITH(read_split_file(options, settings, Split::kTrain),
                    ContainsSubstring("train.csv: is missing; --data is a directory"));
  base::write_file(later.path() / "odd.csv", "id,what\n1,c\n");
  options.test_file = "odd.csv";
  options.text_column = "what";
  CHECK(read_split_file(options, settings, Split::kTest).text_a.at(0) == "c");
  const auto resolved = resolve_settings(options, earlier(settings));
  CHECK(resolved.task.train.text_a_name == "words");  // what travels is the first stage's
}

TEST_CASE("a task file may describe another layout of the same task", "[data_files]") {
  const tests::TemporaryDirectory directory;
  const auto file = directory.path() / "task.json";
  const auto task_file = [&](const base::Json& more) {
    base::Json description = {
        {"name", "mood"}, {"text_a", "a"}, {"label", "y"}, {"labels", {"no", "yes"}}};
    description.update(more);
    base::write_json(file, description);
    DataOptions options;
    options.task = file.string();
    return options;
  };
  const auto settings = resolve_settings(task_file(base::Json::object()), {});
  const auto other =
      resolve_settings(task_file({{"text_a", "b"}, {"labels", {"yes", "no"}}}), earlier(settings));
  CHECK(other.task.train.text_a_name == "b");
  CHECK(other.task.labels == settings.task.labels);
  CHECK_THROWS_WITH(
      resolve_settings(task_file({{"labels", {"yes", "no", "maybe"}}}), earlier(settings)),
      ContainsSubstring("has other classes than earlier: 3 classes and 2; the second has "
                        "no \"maybe\""));
  CHECK_THROWS_WITH(resolve_settings(task_file({{"name", "tone"}}), earlier(settings)),
                    ContainsSubstring("was made with mood"));
}

TEST_CASE("a directory of GLUE's name does not make a GLUE task", "[data_files]") {
  const tests::TemporaryDirectory directory;
  fs::create_directory(directory.path() / "rte");
  base::write_file(directory.path() / "rte" / "train.csv", "words,mood\na,sad\nb,glad\n");
  DataOptions options;
  options.data = (directory.path() / "rte").string() + "/";
  options.text_column = "words";
  options.label_column = "mood";
  CHECK(resolve_settings(options, {}).task.name == "own");
}

TEST_CASE("directories of different tasks say what differs", "[data_files]") {
  const Directory first({"train.csv"});
  const auto settings = resolve_settings(first.options(), {});
  auto other = earlier(settings);
  CHECK_NOTHROW(check_same_task(other, settings, "here"));
  other.settings->task.train.text_a_name = "elsewhere";
  other.settings->task.description["text_a"] = "elsewhere";
  CHECK_NOTHROW(check_same_task(other, settings, "here"));
  other.settings->max_seq_length = 7;
  CHECK_THROWS_WITH(
      check_same_task(other, settings, "here"),
      ContainsSubstring("earlier and here were made for different tasks: max_seq_length 7 "
                        "and 128;"));
}

}  // namespace
}  // namespace reaugkd::stages
