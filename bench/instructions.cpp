// Fixed small pieces of work whose instructions callgrind counts, so that no change makes them
// slower unseen (bench/guard.py). Times depend on the machine and on what else runs there; counts
// do not.
//
//   valgrind --tool=callgrind --instr-atstart=no --callgrind-out-file=OUT bench_instructions
//   --model
//     tests/golden/random-bert-l2-h32 --vocabulary data/demo/teacher --texts data/demo/train.tsv
//
// OUT.1, OUT.2, ... have one piece each, named in their "desc: Trigger" lines.
#include <torch/torch.h>
#include <valgrind/callgrind.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "base/error.h"
#include "class_clouds.h"
#include "models/model_directory.h"
#include "models/thread_parallel.h"
#include "retrieval/indexes.h"
#include "tensor/device.h"
#include "text/encoded_dataset.h"
#include "train/optimizer.h"

namespace {

using namespace reaugkd;

constexpr std::int64_t kRows = 2000, kDimension = 64, kQueries = 64, kNeighbors = 16;

struct Options {
  std::string model, vocabulary, texts;
};

/// Once unseen, since a first call makes things ready; then counted.
void count(const char* name, const std::function<void()>& work) {
  work();
  CALLGRIND_START_INSTRUMENTATION;
  CALLGRIND_ZERO_STATS;
  work();
  CALLGRIND_DUMP_STATS_AT(name);
  CALLGRIND_STOP_INSTRUMENTATION;
}

/// 16 texts of 4 to 19 tokens.
models::EncoderInput ragged_batch(std::int64_t vocabulary) {
  const std::int64_t texts = 16, tokens = 19;
  const auto lengths = torch::arange(texts).add(4).unsqueeze(1);
  const auto mask = (torch::arange(tokens).unsqueeze(0) < lengths).to(torch::kInt64);
  return {torch::randint(5, vocabulary, {texts, tokens}, torch::kInt64) * mask,
          torch::zeros({texts, tokens}, torch::kInt64), mask};
}

void count_models(const Options& options) {
  auto config = models::load_config(options.model);
  auto loaded = models::load_classifier(options.model, config, {});
  const auto input = ragged_batch(config.vocab_size);
  train::AdamW optimizer(train::decay_groups(*loaded.model, 2e-5, 0.01));
  count("training step", [&] {
    loaded.model->train();
    const auto output = models::forward_on_threads(loaded.model, input, models::Pooling::kMean);
    (output.logits.square().sum() + output.embedding.square().sum()).backward();
    optimizer.step(1, train::clip_factor(optimizer.gradient_norm(), 1));
  });
  count("forward pass", [&] {
    const torch::NoGradGuard no_grad;
    loaded.model->eval();
    models::forward_on_threads(loaded.model, input, models::Pooling::kMean);
  });
}

void count_tokenizer(const Options& options) {
  const auto tokenizer = text::load_tokenizer(options.vocabulary);
  std::ifstream file(options.texts);
  if (!file) throw base::IoError("{}: cannot be read", options.texts);
  base::TextColumn texts;
  for (std::string line; std::getline(file, line) && texts.size() < 500;) texts.push_back(line);
  count("500 texts to token ids",
        [&] { text::encode_dataset(*tokenizer, texts, {}, /*max_seq_length=*/64, /*threads=*/1); });
}

void count_retrieval() {
  const auto clouds = bench::make_clouds(kRows, kQueries, kDimension, {});
  const auto exact = retrieval::make_exact_index(clouds.embeddings);
  count("64 queries, exact", [&] { exact->search(clouds.queries, kNeighbors); });
  retrieval::IndexOptions hnsw;
  hnsw.threads = 1;  // the same graph each time
  std::unique_ptr<retrieval::Index> index;
  count("HNSW index of 2,000 rows",
        [&] { index = retrieval::build_hnsw_index(clouds.embeddings, hnsw); });
  count("64 queries, HNSW", [&] { index->search(clouds.queries, kNeighbors); });
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Work whose instructions callgrind counts");
  app.add_option("--model", options.model, "a small classifier's directory")->required();
  app.add_option("--vocabulary", options.vocabulary, "a directory with a vocabulary")->required();
  app.add_option("--texts", options.texts, "a text a line")->required();
  CLI11_PARSE(app, argc, argv);
  tensor::set_threads(1);
  torch::manual_seed(0);
  try {
    count_models(options);
    count_tokenizer(options);
    const torch::NoGradGuard no_grad;
    count_retrieval();
  } catch (const base::Error& error) {
    std::cerr << error.what() << '\n';
    return error.exit_code();
  }
}
