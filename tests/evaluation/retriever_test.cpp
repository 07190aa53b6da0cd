// The retriever over a small knowledge base on disk: a row never answers for itself, equal texts
// are left out on request, temperature and permutation touch the soft labels alone.
#include "evaluation/retriever.h"

#include "base/error.h"
#include "catch.h"
#include "retrieval/embeddings.h"
#include "retrieval/indexes.h"
#include "temporary_directory.h"
#include "train/predict.h"

namespace reaugkd::evaluation {
namespace {

constexpr std::int64_t kRows = 40;
const std::string kSha = "00000000000000ff000000000000000000000000000000000000000000000000";

/// Data whose i-th row has the id and (in other case and spacing) the text of KB row i; the texts
/// of rows 0 and 1 are equal.
data::Dataset queries() {
  data::Dataset rows;
  rows.sha256 = kSha;
  for (std::int64_t i = 0; i < kRows; ++i) {
    rows.text_a.push_back("Text  " + std::to_string(i == 1 ? 0 : i));
    rows.labels.push_back(static_cast<float>(i % 2));
    rows.rows.push_back(i);
  }
  return rows;
}

retrieval::KnowledgeBase save_sample(
    const std::filesystem::path& directory, std::int64_t classes,
    const retrieval::IndexOptions& options = {
        .M = 8, .ef_construction = 40, .ef_search = 40, .seed = 3}) {
  retrieval::KnowledgeBase kb;
  kb.embeddings = tests::unit_rows(kRows, 8, 1);
  kb.logits = tests::normal(kRows, classes, 2);
  kb.soft_labels = train::probabilities_of(
      kb.logits, classes == 1 ? base::TaskKind::kRegression : base::TaskKind::kClassification);
  kb.labels = torch::zeros({kRows});
  kb.label_answers = torch::zeros_like(kb.labels, torch::kBool);
  const data::Dataset rows = queries();
  for (std::int64_t i = 0; i < kRows; ++i) {
    kb.ids.push_back(rows.id(i));
    kb.text_a.push_back(i == 1 ? "text 0" : "text " + std::to_string(i));
  }
  save_knowledge_base(kb, *retrieval::build_hnsw_index(kb.embeddings, options), options, directory);
  return kb;
}

bool contains(const retrieval::Neighbors& found, std::int64_t query, std::int64_t row) {
  return found.indices[query].eq(row).any().item<bool>();
}

TEST_CASE("a knowledge base row never answers for itself", "[stages]") {
  const tests::TemporaryDirectory directory;
  const auto kb = save_sample(directory.path(), 3);
  for (const std::string index : {"exact", "hnsw"}) {
    const Retriever retriever(directory.path(), {.index = index}, base::TaskKind::kClassification);
    const auto found = retriever.search(kb.embeddings, queries(), 5);
    CHECK(found.k() == 5);
    for (std::int64_t i = 0; i < kRows; ++i) CHECK_FALSE(contains(found, i, i));
    auto other = queries();
    other.sha256[0] = 'f';  // the same texts in another file
    CHECK(contains(retriever.search(kb.embeddings, other, 5), 7, 7));
  }
}

TEST_CASE("equal texts are left out on request", "[stages]") {
  const tests::TemporaryDirectory directory;
  const auto kb = save_sample(directory.path(), 3);
  auto other = queries();
  other.sha256[0] = 'f';
  const Retriever strict(directory.path(), {.index = "exact", .exclude_same_text = true},
                         base::TaskKind::kClassification);
  const auto found = strict.search(kb.embeddings, other, kRows - 1);
  CHECK_FALSE(contains(found, 7, 7));
  CHECK_FALSE(contains(found, 0, 1));
  CHECK_FALSE(contains(found, 1, 0));
  CHECK(contains(found, 2, 0));
}

TEST_CASE("queries with the text of a row that is not their own are counted", "[stages]") {
  const tests::TemporaryDirectory directory;
  save_sample(directory.path(), 3);
  const Retriever retriever(directory.path(), {}, base::TaskKind::kClassification);
  auto rows = queries();
  CHECK(retriever.same_texts(rows) == 2);  // rows 0 and 1 have one text
  rows.sha256[0] = 'f';
  CHECK(retriever.same_texts(rows) == kRows);
  base::TextColumn longer;
  for (const auto text : rows.text_a) longer.push_back(std::string(text) + " and more");
  rows.text_a = longer;
  CHECK(retriever.same_texts(rows) == 0);
}

TEST_CASE("the smallest ef that finds enough is selected and searched with", "[stages]") {
  const tests::TemporaryDirectory directory;
  save_sample(directory.path(), 3, {.M = 2, .ef_construction = 4, .ef_search = 1, .seed = 3});
  const auto rows = queries();
  const auto s = tests::unit_rows(kRows, 8, 5);
  const auto recall_with = [&](std::int64_t ef) {
    const Retriever retriever(directory.path(), {.ef_search = ef}, base::TaskKind::kClassification);
    return retrieval::recall(retriever.search(s, rows, 3), retriever.exact_search(s, rows, 3));
  };
  REQUIRE(recall_with(4) < 0.98);
  std::int64_t enough = 5;
  while (recall_with(enough) < 0.98) ++enough;
  Retriever retriever(directory.path(), {}, base::TaskKind::kClassification);
  const auto selected = retriever.select_ef_search({40, enough, 4, enough - 1}, s, rows, 3, 1);
  CHECK(selected.ef_search == enough);
  CHECK(selected.recall == recall_with(enough));
  CHECK(retrieval::recall(retriever.search(s, rows, 3), retriever.exact_search(s, rows, 3)) ==
        recall_with(enough));
  const auto largest = retriever.select_ef_search({1, 4}, s, rows, 3, 1);
  CHECK(largest.ef_search == 4);
  CHECK(largest.recall < 0.98);
  // A search for k looks at k candidates at least: so does what is selected.
  CHECK(retriever.select_ef_search({1, 400}, s, rows, 30, 1).ef_search >= 30);
}

TEST_CASE("fewer neighbors are a prefix of those that were selected among", "[stages]") {
  const tests::TemporaryDirectory directory;
  save_sample(directory.path(), 3, {.M = 2, .ef_construction = 4, .ef_search = 1, .seed = 3});
  const auto rows = queries();
  const auto s = tests::unit_rows(kRows, 8, 5);
  Retriever retriever(directory.path(), {}, base::TaskKind::kClassification);
  const auto alone = retriever.search(s, rows, 1);
  retriever.search_as_for(19);
  const auto wide = retriever.search(s, rows, 19);
  REQUIRE_FALSE(torch::equal(alone.indices, wide.first(1).indices));
  CHECK(torch::equal(retriever.search(s, rows, 1).indices, wide.first(1).indices));
  retriever.search_as_for(2);  // never narrower
  CHECK(torch::equal(retriever.search(s, rows, 1).indices, wide.first(1).indices));
  const auto agreement = retriever.agreement_with_exact(s, rows, wide, 0.1, 1);
  CHECK(agreement.examples == kRows);
  CHECK(agreement.recall == retrieval::recall(wide, retriever.exact_search(s, rows, 19)));
}

TEST_CASE("a share of the knowledge base is drawn by seed and searched exactly", "[stages]") {
  const tests::TemporaryDirectory directory;
  const auto kb = save_sample(directory.path(), 3);
  const auto ids = [&](double share, std::uint64_t seed) {
    return Retriever(directory.path(), {.rows_share = share, .seed = seed},
                     base::TaskKind::kClassification)
        .knowledge_base()
        .ids;
  };
  CHECK(ids(0.25, 1).size() == 10);
  CHECK((ids(0.25, 1) == ids(0.25, 1)));
  CHECK((ids(0.25, 1) != ids(0.25, 2)));
  CHECK(ids(0.001, 1).size() == 1);
  const Retriever some(directory.path(), {.rows_share = 0.25, .seed = 1},
                       base::TaskKind::kClassification);
  CHECK(some.index().kind() == "exact");
  CHECK(some.soft_labels().size(0) == 10);
  // Each row drawn still has its own embedding, text and soft labels, and does not answer itself.
  const auto row_of = retrieval::rows_by_id(kb);
  for (std::int64_t i = 0; i < 10; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const auto from = row_of.at(some.knowledge_base().ids[at]);
    CHECK(torch::equal(some.knowledge_base().embeddings[i], kb.embeddings[from]));
    CHECK(torch::equal(some.soft_labels()[i], kb.soft_labels[from]));
    CHECK(some.knowledge_base().text_a[at] == kb.text_a[static_cast<std::size_t>(from)]);
    const auto found = some.search(kb.embeddings, queries(), 9);
    CHECK_FALSE(contains(found, from, i));
  }
  CHECK_THROWS_AS(Retriever(directory.path(), {.index = "hnsw", .rows_share = 0.5},
                            base::TaskKind::kClassification),
                  base::ConfigError);
}

TEST_CASE("a temperature softens the knowledge base's labels", "[stages]") {
  const tests::TemporaryDirectory directory;
  const auto kb = save_sample(directory.path(), 3);
  Retriever retriever(directory.path(), {}, base::TaskKind::kClassification);
  CHECK(torch::equal(retriever.soft_labels(), kb.soft_labels));
  const auto softened = retriever.answers({{1}, {4}});
  REQUIRE(softened.size() == 2);
  CHECK(torch::equal(softened[0].values, kb.soft_labels));  // as stored
  CHECK(softened[1].rule.temperature == 4);
  CHECK(torch::allclose(softened[1].values, torch::softmax(kb.logits / 4, 1)));
  retriever.answer_with(softened[1].values);
  const auto student = torch::full({1, 3}, 1.0F / 3);
  const auto p = retriever.answer(student, kb.embeddings.slice(0, 7, 8), {1, 0, 0.1});
  CHECK(torch::allclose(p[0], softened[1].values[7]));  // beta 0: the nearest row's, itself
}

TEST_CASE("a temperature for scores is refused", "[stages]") {
  const tests::TemporaryDirectory directory;
  save_sample(directory.path(), 1);
  const Retriever retriever(directory.path(), {}, base::TaskKind::kRegression);
  CHECK_NOTHROW(retriever.answers({{1}}));
  CHECK_THROWS_AS(retriever.answers({{1}, {4}}), base::ConfigError);
}

TEST_CASE("the control hands the soft labels to other rows, by seed", "[stages]") {
  const tests::TemporaryDirectory directory;
  save_sample(directory.path(), 3);
  const Retriever retriever(directory.path(), {}, base::TaskKind::kClassification);
  const auto permuted = [&](std::uint64_t seed) {
    return retriever.permuted(retriever.answers({{4}, {1}}), seed);
  };
  const auto first = permuted(1)[1].values;
  CHECK(torch::equal(first, permuted(1)[1].values));
  CHECK_FALSE(torch::equal(first, permuted(2)[1].values));
  CHECK_FALSE(torch::equal(first, retriever.soft_labels()));
  const auto sorted = [](const torch::Tensor& x) {  // whole rows, by their first column
    return x.index_select(0, x.select(1, 0).argsort());
  };
  CHECK(torch::equal(sorted(first), sorted(retriever.soft_labels())));
  // Every temperature in the same order: softer, a row's largest is its largest still.
  CHECK(torch::equal(permuted(1)[0].values.argmax(1), first.argmax(1)));
}

}  // namespace
}  // namespace reaugkd::evaluation
