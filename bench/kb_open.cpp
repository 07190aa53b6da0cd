// How long a knowledge base takes to open, checksums included, and what it holds of memory.
//
//   bench_kb_open --directory DIR [--rows 393000] [--dimension 768] [--dtype fp16] [--index hnsw]
//
// makes DIR where it is not there: random unit rows, and an index.hnsw whose links are random (as
// large as a real one and as valid, but nothing to search well with). Prints one JSON object.
#include <torch/torch.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>

#include "base/file.h"
#include "base/random.h"
#include "base/sha256.h"
#include "reaugkd/library_environment.h"
#include "retrieval/indexes.h"
#include "retrieval/knowledge_base.h"

namespace {

namespace fs = std::filesystem;
using namespace reaugkd;
using base::Json;

struct Options {
  std::string directory;
  std::int64_t rows = 393'000;
  std::int64_t dimension = 768;
  std::string dtype = "fp32";
  std::string index = "exact";
  int rounds = 5;
};

constexpr std::uint64_t kM = 16;

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Resident bytes of this process.
std::int64_t resident() {
  std::int64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> pages;
  return pages * 4096;
}

template <typename T>
void append(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// Links to random rows: a count and `capacity` ids below `rows`.
void append_links(std::string& bytes, std::uint64_t capacity, std::uint64_t rows,
                  base::Random& random) {
  append(bytes, static_cast<std::uint32_t>(capacity));
  for (std::uint64_t i = 0; i < capacity; ++i) {
    append(bytes, static_cast<std::uint32_t>(random.below(rows)));
  }
}

/// index.hnsw as hnswlib lays it out (lib/retrieval/hnsw_file_check.cpp): the first rows / M rows
/// are on level 1 too.
void write_index(const fs::path& path, const torch::Tensor& embeddings) {
  const auto rows = static_cast<std::uint64_t>(embeddings.size(0));
  const std::uint64_t upper = std::max<std::uint64_t>(1, rows / kM);
  const std::uint64_t vector_bytes = static_cast<std::uint64_t>(embeddings.size(1)) * 4;
  const std::uint64_t data = 4 * (1 + 2 * kM);
  const std::uint64_t element = data + vector_bytes + 8;
  base::Random random(1);
  base::AtomicFile file(path);
  std::string bytes;
  for (const std::uint64_t value : {std::uint64_t{0}, rows, rows, element, element - 8, data}) {
    append(bytes, value);
  }
  append(bytes, std::int32_t{1});
  append(bytes, std::uint32_t{0});
  for (const std::uint64_t value : {kM, 2 * kM, kM}) append(bytes, value);
  append(bytes, 1 / std::log(static_cast<double>(kM)));
  append(bytes, std::uint64_t{200});
  for (std::uint64_t row = 0; row < rows; ++row) {
    append_links(bytes, 2 * kM, rows, random);
    const auto vector = embeddings[static_cast<std::int64_t>(row)].to(torch::kFloat32);
    bytes.append(static_cast<const char*>(vector.data_ptr()), vector_bytes);
    append(bytes, row);
    file.write(bytes);
    bytes.clear();
  }
  for (std::uint64_t row = 0; row < rows; ++row) {
    append(bytes, static_cast<std::uint32_t>(row < upper ? 4 * (1 + kM) : 0));
    if (row < upper) append_links(bytes, kM, upper, random);
  }
  file.write(bytes);
  file.commit();
}

void make(const Options& options) {
  torch::manual_seed(1);
  retrieval::KnowledgeBase kb;
  kb.embeddings = torch::nn::functional::normalize(torch::randn({options.rows, options.dimension}))
                      .to(retrieval::dtype_by_name(options.dtype));
  kb.logits = torch::randn({options.rows, 2});
  kb.soft_labels = torch::softmax(kb.logits, 1);
  kb.labels = torch::zeros({options.rows});
  kb.label_answers = torch::zeros_like(kb.labels, torch::kBool);
  for (std::int64_t row = 0; row < options.rows; ++row) {
    kb.ids.push_back({0x1234567890abcdefULL, row});
    kb.text_a.push_back("a sentence of about as many words as are in a data set, number " +
                        std::to_string(row));
  }
  fs::create_directories(options.directory);
  const fs::path directory = options.directory;
  retrieval::save_knowledge_base(kb, *retrieval::make_exact_index(kb.embeddings), {}, directory);
  write_index(directory / "index.hnsw", kb.embeddings);
  Json manifest = base::read_json(directory / "kb.json");
  manifest["index"] = {{"kind", "hnsw"},   {"M", kM},   {"ef_construction", 200},
                       {"ef_search", 128}, {"seed", 0}, {"threads", 1}};
  manifest["files"]["index.hnsw"] = base::sha256_of_file(directory / "index.hnsw");
  base::write_json(directory / "kb.json", manifest);
}

Json measure(const Options& options) {
  const fs::path directory = options.directory;
  Json json = {{"rows", options.rows},
               {"dimension", options.dimension},
               {"dtype", options.dtype},
               {"index", options.index},
               {"threads", at::get_num_threads()}};
  std::vector<double> seconds;
  const auto queries = torch::nn::functional::normalize(torch::randn({32, options.dimension}));
  for (int round = 0; round < options.rounds; ++round) {
    const std::int64_t before = resident();
    retrieval::KnowledgeBase kb;
    std::unique_ptr<retrieval::Index> index;
    seconds.push_back(seconds_of([&] {
      kb = retrieval::load_knowledge_base(directory, retrieval::Texts::kLeave);
      index = retrieval::load_index(kb, directory, options.index, {});
    }));
    if (round > 0) continue;
    index->search(queries.slice(0, 0, 1), 16);
    index->search(queries, 16);
    json["resident_bytes"] = resident() - before;
    json["vector_bytes"] = kb.embeddings.numel() * kb.embeddings.element_size();
  }
  std::sort(seconds.begin(), seconds.end());
  json["open_seconds"] = {{"least", seconds.front()},
                          {"median", seconds[seconds.size() / 2]},
                          {"most", seconds.back()}};
  json["sha256_seconds"] = seconds_of([&] { base::sha256_of_file(directory / "kb.safetensors"); });
  return json;
}

}  // namespace

int main(int argc, char** argv) {
  reaugkd::apps::start_again_with_library_environment(argv);
  Options options;
  CLI::App app("How long a knowledge base takes to open");
  app.add_option("--directory", options.directory)->required();
  app.add_option("--rows", options.rows);
  app.add_option("--dimension", options.dimension);
  app.add_option("--dtype", options.dtype);
  app.add_option("--index", options.index);
  app.add_option("--rounds", options.rounds);
  CLI11_PARSE(app, argc, argv);
  if (!fs::exists(fs::path(options.directory) / "kb.json")) make(options);
  std::puts(measure(options).dump(2).c_str());
  return 0;
}
