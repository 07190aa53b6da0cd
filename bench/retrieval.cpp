// Retrieval by itself: build time, size, recall, what an approximate search changes in p^KB, and
// latency, of our indexes and FAISS's on the same vectors and threads; and what it adds to a
// student's forward pass. Prints JSON.
//
//   bench_retrieval --rows 67000 --dimension 256 [--kb DIR] [--student DIR]
#include <torch/torch.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "class_clouds.h"
#include "faiss_index.h"
#include "models/thread_parallel.h"
#include "reaugkd/library_environment.h"
#include "retrieval/aggregation.h"
#include "retrieval/indexes.h"
#include "retrieval/knowledge_base.h"
#include "tensor/device.h"

namespace {

using namespace reaugkd;
using nlohmann::json;

constexpr std::int64_t kNeighbors = 10;
constexpr double kTau = 0.1;
constexpr double kBeta = 0.5;
constexpr std::int64_t kTokens = 128;

struct Options {
  std::int64_t rows = 67000, dimension = 256, queries = 512, rounds = 3;
  retrieval::IndexOptions hnsw;
  bench::CloudOptions clouds;
  std::string kb, student;
  int threads = 0;
  bool faiss = bench::has_faiss();
};

struct Contender {
  std::string name;
  std::unique_ptr<retrieval::Index> index = nullptr;
  double build_seconds = 0;
  double bytes = 0;
  std::vector<double> milliseconds_1 = {}, milliseconds_64 = {};  // of a call
};

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

/// Built, written and read again, as `eval` has it.
Contender build_hnsw(const torch::Tensor& embeddings, const retrieval::IndexOptions& options,
                     const std::string& name) {
  Contender ours{.name = name};
  ours.build_seconds =
      seconds_of([&] { ours.index = retrieval::build_hnsw_index(embeddings, options); });
  const auto path = std::filesystem::temp_directory_path() /
                    ("reaugkd-bench-" + std::to_string(::getpid()) + ".hnsw");
  ours.index->save(path);
  ours.bytes = static_cast<double>(std::filesystem::file_size(path));
  ours.index = retrieval::load_hnsw_index(path, embeddings, options);
  std::filesystem::remove(path);
  return ours;
}

std::vector<Contender> build_all(const torch::Tensor& embeddings, const Options& options) {
  std::vector<Contender> all;
  all.push_back(build_hnsw(embeddings, options.hnsw, "hnsw"));
  Contender exact{.name = "exact", .bytes = 4.0 * static_cast<double>(embeddings.numel())};
  exact.build_seconds = seconds_of([&] { exact.index = retrieval::make_exact_index(embeddings); });
  all.push_back(std::move(exact));
  if (!options.faiss) return all;
  auto hnsw = bench::build_faiss_hnsw(embeddings, options.hnsw);
  all.push_back({"faiss hnsw", std::move(hnsw.index), hnsw.build_seconds, hnsw.bytes});
  auto flat = bench::build_faiss_flat(embeddings);
  all.push_back({"faiss flat", std::move(flat.index), flat.build_seconds, flat.bytes});
  return all;
}

/// Every contender in turn on the same queries, one at a time and 64 at a time.
void time_searches(std::vector<Contender>& all, const torch::Tensor& queries, std::int64_t rounds) {
  const auto time = [&](const Contender& contender, std::int64_t batch, std::int64_t most,
                        std::vector<double>& milliseconds) {
    for (std::int64_t begin = 0; begin + batch <= std::min(queries.size(0), most); begin += batch) {
      const auto some = queries.slice(0, begin, begin + batch);
      milliseconds.push_back(1e3 * seconds_of([&] { contender.index->search(some, kNeighbors); }));
    }
  };
  for (std::int64_t round = 0; round < rounds; ++round) {
    for (auto& contender : all) {
      time(contender, 1, 100, contender.milliseconds_1);
      time(contender, 64, 512, contender.milliseconds_64);
    }
  }
}

/// Recall of the ids and the difference in p^KB, beside exact search.
json agreement(const Contender& contender, const Contender& exact, const bench::Clouds& clouds) {
  const auto found = contender.index->search(clouds.queries, kNeighbors);
  const auto truth = exact.index->search(clouds.queries, kNeighbors);
  const auto difference = (retrieval::aggregate(found, clouds.soft_labels, kTau) -
                           retrieval::aggregate(truth, clouds.soft_labels, kTau))
                              .abs();
  return {{"recall_at_10", retrieval::recall(found, truth)},
          {"p_kb_difference_mean", difference.mean().item<double>()},
          {"p_kb_difference_max", difference.max().item<double>()}};
}

/// Where real or made vectors lie, so that one can be set beside the other.
json shape_of(const bench::Clouds& clouds, const Contender& exact) {
  const auto rows =
      clouds.embeddings.slice(0, 0, std::min<std::int64_t>(2000, clouds.embeddings.size(0)));
  const auto centered = rows - rows.mean(0, true);
  const auto variances = torch::matmul(centered.t(), centered) / rows.size(0);
  const auto found = exact.index->search(clouds.queries, kNeighbors);
  const auto of_row = exact.index->search(rows.slice(0, 0, 200), kNeighbors + 1);
  const auto trace = variances.trace();
  return {{"variance", trace.item<double>()},
          {"effective_rank", (trace * trace / variances.square().sum()).item<double>()},
          {"query_nearest", found.similarities.select(1, 0).mean().item<double>()},
          {"query_tenth", found.similarities.select(1, kNeighbors - 1).mean().item<double>()},
          {"row_nearest", of_row.similarities.select(1, 1).mean().item<double>()},
          {"row_tenth", of_row.similarities.select(1, kNeighbors).mean().item<double>()}};
}

/// A forward of `batch` texts of 128 tokens, then equations 5 to 7: medians of each in turn.
json overhead(models::Classifier& student, std::int64_t vocab_size, const Contender& contender,
              const bench::Clouds& clouds, std::int64_t batch) {
  std::vector<double> forward, retrieving;
  const int count = batch == 1 ? 60 : 8;
  for (int i = 0; i < count; ++i) {
    const auto ids = torch::randint(1, vocab_size, {batch, kTokens}, torch::kInt64);
    const models::EncoderInput input{ids, torch::zeros_like(ids), torch::ones_like(ids)};
    const auto begin = (i * batch) % (clouds.queries.size(0) - batch + 1);
    const auto s = clouds.queries.slice(0, begin, begin + batch);
    torch::Tensor p;
    forward.push_back(seconds_of([&] {
      p = torch::softmax(models::forward_on_threads(student, input, models::Pooling::kCls).logits,
                         1);
    }));
    retrieving.push_back(seconds_of([&] {
      const auto p_kb =
          retrieval::aggregate(contender.index->search(s, kNeighbors), clouds.soft_labels, kTau);
      retrieval::combine(p, p_kb, torch::full({batch}, kBeta, torch::kFloat64));
    }));
  }
  return {{"batch", batch},
          {"forward_ms", 1e3 * median(forward)},
          {"retrieval_ms", 1e3 * median(retrieving)},
          {"overhead_percent", 100 * median(retrieving) / median(forward)}};
}

/// A random student of the directory's config.json.
json overheads(const Options& options, const std::vector<Contender>& all,
               const bench::Clouds& clouds) {
  auto config = models::load_config(options.student);
  for (std::int64_t c = 0; c < clouds.soft_labels.size(1); ++c) {
    config.id2label.push_back("class " + std::to_string(c));
  }
  models::Classifier student(config);
  student->eval();
  json result;
  for (const auto& contender : all) {
    if (contender.name.starts_with("faiss")) continue;
    for (const std::int64_t batch : {1, 32}) {
      result[contender.name].push_back(
          overhead(student, config.vocab_size, contender, clouds, batch));
    }
  }
  return result;
}

bench::Clouds vectors_for(const Options& options) {
  if (options.kb.empty()) {
    return bench::make_clouds(options.rows, options.queries, options.dimension, options.clouds);
  }
  const auto kb = retrieval::load_knowledge_base(options.kb);
  return bench::split_clouds(kb.embeddings, kb.soft_labels, options.queries, options.clouds);
}

json measure(const Options& options) {
  const auto clouds = vectors_for(options);
  auto all = build_all(clouds.embeddings, options);
  time_searches(all, clouds.queries, options.rounds);
  json result = {{"rows", clouds.embeddings.size(0)},
                 {"dimension", clouds.embeddings.size(1)},
                 {"vectors", options.kb.empty() ? "made" : "of a knowledge base"},
                 {"threads", torch::get_num_threads()},
                 {"index_threads", options.hnsw.threads},
                 {"shape", shape_of(clouds, all[1])}};
  for (const auto& contender : all) {
    json row = agreement(contender, all[1], clouds);
    row["build_seconds"] = contender.build_seconds;
    row["bytes_per_row"] = contender.bytes / static_cast<double>(clouds.embeddings.size(0));
    row["batch_1_ms"] = median(contender.milliseconds_1);
    row["batch_64_ms"] = median(contender.milliseconds_64);
    result["indexes"][contender.name] = row;
  }
  if (!options.student.empty()) result["overhead"] = overheads(options, all, clouds);
  return result;
}

void add_options(CLI::App& app, Options& options) {
  app.add_option("--rows", options.rows)->capture_default_str();
  app.add_option("--dimension", options.dimension)->capture_default_str();
  app.add_option("--queries", options.queries)->capture_default_str();
  app.add_option("--rounds", options.rounds)->capture_default_str();
  app.add_option("--M", options.hnsw.M)->capture_default_str();
  app.add_option("--ef-construction", options.hnsw.ef_construction)->capture_default_str();
  app.add_option("--ef-search", options.hnsw.ef_search)->capture_default_str();
  app.add_option("--index-threads", options.hnsw.threads, "of insertion")->capture_default_str();
  app.add_option("--threads", options.threads, "of searches; 0: one a core");
  app.add_option("--classes", options.clouds.classes)->capture_default_str();
  app.add_option("--rank", options.clouds.rank)->capture_default_str();
  app.add_option("--rows-per-cluster", options.clouds.rows_per_cluster)->capture_default_str();
  app.add_option("--cluster-spread", options.clouds.cluster_spread)->capture_default_str();
  app.add_option("--row-spread", options.clouds.row_spread)->capture_default_str();
  app.add_option("--student-spread", options.clouds.student_spread)->capture_default_str();
  app.add_option("--kb", options.kb, "real vectors: a knowledge base's");
  app.add_option("--student", options.student, "model directory: retrieval beside its forward");
  app.add_flag("--faiss,!--no-faiss", options.faiss, "compare with FAISS");
}

}  // namespace

int main(int argc, char** argv) {
  reaugkd::apps::start_again_with_library_environment(argv);
  Options options;
  CLI::App app("Retrieval: our indexes beside FAISS's");
  add_options(app, options);
  CLI11_PARSE(app, argc, argv);
  const torch::NoGradGuard no_grad;
  tensor::set_threads(options.threads);
  try {
    std::cout << measure(options).dump() << '\n';
  } catch (const base::Error& error) {
    std::cerr << error.what() << '\n';
    return error.exit_code();
  }
}
