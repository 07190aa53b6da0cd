#include "retrieval/knowledge_base.h"

#include <cmath>
#include <functional>
#include <limits>

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "catch.h"
#include "retrieval/embeddings.h"
#include "retrieval/indexes.h"
#include "temporary_directory.h"
#include "tensor/safetensors.h"

namespace reaugkd::retrieval {
namespace {

constexpr std::int64_t kRows = 60;
constexpr IndexOptions kOptions = {.M = 8, .ef_construction = 40, .ef_search = 20, .seed = 3};

KnowledgeBase sample() {
  KnowledgeBase kb;
  kb.embeddings = tests::unit_rows(kRows, 8, 1);
  kb.logits = tests::normal(kRows, 3, 2);
  kb.soft_labels = torch::softmax(kb.logits, 1);
  kb.labels = torch::arange(kRows).remainder(3).to(torch::kFloat32);
  kb.label_answers = torch::zeros_like(kb.labels, torch::kBool);
  kb.labels[5] = std::numeric_limits<float>::quiet_NaN();
  for (std::int64_t i = 0; i < kRows; ++i) {
    kb.ids.push_back({0xfedcba9876543210ULL, 2 * i});  // the file part is negative as int64
    kb.text_a.push_back("text\t" + std::to_string(i));
    kb.text_b.push_back("other\\" + std::to_string(i));
  }
  kb.provenance.task_settings = {{"task", "mnli"}};
  kb.provenance.cross_fit_folds = 4;
  return kb;
}

void save(const KnowledgeBase& kb, const std::filesystem::path& directory) {
  save_knowledge_base(kb, *build_hnsw_index(kb.embeddings, kOptions), kOptions, directory);
}

/// Changes kb.safetensors and makes its checksum right again, as a faulty writer would.
void rewrite_tensors(const std::filesystem::path& directory,
                     const std::function<void(tensor::TensorMap&)>& change) {
  tensor::TensorMap tensors;
  for (const auto& [name, value] : tensor::load_safetensors(directory / "kb.safetensors")) {
    tensors[name] = value.clone();
  }
  change(tensors);
  tensor::save_safetensors(directory / "kb.safetensors", tensors);
  auto manifest = base::read_json(directory / "kb.json");
  manifest["files"]["kb.safetensors"] = base::sha256_of_file(directory / "kb.safetensors");
  base::write_json(directory / "kb.json", manifest);
}

void rewrite_manifest(const std::filesystem::path& directory,
                      const std::function<void(base::Json&)>& change) {
  auto manifest = base::read_json(directory / "kb.json");
  change(manifest);
  base::write_json(directory / "kb.json", manifest);
}

std::string refusal(const std::filesystem::path& directory) {
  try {
    load_knowledge_base(directory);
  } catch (const base::ArtifactError& error) {
    return error.what();
  }
  return "accepted";
}

std::string index_refusal(const KnowledgeBase& kb, const std::filesystem::path& directory,
                          const std::string& choice = "auto") {
  try {
    load_index(kb, directory, choice, 20);
  } catch (const base::ArtifactError& error) {
    return error.what();
  }
  return "accepted";
}

TEST_CASE("a knowledge base comes back as it was") {
  const tests::TemporaryDirectory directory;
  const auto kb = sample();
  save(kb, directory.path());
  const auto loaded = load_knowledge_base(directory.path());
  CHECK(torch::equal(loaded.embeddings, kb.embeddings));
  CHECK(torch::equal(loaded.logits, kb.logits));
  CHECK(torch::equal(loaded.soft_labels, kb.soft_labels));
  CHECK(torch::allclose(loaded.labels, kb.labels, 0, 0, /*equal_nan=*/true));
  CHECK((loaded.ids == kb.ids));
  CHECK(loaded.text_a == kb.text_a);
  CHECK(loaded.text_b == kb.text_b);
  CHECK(loaded.provenance.to_json() == kb.provenance.to_json());
  CHECK(rows_by_id(loaded).at({0xfedcba9876543210ULL, 14}) == 7);
}

TEST_CASE("kb.json says what is there") {
  const tests::TemporaryDirectory directory;
  const auto kb = sample();
  save(kb, directory.path());
  const auto manifest = base::read_json(directory.path() / "kb.json");
  CHECK(manifest["format"] == 3);
  CHECK(manifest["dtype"] == "fp32");
  CHECK(manifest["rows"] == kRows);
  CHECK(manifest["dimension"] == 8);
  CHECK(manifest["num_labels"] == 3);
  CHECK(manifest["metric"] == "inner_product");
  CHECK(manifest["index"] == base::Json({{"kind", "hnsw"},
                                         {"M", 8},
                                         {"ef_construction", 40},
                                         {"ef_search", 20},
                                         {"seed", 3},
                                         {"threads", 1}}));
  CHECK(manifest["files"].size() == 3);
  const std::string first = base::read_file(directory.path() / "kb.json");
  save(kb, directory.path());
  CHECK(base::read_file(directory.path() / "kb.json") == first);
}

TEST_CASE("the index is the one that was asked for") {
  const tests::TemporaryDirectory directory;
  const auto kb = sample();
  save(kb, directory.path());
  CHECK(load_index(kb, directory.path(), "auto", 20)->kind() == "hnsw");
  CHECK(load_index(kb, directory.path(), "hnsw", 20)->kind() == "hnsw");
  CHECK(load_index(kb, directory.path(), "exact", 20)->kind() == "exact");
  CHECK_THROWS_AS(load_index(kb, directory.path(), "faiss", 20), base::ConfigError);
  const auto queries = tests::unit_rows(9, 8, 7);
  CHECK(torch::equal(load_index(kb, directory.path(), "auto", 20)->search(queries, 5).indices,
                     build_hnsw_index(kb.embeddings, kOptions)->search(queries, 5).indices));

  // Saved again with an exact index, a stale graph must not stay.
  save_knowledge_base(kb, *make_exact_index(kb.embeddings), kOptions, directory.path());
  CHECK_FALSE(std::filesystem::exists(directory.path() / "index.hnsw"));
  CHECK(load_index(kb, directory.path(), "auto", {})->kind() == "exact");
  CHECK(load_index(kb, directory.path(), "auto", 20)->kind() == "exact");
  CHECK_THAT(index_refusal(kb, directory.path(), "hnsw"),
             ContainsSubstring("built with the exact index"));
}

TEST_CASE("a knowledge base with rows behind it takes its index over") {
  const tests::TemporaryDirectory directory;
  const auto kb = sample();
  save(kb, directory.path());
  KnowledgeBase more = kb;
  more.embeddings = torch::cat({kb.embeddings, tests::unit_rows(5, 8, 9)});
  const auto extended = extended_index(more, directory.path(), kRows, "hnsw", kOptions);
  REQUIRE(extended != nullptr);
  CHECK(extended->size() == kRows + 5);
  const auto found = extended->search(more.embeddings.slice(0, kRows), 1);
  CHECK(torch::equal(found.indices.flatten(), torch::arange(kRows, kRows + 5)));
  IndexOptions wider = kOptions;
  wider.ef_search = 50;
  CHECK(extended_index(more, directory.path(), kRows, "hnsw", wider)->candidates() == 50);
  // Built in another way, or of other rows: built anew.
  IndexOptions other = kOptions;
  other.M = 9;
  CHECK(extended_index(more, directory.path(), kRows, "hnsw", other) == nullptr);
  CHECK(extended_index(more, directory.path(), kRows - 1, "hnsw", kOptions) == nullptr);
  CHECK(extended_index(more, directory.path(), kRows, "exact", kOptions) == nullptr);
  more.embeddings = more.embeddings.to(torch::kFloat16);
  CHECK(extended_index(more, directory.path(), kRows, "hnsw", kOptions) == nullptr);
  // A damaged file is no reason to build anew without a word.
  more.embeddings = torch::cat({kb.embeddings, tests::unit_rows(5, 8, 9)});
  std::string bytes = base::read_file(directory.path() / "index.hnsw");
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  base::write_file(directory.path() / "index.hnsw", bytes);
  CHECK_THROWS_AS(extended_index(more, directory.path(), kRows, "hnsw", kOptions),
                  base::ArtifactError);
}

TEST_CASE("a knowledge base of scores") {
  const tests::TemporaryDirectory directory;
  auto kb = sample();
  kb.logits = 2 + tests::normal(kRows, 1, 4);
  kb.soft_labels = kb.logits;
  kb.labels = 5 * torch::rand({kRows});
  kb.label_answers = torch::zeros_like(kb.labels, torch::kBool);
  kb.text_b.clear();
  save(kb, directory.path());
  const auto loaded = load_knowledge_base(directory.path());
  CHECK(loaded.num_labels() == 1);
  CHECK(torch::equal(loaded.soft_labels, kb.soft_labels));
  CHECK(loaded.text_b.empty());
}

/// sample() with its embeddings rounded.
KnowledgeBase half_sample() {
  auto kb = sample();
  kb.embeddings = kb.embeddings.to(torch::kFloat16);
  return kb;
}

TEST_CASE("embeddings in fp16 come back as they were, with an index over the rounded ones") {
  const tests::TemporaryDirectory directory;
  const auto kb = half_sample();
  save(kb, directory.path());
  CHECK(base::read_json(directory.path() / "kb.json")["dtype"] == "fp16");
  const auto loaded = load_knowledge_base(directory.path());
  CHECK(loaded.embeddings.scalar_type() == torch::kFloat16);
  CHECK(torch::equal(loaded.embeddings, kb.embeddings));
  CHECK(torch::equal(loaded.logits, kb.logits));
  const auto queries = tests::unit_rows(9, 8, 7);
  const auto rounded = kb.embeddings.to(torch::kFloat32);
  const auto hnsw = load_index(loaded, directory.path(), "hnsw", 60)->search(queries, 5);
  CHECK(torch::equal(hnsw.indices, make_exact_index(rounded)->search(queries, 5).indices));
  const auto exact = load_index(loaded, directory.path(), "exact", {})->search(queries, 5);
  CHECK(
      torch::equal(exact.similarities, make_exact_index(rounded)->search(queries, 5).similarities));
}

TEST_CASE("a length that rounding to fp16 explains is right, another is not") {
  const tests::TemporaryDirectory directory;
  save(half_sample(), directory.path());
  const auto with_length = [&](double length) {
    rewrite_tensors(directory.path(), [&](tensor::TensorMap& tensors) {
      auto vector = torch::zeros({8});
      vector[3] = length;
      tensors["embeddings"][7].copy_(vector);
    });
    return refusal(directory.path());
  };
  CHECK(with_length(1 - 4.8828125e-4) == "accepted");  // the largest error of one rounding, 2^-11
  CHECK_THAT(with_length(1.002), ContainsSubstring("embedding 7 has length 1.00"));
}

TEST_CASE("a knowledge base of the first format is fp32") {
  const tests::TemporaryDirectory directory;
  const auto kb = sample();
  save(kb, directory.path());
  rewrite_manifest(directory.path(), [](base::Json& json) {
    json["format"] = 1;
    json.erase("dtype");
  });
  CHECK(torch::equal(load_knowledge_base(directory.path()).embeddings, kb.embeddings));
}

TEST_CASE("texts that nobody asks for are not read") {
  const tests::TemporaryDirectory directory;
  save(sample(), directory.path());
  base::write_file(directory.path() / "examples.tsv", "broken");
  const auto kb = load_knowledge_base(directory.path(), Texts::kLeave);
  CHECK(kb.text_a.empty());
  CHECK(kb.ids.size() == kRows);
  CHECK_THAT(refusal(directory.path()), ContainsSubstring("examples.tsv: its sha256"));
}

TEST_CASE("missing and changed files are named") {
  const tests::TemporaryDirectory directory;
  const auto& path = directory.path();
  const auto kb = sample();
  save(kb, path);
  const std::vector<std::string> all = {"kb.safetensors", "examples.tsv", "index.hnsw"};
  for (const auto& name : all) {
    const std::string whole = base::read_file(path / name);
    const auto message = [&] {
      return name == "index.hnsw" ? index_refusal(kb, path) : refusal(path);
    };
    std::filesystem::remove(path / name);
    CHECK_THAT(message(), ContainsSubstring(name) && ContainsSubstring("is missing"));
    std::string flipped = whole;
    flipped[whole.size() / 2] ^= 1;
    base::write_file(path / name, flipped);
    CHECK_THAT(message(), ContainsSubstring(name) && ContainsSubstring("sha256"));
    base::write_file(path / name, whole.substr(0, whole.size() - 1));
    CHECK_THAT(message(), ContainsSubstring(name) && ContainsSubstring("sha256"));
    base::write_file(path / name, whole);
    CHECK(message() == "accepted");
  }
  CHECK(index_refusal(kb, path, "exact") == "accepted");
  std::filesystem::remove(path / "kb.json");
  CHECK_THAT(refusal(path), ContainsSubstring("kb.json: is missing"));
}

TEST_CASE("a damaged kb.json is refused") {
  const tests::TemporaryDirectory directory;
  const auto& path = directory.path();
  const auto kb = sample();
  save(kb, path);
  const auto with = [&](const std::function<void(base::Json&)>& change) {
    const std::string before = base::read_file(path / "kb.json");
    rewrite_manifest(path, change);
    const std::string message = refusal(path) + " / " + index_refusal(kb, path);
    base::write_file(path / "kb.json", before);
    return message;
  };
  using base::Json;
  CHECK_THAT(with([](Json& json) { json["format"] = 4; }),
             ContainsSubstring("found format 4, supported are 1 to 3: a newer reaugkd"));
  CHECK_THAT(with([](Json& json) { json["dtype"] = "fp16"; }), ContainsSubstring("embeddings"));
  CHECK_THAT(with([](Json& json) { json["dtype"] = "int8"; }), ContainsSubstring("dtype int8"));
  CHECK_THAT(with([](Json& json) { json["format"] = 0; }), ContainsSubstring("found format 0"));
  CHECK_THAT(with([](Json& json) { json["metric"] = "l2"; }), ContainsSubstring("metric l2"));
  CHECK_THAT(with([](Json& json) { json["rows"] = 61; }), ContainsSubstring("embeddings"));
  CHECK_THAT(with([](Json& json) { json["rows"] = 0; }), ContainsSubstring("at least 1"));
  CHECK_THAT(with([](Json& json) { json["dimension"] = 9; }), ContainsSubstring("embeddings"));
  CHECK_THAT(with([](Json& json) { json["num_labels"] = 1; }), ContainsSubstring("logits"));
  CHECK_THAT(with([](Json& json) { json.erase("files"); }), ContainsSubstring("\"files\""));
  CHECK_THAT(with([](Json& json) { json.erase("provenance"); }),
             ContainsSubstring("\"provenance\""));
  CHECK_THAT(with([](Json& json) { json.erase("index"); }), ContainsSubstring("\"index\""));
  CHECK_THAT(with([](Json& json) { json["index"]["kind"] = "ivf"; }), ContainsSubstring("\"ivf\""));
  CHECK_THAT(with([](Json& json) { json["index"]["M"] = 1; }), ContainsSubstring("out of range"));
  CHECK_THAT(with([](Json& json) { json["index"]["M"] = 9; }), ContainsSubstring("index.hnsw"));
  CHECK_THAT(with([](Json& json) { json["index"].erase("M"); }), ContainsSubstring("\"M\""));
  base::write_file(path / "kb.json", "{\"format\": ");
  CHECK_THAT(refusal(path), ContainsSubstring("not valid JSON"));
}

TEST_CASE("rows that cannot be right are refused") {
  const tests::TemporaryDirectory directory;
  const auto& path = directory.path();
  save(sample(), path);
  const auto with = [&](const std::function<void(tensor::TensorMap&)>& change) {
    rewrite_tensors(path, change);
    return refusal(path);
  };
  using tensor::TensorMap;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK_THAT(with([](TensorMap& t) { t["embeddings"][7] *= 1.01; }),
             ContainsSubstring("embedding 7 has length 1.01"));
  CHECK_THAT(with([&](TensorMap& t) { t["embeddings"][7][0] = nan; }),
             ContainsSubstring("embedding 7"));
  save(sample(), path);
  CHECK_THAT(with([&](TensorMap& t) { t["logits"][8][1] = nan; }), ContainsSubstring("row 8"));
  save(sample(), path);
  CHECK_THAT(with([](TensorMap& t) { t["soft_labels"][9][1] += 0.01; }),
             ContainsSubstring("row 9 are no distribution"));
  save(sample(), path);
  CHECK_THAT(with([](TensorMap& t) {
               t["soft_labels"][9] = torch::tensor({1.5F, -0.5F, 0.0F});
             }),
             ContainsSubstring("row 9 are no distribution"));
  CHECK_THAT(with([&](TensorMap& t) { t["soft_labels"][9][0] = nan; }),
             ContainsSubstring("row 9 are not finite"));
  save(sample(), path);
  CHECK_THAT(with([](TensorMap& t) { t["labels"][3] = 3.0F; }), ContainsSubstring("row 3 is 3"));
  save(sample(), path);
  CHECK_THAT(with([](TensorMap& t) { t["labels"][3] = 0.5F; }), ContainsSubstring("row 3 is 0.5"));
  save(sample(), path);
  CHECK_THAT(with([](TensorMap& t) { t["example_ids"][1][1] = 0; }), ContainsSubstring("twice"));
  save(sample(), path);
  CHECK_THAT(with([](TensorMap& t) { t["example_ids"][1][1] = 1000; }),
             ContainsSubstring("examples.tsv:3"));
  save(sample(), path);
  CHECK_THAT(with([&](TensorMap& t) {
               t["logits"][5] = nan;  // the row without a label
               t["soft_labels"][5] = nan;
             }),
             ContainsSubstring("row 5 has neither"));
  CHECK_THAT(with([](TensorMap& t) { t.erase("labels"); }), ContainsSubstring("labels is missing"));
}

TEST_CASE("what could not be loaded is not saved") {
  const tests::TemporaryDirectory directory;
  auto kb = sample();
  const auto index = build_hnsw_index(kb.embeddings, kOptions);
  SECTION("a duplicate id") {
    kb.ids[4] = kb.ids[2];
  }
  SECTION("soft labels that are no distribution") {
    kb.soft_labels = kb.logits;
  }
  CHECK_THROWS_AS(save_knowledge_base(kb, *index, kOptions, directory.path()), base::ArtifactError);
  CHECK(std::filesystem::is_empty(directory.path()));
}

}  // namespace
}  // namespace reaugkd::retrieval
