// The table of indexes is open: one registered here is built, written, found in kb.json and loaded.
#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "catch.h"
#include "retrieval/embeddings.h"
#include "retrieval/indexes.h"
#include "retrieval/knowledge_base.h"
#include "temporary_directory.h"

namespace reaugkd::retrieval {
namespace {

/// The exact search under another name, with a file that says how many rows there are.
class Counted final : public Index {
 public:
  explicit Counted(const Keys& keys) : exact_(make_exact_index(keys)) {}
  std::string kind() const override { return "counted"; }
  std::int64_t size() const override { return exact_->size(); }
  std::int64_t dimension() const override { return exact_->dimension(); }
  Neighbors search(const torch::Tensor& queries, std::int64_t k) const override {
    return exact_->search(queries, k);
  }
  void save(const std::filesystem::path& path) const override {
    base::write_file(path, std::to_string(size()));
  }

 private:
  std::unique_ptr<Index> exact_;
};

void add_counted() {
  if (find_index_kind("counted") != nullptr) return;
  add_index_kind(
      {"counted", "index.counted",
       [](const Keys& keys, const IndexOptions&) { return std::make_unique<Counted>(keys); },
       [](const std::filesystem::path& path, const Keys& keys,
          const IndexOptions&) -> std::unique_ptr<Index> {
         auto index = std::make_unique<Counted>(keys);
         if (base::read_file(path) != std::to_string(index->size())) {
           throw base::ArtifactError("{}: another number of rows", path.string());
         }
         return index;
       }});
}

KnowledgeBase twelve_rows() {
  KnowledgeBase kb;
  kb.embeddings = tests::unit_rows(12, 4, 1);
  kb.logits = tests::normal(12, 2, 2);
  kb.soft_labels = torch::softmax(kb.logits, 1);
  kb.labels = torch::zeros({12});
  kb.label_answers = torch::zeros_like(kb.labels, torch::kBool);
  for (std::int64_t i = 0; i < 12; ++i) {
    kb.ids.push_back({1, i});
    kb.text_a.push_back("text");
  }
  return kb;
}

TEST_CASE("an index of another's is built, written and loaded", "[indexes]") {
  add_counted();
  CHECK(index_kinds().back() == "counted");
  const tests::TemporaryDirectory directory;
  const auto kb = twelve_rows();
  const auto index = find_index_kind("counted")->build(kb.embeddings, {});
  save_knowledge_base(kb, *index, {}, directory.path());
  CHECK(base::read_json(directory.path() / "kb.json")["index"]["kind"] == "counted");
  const auto loaded = load_knowledge_base(directory.path());
  CHECK(load_index(loaded, directory.path(), "auto", {})->kind() == "counted");
  CHECK(load_index(loaded, directory.path(), "exact", {})->kind() == "exact");
  CHECK_THROWS_AS(load_index(loaded, directory.path(), "hnsw", {}), base::ArtifactError);
  base::write_file(directory.path() / "index.counted", "11");
  CHECK_THROWS_AS(load_index(loaded, directory.path(), "auto", {}), base::ArtifactError);

  // Built again with another kind: the file of this one must not stay.
  save_knowledge_base(kb, *make_exact_index(kb.embeddings), {}, directory.path());
  CHECK_FALSE(std::filesystem::exists(directory.path() / "index.counted"));
}

TEST_CASE("a kind of index that nobody knows is refused by name", "[indexes]") {
  const tests::TemporaryDirectory directory;
  const auto kb = twelve_rows();
  save_knowledge_base(kb, *make_exact_index(kb.embeddings), {}, directory.path());
  auto json = base::read_json(directory.path() / "kb.json");
  json["index"] = {{"kind", "forest"}, {"M", 8},    {"ef_construction", 9},
                   {"ef_search", 9},   {"seed", 0}, {"threads", 1}};
  base::write_json(directory.path() / "kb.json", json);
  CHECK_THROWS_WITH(load_knowledge_base(directory.path()),
                    ContainsSubstring("kind \"forest\"") && ContainsSubstring("hnsw, exact"));
}

}  // namespace
}  // namespace reaugkd::retrieval
