// What it costs to add rows to an index, beside building it again, and whether a search right after
// is as good. Prints one JSON object.
//
//   bench_index_extend --rows 400000 --dimension 256 --added 1000
#include <torch/torch.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "class_clouds.h"
#include "reaugkd/library_environment.h"
#include "retrieval/indexes.h"
#include "tensor/device.h"

namespace {

using namespace reaugkd;
using nlohmann::json;

struct Options {
  std::int64_t rows = 400'000, dimension = 256, added = 1000, queries = 1000, k = 16;
  retrieval::IndexOptions hnsw;
  bench::CloudOptions clouds;
  int threads = 1;
};

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

json measure(const Options& options) {
  const auto clouds = bench::make_clouds(options.rows + options.added, options.queries,
                                         options.dimension, options.clouds);
  const auto& kind = *retrieval::find_index_kind("hnsw");
  const auto path = std::filesystem::temp_directory_path() /
                    ("reaugkd-bench-" + std::to_string(::getpid()) + ".hnsw");
  retrieval::build_index(kind, clouds.embeddings.slice(0, 0, options.rows), options.hnsw)
      ->save(path);
  std::unique_ptr<retrieval::Index> extended, rebuilt;
  json result = {{"rows", options.rows},       {"dimension", options.dimension},
                 {"added", options.added},     {"index_threads", options.hnsw.threads},
                 {"threads", options.threads}, {"k", options.k}};
  const double extend = seconds_of([&] {
    extended =
        retrieval::extend_index_file(kind, path, options.rows, clouds.embeddings, options.hnsw);
  });
  const double save = seconds_of([&] { extended->save(path); });
  std::filesystem::remove(path);
  const double rebuild =
      seconds_of([&] { rebuilt = retrieval::build_index(kind, clouds.embeddings, options.hnsw); });
  result["extend_seconds"] = extend;
  result["rebuild_seconds"] = rebuild;
  result["save_seconds"] = save;
  result["extend_percent"] = 100 * extend / rebuild;
  result["extend_and_save_percent"] = 100 * (extend + save) / (rebuild + save);
  // Queries beside all rows, and beside those that were added.
  const auto added = clouds.embeddings.slice(0, options.rows);
  const auto exact = retrieval::make_exact_index(clouds.embeddings);
  for (const auto& [what, queries] :
       {std::pair("queries", clouds.queries), std::pair("added rows", added)}) {
    const auto wanted = exact->search(queries, options.k);
    result["recall"][what] = {
        {"extended", retrieval::recall(extended->search(queries, options.k), wanted)},
        {"rebuilt", retrieval::recall(rebuilt->search(queries, options.k), wanted)}};
  }
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  reaugkd::apps::start_again_with_library_environment(argv);
  Options options;
  CLI::App app("Rows added to an index, beside building it again");
  app.add_option("--rows", options.rows)->capture_default_str();
  app.add_option("--dimension", options.dimension)->capture_default_str();
  app.add_option("--added", options.added)->capture_default_str();
  app.add_option("--queries", options.queries)->capture_default_str();
  app.add_option("--row-spread", options.clouds.row_spread)->capture_default_str();
  app.add_option("--student-spread", options.clouds.student_spread)->capture_default_str();
  app.add_option("--index-threads", options.hnsw.threads, "of insertion")->capture_default_str();
  app.add_option("--threads", options.threads, "of everything else; 0: one a core")
      ->capture_default_str();
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
