// The real GLUE files, where the environment variable GLUE_DIR names the folder that holds CoLA,
// SST-2 and so on; skipped aloud without it.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <string_view>
#include <unordered_set>

#include "catch.h"
#include "data/dataset.h"
#include "data/split.h"

using namespace reaugkd;

namespace {

struct GlueFile {
  const char* task;
  const char* path;
  data::Split split;
  std::int64_t rows;
  std::vector<std::int64_t> label_counts;  // by class; empty where the file has no labels
};

// Published row counts; label counts as counted with other tools. QNLI's train file, MNLI's second
// dev file and QQP are parts of GLUE's, under names of their own.
const std::vector<GlueFile>& glue_files() {
  using data::Split;
  static const std::vector<GlueFile> kFiles = {
      {"cola", "CoLA/train.tsv", Split::kTrain, 8551, {2528, 6023}},
      {"cola", "CoLA/dev.tsv", Split::kDev, 1043, {322, 721}},
      {"cola", "CoLA/test.tsv", Split::kTest, 1063, {}},
      {"sst2", "SST-2/train.tsv", Split::kTrain, 67349, {29780, 37569}},
      {"sst2", "SST-2/dev.tsv", Split::kDev, 872, {428, 444}},
      {"sst2", "SST-2/test.tsv", Split::kTest, 1821, {}},
      {"mrpc", "MRPC/train.tsv", Split::kTrain, 3668, {1194, 2474}},
      {"mrpc", "MRPC/dev.tsv", Split::kDev, 408, {129, 279}},
      {"mrpc", "MRPC/test.tsv", Split::kTest, 1725, {}},
      {"rte", "RTE/train.tsv", Split::kTrain, 2490, {1249, 1241}},
      {"rte", "RTE/dev.tsv", Split::kDev, 277, {146, 131}},
      {"rte", "RTE/test.tsv", Split::kTest, 3000, {}},
      {"wnli", "WNLI/train.tsv", Split::kTrain, 635, {323, 312}},
      {"wnli", "WNLI/dev.tsv", Split::kDev, 71, {40, 31}},
      {"wnli", "WNLI/test.tsv", Split::kTest, 146, {}},
      {"stsb", "STS-B/test.tsv", Split::kTest, 1379, {}},
      {"qnli", "QNLI/train_subset.tsv", Split::kTrain, 10475, {5227, 5248}},
      {"qnli", "QNLI/dev.tsv", Split::kDev, 5463, {2702, 2761}},
      {"qnli", "QNLI/test.tsv", Split::kTest, 5463, {}},
      {"mnli", "MNLI/dev_matched.tsv", Split::kDev, 9815, {3479, 3123, 3213}},
      {"mnli", "MNLI/dev_mismatched_sample.tsv", Split::kDev, 1000, {346, 319, 335}},
      {"qqp", "QQP/sample_train.tsv", Split::kTrain, 9917, {4944, 4973}},
      {"qqp", "QQP/sample_dev.tsv", Split::kDev, 9928, {4948, 4980}},
  };
  return kFiles;
}

std::optional<std::filesystem::path> glue_directory() {
  const char* directory = std::getenv("GLUE_DIR");
  if (directory != nullptr && *directory != '\0') return directory;
  WARN("skipped: set GLUE_DIR to the folder of the GLUE data sets to run this test");
  return std::nullopt;
}

data::Dataset read(const std::filesystem::path& path, const char* task_name, data::Split split) {
  const data::Task task = data::glue_task(task_name);
  return data::read_dataset(path, task, task.layout(split));
}

double share(const data::Dataset& part, float label) {
  double count = 0;
  for (const float other : part.labels) count += other == label ? 1 : 0;
  return count / static_cast<double>(part.size());
}

std::vector<std::string_view> runs_of_words(std::string_view text) {
  std::vector<std::string_view> runs;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t word_end = std::min(text.find(' ', begin), text.size());
    for (std::size_t end = word_end; end <= text.size();) {
      runs.push_back(text.substr(begin, end - begin));
      end = end == text.size() ? end + 1 : std::min(text.find(' ', end + 1), text.size());
    }
    begin = word_end + 1;
  }
  return runs;
}

std::vector<std::string> normalised_texts(const data::Dataset& part) {
  std::vector<std::string> texts;
  for (const std::string_view text : part.text_a) texts.push_back(data::normalised_text(text));
  return texts;
}

/// How many runs of words in the texts of `part` are a text of `other`.
int count_runs_in(const data::Dataset& part, const data::Dataset& other) {
  const std::vector<std::string> texts = normalised_texts(part);
  const std::vector<std::string> others = normalised_texts(other);
  const std::unordered_set<std::string_view> known(others.begin(), others.end());
  int count = 0;
  for (const std::string& text : texts) {
    for (const std::string_view run : runs_of_words(text)) count += known.count(run) > 0 ? 1 : 0;
  }
  return count;
}

}  // namespace

TEST_CASE("the GLUE files have their published rows and labels", "[.][needs_glue][glue]") {
  const auto directory = glue_directory();
  if (!directory) return;
  for (const GlueFile& file : glue_files()) {
    INFO(file.path);
    const data::Dataset dataset = read(*directory / file.path, file.task, file.split);
    CHECK(dataset.size() == file.rows);
    CHECK(dataset.fully_labelled() == !file.label_counts.empty());
    std::vector<std::int64_t> counts(file.label_counts.size(), 0);
    for (const float label : dataset.labels) {
      if (!counts.empty()) ++counts.at(static_cast<std::size_t>(label));
    }
    CHECK(counts == file.label_counts);
    for (const std::string_view text : dataset.text_a) CHECK_FALSE(text.empty());
  }
}

TEST_CASE("STS-B has its rows and mean scores", "[.][needs_glue][glue]") {
  const auto directory = glue_directory();
  if (!directory) return;
  const std::map<std::string, std::pair<std::int64_t, double>> expected = {
      {"train.tsv", {5749, 2.701}}, {"dev.tsv", {1500, 2.364}}};
  for (const auto& [name, rows_and_mean] : expected) {
    const auto dataset = read(*directory / "STS-B" / name, "stsb", data::Split::kTrain);
    CHECK(dataset.size() == rows_and_mean.first);
    double sum = 0;
    for (const float score : dataset.labels) sum += score;
    CHECK(std::abs(sum / static_cast<double>(dataset.size()) - rows_and_mean.second) < 0.0005);
  }
}

TEST_CASE("holdouts of the GLUE train files have their size and label shares",
          "[.][needs_glue][glue]") {
  const auto directory = glue_directory();
  if (!directory) return;
  for (const GlueFile& file : glue_files()) {
    if (file.split != data::Split::kTrain) continue;
    INFO(file.path);
    const data::Dataset train = read(*directory / file.path, file.task, file.split);
    const auto split = data::make_split(train, data::glue_task(file.task), {}, 0, 0);
    const data::Dataset held_out = data::holdout_part(train, split);
    const data::Dataset trained = data::train_part(train, split);
    CHECK(std::abs(static_cast<double>(held_out.size()) / static_cast<double>(train.size()) - 0.1) <
          0.002);
    CHECK(std::abs(share(held_out, 1) - share(trained, 1)) < 0.01);
    const std::int64_t dropped = train.size() - held_out.size() - trained.size();
    if (std::string(file.task) != "sst2") CHECK(dropped == 0);
    CHECK(static_cast<double>(dropped) < 0.03 * static_cast<double>(train.size()));
  }
}

TEST_CASE("no SST-2 phrase of one side is in a text of the other", "[.][needs_glue][glue]") {
  const auto directory = glue_directory();
  if (!directory) return;
  const auto train = read(*directory / "SST-2/train.tsv", "sst2", data::Split::kTrain);
  for (const std::int64_t limit : {0, 10000}) {
    const auto split = data::make_split(train, data::glue_task("sst2"), {}, limit, 0);
    const data::Dataset held_out = data::holdout_part(train, split);
    const data::Dataset trained = data::train_part(train, split);
    CHECK(count_runs_in(held_out, held_out) > held_out.size());  // the count itself can see some
    CHECK(count_runs_in(held_out, trained) == 0);
    CHECK(count_runs_in(trained, held_out) == 0);
  }
}
