// How fast texts become token ids: rows of a task's file, or the lines of a text file, a second, on
// each number of threads. Prints JSON.
//
//   bench_tokenizing --model $MODEL_DIR --task rte --file $GLUE_DIR/RTE/train.tsv --threads 1 2
//   bench_tokenizing --model $MODEL_DIR --lines texts.txt --threads 1 2
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/text_column.h"
#include "data/dataset.h"
#include "text/encoded_dataset.h"

namespace {

using namespace reaugkd;

constexpr int kRounds = 5;

struct Options {
  std::string model, task = "rte", file, lines;
  std::vector<int> threads = {1, 2};
  std::int64_t max_seq_length = 128;
};

struct Texts {
  base::TextColumn first, second;
};

Texts read_texts(const Options& options) {
  Texts texts;
  if (options.lines.empty()) {
    const auto task = data::glue_task(options.task);
    auto dataset = data::read_dataset(options.file, task, task.train);
    return {std::move(dataset.text_a), std::move(dataset.text_b)};
  }
  std::ifstream file(options.lines);
  if (!file) throw base::IoError("{}: cannot be read", options.lines);
  for (std::string line; std::getline(file, line);) texts.first.push_back(line);
  return texts;
}

/// `rounds` times each number of threads, in turn.
nlohmann::json measure(const Options& options) {
  const auto tokenizer = text::load_tokenizer(options.model);
  const Texts texts = read_texts(options);
  std::vector<std::vector<double>> rates(options.threads.size());
  // A busy machine takes the processor away, which the clock on the wall counts and this one not.
  std::vector<double> by_processor(options.threads.size());
  nlohmann::json json;
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t i = 0; i < options.threads.size(); ++i) {
      const auto start = std::chrono::steady_clock::now();
      const std::clock_t used = std::clock();
      const auto encoded = text::encode_dataset(*tokenizer, texts.first, texts.second,
                                                options.max_seq_length, options.threads[i]);
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
      rates[i].push_back(static_cast<double>(texts.first.size()) / seconds.count());
      const double processor =
          static_cast<double>(std::clock() - used) / static_cast<double>(CLOCKS_PER_SEC);
      by_processor[i] =
          std::max(by_processor[i], static_cast<double>(texts.first.size()) / processor);
      json["rows"] = encoded.size();
    }
  }
  for (std::size_t i = 0; i < options.threads.size(); ++i) {
    auto& all = rates[i];
    std::sort(all.begin(), all.end());
    json["rates"].push_back({{"threads", options.threads[i]},
                             {"rows_per_second", all[kRounds / 2]},
                             {"best", all.back()},
                             {"best_per_processor_second", by_processor[i]},
                             {"spread", (all.back() - all.front()) / all[kRounds / 2]}});
  }
  return json;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Tokenizing speed on a task's file, laid out as its training file");
  app.add_option("--model", options.model, "directory with the vocabulary")->required();
  app.add_option("--task", options.task, "a GLUE task")->capture_default_str();
  auto* file = app.add_option("--file", options.file, "its rows");
  app.add_option("--lines", options.lines, "a text a line, in place of --file")->excludes(file);
  app.add_option("--threads", options.threads, "numbers of threads")->capture_default_str();
  app.add_option("--max-seq-length", options.max_seq_length)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    std::cout << measure(options).dump() << '\n';
  } catch (const base::Error& error) {
    std::cerr << error.what() << '\n';
    return error.exit_code();
  }
}
