// index.hnsw: the first three bytes are what kb.json and the keys say of it, the rest the file.
#include <vector>

#include "fuzz.h"
#include "retrieval/hnsw_file_check.h"

void read(const std::string& bytes, const std::filesystem::path&) {
  using namespace reaugkd::retrieval;
  if (bytes.size() < 3) return;
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  HnswFileExpectation expected = {1ULL + at(0) % 16, 1ULL + at(1) % 8, 2ULL + at(2) % 8, 20};
  std::vector<std::int64_t> labels;  // every second row, or all
  for (std::uint64_t i = 0; at(2) >= 128 && i < expected.elements; ++i) labels.push_back(2 * i);
  expected.labels = labels;
  const std::vector<float> vector(expected.dimension, 0.5F);
  check_hnsw_file(
      std::string_view(bytes).substr(3), expected, [&](std::uint64_t) { return vector.data(); },
      "index.hnsw");
}
