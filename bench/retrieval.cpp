// Retrieval by itself: build time, size, recall, what an approximate search changes in p^KB, and
// latency over the number of candidates, of one of our indexes (vector_search.py does the same with
// FAISS's and hnswlib's on the same vectors); and what it adds to a student's forward pass. Prints
// JSON.
//
//   bench_retrieval --vectors v.safetensors --rows 67000 --dimension 256        # makes the file
//   bench_retrieval --vectors v.safetensors --index hnsw --index-file v.hnsw    # builds, or loads
//   bench_retrieval --vectors v.safetensors --index hnsw --index-file v.hnsw --student DIR
#include <torch/torch.h>

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
#include "models/thread_parallel.h"
#include "reaugkd/library_environment.h"
#include "retrieval/aggregation.h"
#include "retrieval/indexes.h"
#include "retrieval/knowledge_base.h"
#include "tensor/device.h"
#include "tensor/safetensors.h"

namespace {

using namespace reaugkd;
using nlohmann::json;

constexpr std::int64_t kNeighbors = 10;
constexpr double kTau = 0.1;
constexpr double kBeta = 0.5;
constexpr std::int64_t kTokens = 128;

struct Options {
  std::int64_t rows = 67000, dimension = 256, queries = 512;
  retrieval::IndexOptions hnsw;
  bench::CloudOptions clouds;
  std::vector<std::int64_t> candidates = {16, 32, 64, 128, 256};
  std::string vectors, kb, index, index_file, student;
  int threads = 0;
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

bench::Clouds made_vectors(const Options& options) {
  if (options.kb.empty()) {
    return bench::make_clouds(options.rows, options.queries, options.dimension, options.clouds);
  }
  const auto kb = retrieval::load_knowledge_base(options.kb);
  return bench::split_clouds(kb.embeddings, kb.soft_labels, options.queries, options.clouds);
}

/// Where real or made vectors lie, so that one can be set beside the other.
json shape_of(const bench::Clouds& clouds, const retrieval::Index& exact) {
  const auto rows =
      clouds.embeddings.slice(0, 0, std::min<std::int64_t>(2000, clouds.embeddings.size(0)));
  const auto centered = rows - rows.mean(0, true);
  const auto variances = torch::matmul(centered.t(), centered) / rows.size(0);
  const auto found = exact.search(clouds.queries, kNeighbors);
  const auto of_row = exact.search(rows.slice(0, 0, 200), kNeighbors + 1);
  const auto trace = variances.trace();
  return {{"variance", trace.item<double>()},
          {"effective_rank", (trace * trace / variances.square().sum()).item<double>()},
          {"query_nearest", found.similarities.select(1, 0).mean().item<double>()},
          {"query_tenth", found.similarities.select(1, kNeighbors - 1).mean().item<double>()},
          {"row_nearest", of_row.similarities.select(1, 1).mean().item<double>()},
          {"row_tenth", of_row.similarities.select(1, kNeighbors).mean().item<double>()}};
}

/// The vectors, the queries and the exact neighbors, for every contender to read.
json write_vectors(const Options& options) {
  const auto clouds = made_vectors(options);
  const auto exact = retrieval::make_exact_index(clouds.embeddings);
  const auto truth = exact->search(clouds.queries, kNeighbors);
  tensor::save_safetensors(options.vectors, {{"embeddings", clouds.embeddings},
                                             {"queries", clouds.queries},
                                             {"soft_labels", clouds.soft_labels},
                                             {"truth", truth.indices}});
  return {{"rows", clouds.embeddings.size(0)},
          {"dimension", clouds.embeddings.size(1)},
          {"vectors", options.kb.empty() ? "made" : "of a knowledge base"},
          {"shape", shape_of(clouds, *exact)}};
}

/// Built and written unless it was before, then read again, as `eval` has it.
std::unique_ptr<retrieval::Index> open_index(const Options& options,
                                             const torch::Tensor& embeddings, json& result) {
  if (options.index == "exact") return retrieval::make_exact_index(embeddings);
  if (!std::filesystem::exists(options.index_file)) {
    std::unique_ptr<retrieval::Index> built;
    result["build_seconds"] =
        seconds_of([&] { built = retrieval::build_hnsw_index(embeddings, options.hnsw); });
    built->save(options.index_file);
  }
  result["bytes_per_row"] = static_cast<double>(std::filesystem::file_size(options.index_file)) /
                            static_cast<double>(embeddings.size(0));
  return retrieval::load_hnsw_index(options.index_file, embeddings, options.hnsw);
}

/// Milliseconds of a search of `batch` queries, the median.
double search_ms(const retrieval::Index& index, const torch::Tensor& queries, std::int64_t batch,
                 std::int64_t most) {
  std::vector<double> milliseconds;
  for (std::int64_t begin = 0; begin + batch <= std::min(queries.size(0), most); begin += batch) {
    const auto some = queries.slice(0, begin, begin + batch);
    milliseconds.push_back(1e3 * seconds_of([&] { index.search(some, kNeighbors); }));
  }
  return median(milliseconds);
}

/// Recall of the ids and the difference in p^KB beside exact search, and latency.
json search_point(const retrieval::Index& index, const tensor::TensorMap& vectors) {
  const auto& queries = vectors.at("queries");
  const auto found = index.search(queries, kNeighbors);
  auto truth = retrieval::Neighbors::none(queries.size(0), kNeighbors);
  truth.indices = vectors.at("truth");
  truth.similarities = torch::bmm(vectors.at("embeddings")
                                      .index_select(0, truth.indices.view({-1}))
                                      .view({queries.size(0), kNeighbors, -1}),
                                  queries.unsqueeze(2))
                           .squeeze(2);
  const auto& soft_labels = vectors.at("soft_labels");
  const auto difference = (retrieval::aggregate(found, soft_labels, kTau) -
                           retrieval::aggregate(truth, soft_labels, kTau))
                              .abs();
  return {{"recall_at_10", retrieval::recall(found, truth)},
          {"p_kb_difference_mean", difference.mean().item<double>()},
          {"p_kb_difference_max", difference.max().item<double>()},
          {"batch_1_ms", search_ms(index, queries, 1, 100)},
          {"batch_64_ms", search_ms(index, queries, 64, queries.size(0))}};
}

/// A point for each number of candidates; an exact search has one.
json search_curve(retrieval::Index& index, const tensor::TensorMap& vectors,
                  const std::vector<std::int64_t>& candidates) {
  if (!index.approximate()) return {search_point(index, vectors)};
  json points;
  for (const auto number : candidates) {
    index.set_candidates(number);
    auto point = search_point(index, vectors);
    point["candidates"] = number;
    points.push_back(point);
  }
  return points;
}

/// A forward of `batch` texts of 128 tokens, then equations 5 to 7: medians of each in turn.
json overhead(models::Classifier& student, std::int64_t vocab_size, const retrieval::Index& index,
              const tensor::TensorMap& vectors, std::int64_t batch) {
  const auto& queries = vectors.at("queries");
  std::vector<double> forward, retrieving;
  const int count = batch == 1 ? 60 : 8;
  for (int i = 0; i < count; ++i) {
    const auto ids = torch::randint(1, vocab_size, {batch, kTokens}, torch::kInt64);
    const models::EncoderInput input{ids, torch::zeros_like(ids), torch::ones_like(ids)};
    const auto begin = (i * batch) % (queries.size(0) - batch + 1);
    const auto s = queries.slice(0, begin, begin + batch);
    torch::Tensor p;
    forward.push_back(seconds_of([&] {
      p = torch::softmax(models::forward_on_threads(student, input, models::Pooling::kCls).logits,
                         1);
    }));
    retrieving.push_back(seconds_of([&] {
      const auto p_kb =
          retrieval::aggregate(index.search(s, kNeighbors), vectors.at("soft_labels"), kTau);
      retrieval::combine(p, p_kb, torch::full({batch}, kBeta, torch::kFloat64));
    }));
  }
  return {{"batch", batch},
          {"forward_ms", 1e3 * median(forward)},
          {"retrieval_ms", 1e3 * median(retrieving)},
          {"overhead_percent", 100 * median(retrieving) / median(forward)}};
}

/// Beside a random student of the directory's config.json, with the default number of candidates.
json overheads(const Options& options, retrieval::Index& index, const tensor::TensorMap& vectors) {
  auto config = models::load_config(options.student);
  for (std::int64_t c = 0; c < vectors.at("soft_labels").size(1); ++c) {
    config.id2label.push_back("class " + std::to_string(c));
  }
  models::Classifier student(config);
  student->eval();
  student->prepare_to_answer({});
  if (index.approximate()) index.set_candidates(options.hnsw.ef_search);
  json result;
  for (const std::int64_t batch : {1, 32}) {
    result.push_back(overhead(student, config.vocab_size, index, vectors, batch));
  }
  return result;
}

json measure(const Options& options) {
  if (!std::filesystem::exists(options.vectors)) return write_vectors(options);
  const auto vectors = tensor::load_safetensors(options.vectors);
  const auto& embeddings = vectors.at("embeddings");
  json result = {{"threads", torch::get_num_threads()}, {"index_threads", options.hnsw.threads}};
  const auto index = open_index(options, embeddings, result);
  if (!options.student.empty()) {
    result["overhead"] = overheads(options, *index, vectors);
  } else {
    result["points"] = search_curve(*index, vectors, options.candidates);
  }
  return result;
}

void add_options(CLI::App& app, Options& options) {
  app.add_option("--vectors", options.vectors, "a .safetensors file; made where there is none")
      ->required();
  app.add_option("--rows", options.rows)->capture_default_str();
  app.add_option("--dimension", options.dimension)->capture_default_str();
  app.add_option("--queries", options.queries)->capture_default_str();
  app.add_option("--classes", options.clouds.classes)->capture_default_str();
  app.add_option("--rank", options.clouds.rank)->capture_default_str();
  app.add_option("--rows-per-cluster", options.clouds.rows_per_cluster)->capture_default_str();
  app.add_option("--cluster-spread", options.clouds.cluster_spread)->capture_default_str();
  app.add_option("--row-spread", options.clouds.row_spread)->capture_default_str();
  app.add_option("--student-spread", options.clouds.student_spread)->capture_default_str();
  app.add_option("--kb", options.kb, "real vectors: a knowledge base's");
  app.add_option("--index", options.index)->check(CLI::IsMember({"hnsw", "exact"}));
  app.add_option("--index-file", options.index_file, "of hnsw; built where there is none");
  app.add_option("--M", options.hnsw.M)->capture_default_str();
  app.add_option("--ef-construction", options.hnsw.ef_construction)->capture_default_str();
  app.add_option("--ef-search", options.hnsw.ef_search, "beside a student")->capture_default_str();
  app.add_option("--candidates", options.candidates, "ef of each point")->delimiter(',');
  app.add_option("--index-threads", options.hnsw.threads, "of insertion")->capture_default_str();
  app.add_option("--threads", options.threads, "of searches; 0: one a core");
  app.add_option("--student", options.student, "model directory: retrieval beside its forward");
}

}  // namespace

int main(int argc, char** argv) {
  reaugkd::apps::start_again_with_library_environment(argv);
  Options options;
  CLI::App app("Retrieval: one of our indexes on vectors in a file");
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
