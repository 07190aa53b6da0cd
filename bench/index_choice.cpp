// From which size on HNSW is faster than an exact search: milliseconds a query of both, for made
// vectors of each size. Prints a JSON object a line.
//
//   bench_index_choice --rows 1000,3000,10000,30000,100000 --dimensions 256,384,768
#include <torch/torch.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"
#include "class_clouds.h"
#include "reaugkd/library_environment.h"
#include "retrieval/indexes.h"
#include "tensor/device.h"

namespace {

using namespace reaugkd;
using nlohmann::json;

constexpr std::int64_t kQueries = 512;
constexpr std::int64_t kNeighbors = 16;

double milliseconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

/// Milliseconds a query, the median of calls with `batch` queries.
double per_query(const retrieval::Index& index, const torch::Tensor& queries, std::int64_t batch,
                 int rounds) {
  std::vector<double> all;
  for (int round = 0; round < rounds; ++round) {
    const std::int64_t end = batch == 1 ? 60 : kQueries;
    for (std::int64_t begin = 0; begin + batch <= end; begin += batch) {
      const auto some = queries.slice(0, begin, begin + batch);
      all.push_back(milliseconds_of([&] { index.search(some, kNeighbors); }));
    }
  }
  std::nth_element(all.begin(), all.begin() + all.size() / 2, all.end());
  return all[all.size() / 2] / static_cast<double>(batch);
}

json measure(std::int64_t rows, std::int64_t dimension, const retrieval::IndexOptions& options,
             int rounds) {
  const auto clouds = bench::make_clouds(rows, kQueries, dimension, {});
  const auto exact = retrieval::make_exact_index(clouds.embeddings);
  const auto hnsw = retrieval::build_hnsw_index(clouds.embeddings, options);
  json result = {{"rows", rows}, {"dimension", dimension}, {"threads", torch::get_num_threads()}};
  for (const std::int64_t batch : {1, 128}) {
    const std::string at = "_ms_at_" + std::to_string(batch);
    result["exact" + at] = per_query(*exact, clouds.queries, batch, rounds);
    result["hnsw" + at] = per_query(*hnsw, clouds.queries, batch, rounds);
  }
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  reaugkd::apps::start_again_with_library_environment(argv);
  std::vector<std::int64_t> rows = {1000, 3000, 10'000, 30'000, 100'000};
  std::vector<std::int64_t> dimensions = {256, 384, 768};
  retrieval::IndexOptions options;
  int threads = 0;
  int rounds = 5;
  CLI::App app("An exact search beside HNSW, by size");
  app.add_option("--rows", rows)->delimiter(',');
  app.add_option("--dimensions", dimensions)->delimiter(',');
  app.add_option("--rounds", rounds)->capture_default_str();
  app.add_option("--index-threads", options.threads, "of insertion")->capture_default_str();
  app.add_option("--threads", threads, "of searches; 0: one a core");
  CLI11_PARSE(app, argc, argv);
  const torch::NoGradGuard no_grad;
  tensor::set_threads(threads);
  try {
    for (const auto dimension : dimensions) {
      for (const auto n : rows) {
        std::cout << measure(n, dimension, options, rounds).dump() << std::endl;
      }
    }
  } catch (const base::Error& error) {
    std::cerr << error.what() << '\n';
    return error.exit_code();
  }
}
