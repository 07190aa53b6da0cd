#include "retrieval/kb_editing.h"

#include "base/error.h"
#include "base/file.h"
#include "catch.h"
#include "retrieval/indexes.h"
#include "retrieval/sample_kb.h"
#include "temporary_directory.h"

namespace reaugkd::retrieval {
namespace {

const std::vector<std::string> kNames = {"a", "b", "c", "d"};

TEST_CASE("rows are removed by id and by what holds of them") {
  const auto kb = tests::sample_kb_with_new_class();
  CHECK(without(kb, {{kb.ids[3].to_string()}, {}}, kNames).size() == 13);
  const auto less = without(kb, {{}, {"label=b"}}, kNames);
  CHECK(less.size() == 10);
  CHECK((less.labels != 1).all().item<bool>());
  CHECK(less.text_a[1] == "text 2");
  CHECK(torch::equal(less.embeddings[1], kb.embeddings[2]));
  // Both must hold; ids and conditions add up.
  CHECK(
      without(kb, {{kb.ids[0].to_string()}, {"file=fedcba9876543210", "label=c"}}, kNames).size() ==
      9);
  CHECK(without(kb, {{}, {"file=0000000000001234"}}, kNames).size() == 12);
}

TEST_CASE("a class without a row is forgotten, and those behind it move up") {
  auto kb = tests::sample_kb_with_new_class();
  kb.new_classes = {"d", "e"};
  kb.labels[13] = 4.0F;
  const auto less = without(kb, {{}, {"label=d"}}, {"a", "b", "c", "d", "e"});
  CHECK(less.new_classes == std::vector<std::string>{"e"});
  CHECK(less.labels[12].item<float>() == 3);
  CHECK(kb.labels[13].item<float>() == 4);  // what it was made of stays
}

TEST_CASE("rows without a label hide no class from a removal") {
  auto kb = tests::sample_kb_with_new_class();
  kb.labels[0] = std::nanf("");
  const auto less = without(kb, {{kb.ids[12].to_string()}, {}}, kNames);
  CHECK(less.new_classes == std::vector<std::string>{"d"});  // row 13 has it still
  CHECK(less.labels[12].item<float>() == 3);
  CHECK(less.labels[0].isnan().item<bool>());
}

TEST_CASE("rows of scores are removed and corrected like others") {
  auto kb = tests::sample_kb();
  kb.logits = kb.logits.slice(1, 0, 1).contiguous();
  kb.soft_labels = kb.logits;
  kb.labels = torch::full({12}, 4.5F);
  CHECK(without(kb, {{kb.ids[3].to_string()}, {}}, {}).size() == 11);
  relabel(kb, {{kb.ids[2].to_string(), 2.5F}});
  CHECK(kb.labels[2].item<float>() == 2.5F);
  CHECK(kb.labels[3].item<float>() == 4.5F);
}

TEST_CASE("a removal that cannot be meant is refused") {
  const auto kb = tests::sample_kb();
  const auto refused = [&](const Removal& removal, const std::string& words) {
    CHECK_THROWS_WITH(without(kb, removal, {"a", "b", "c"}), ContainsSubstring(words));
    CHECK_THROWS_AS(without(kb, removal, {"a", "b", "c"}), base::ConfigError);
  };
  refused({{"0000000000000000:1"}, {}}, "is not in the knowledge base");
  refused({{kb.ids[1].to_string(), kb.ids[1].to_string()}, {}}, "given twice");
  refused({{}, {"label=z"}}, "no such label");
  refused({{}, {"colour=red"}}, "expected label=NAME or file=ID");
  refused({{}, {"label"}}, "expected label=NAME or file=ID");
  refused({{}, {"file=0000000000000001"}}, "holds of no row");
  refused({{}, {"file=fedcba9876543210"}}, "empty knowledge base");
}

TEST_CASE("a corrected label answers from then on") {
  auto kb = tests::sample_kb_with_new_class();
  const auto before = kb.labels.clone();
  relabel(kb, {{kb.ids[4].to_string(), 3.0F}});
  CHECK(kb.labels[4].item<float>() == 3);
  CHECK(kb.label_answers[4].item<bool>());
  CHECK(kb.labels.ne(before).sum().item<std::int64_t>() == 1);
  CHECK_THROWS_AS(relabel(kb, {{"1:1", 0.0F}}), base::DataError);
}

TEST_CASE("what is joined has the classes of both") {
  const auto all = tests::sample_kb_with_new_class();
  const auto old = tests::sample_kb();
  auto more = rows_of(all, {12, 13});
  const auto grown = joined(old, more);
  CHECK(grown.size() == 14);
  CHECK(grown.new_classes == std::vector<std::string>{"d"});
  CHECK(torch::equal(grown.labels, all.labels));
  CHECK(torch::equal(grown.label_answers, all.label_answers));
  CHECK_THROWS_AS(joined(grown, more), base::DataError);  // the same examples again
}

TEST_CASE("a removed row is gone from every file") {
  const tests::TemporaryDirectory never;
  const tests::TemporaryDirectory removed;
  const auto kb = tests::sample_kb_with_new_class();
  const auto save = [](const KnowledgeBase& rows, const std::filesystem::path& path) {
    save_knowledge_base(rows, *build_hnsw_index(rows.embeddings, {}), {}, path);
  };
  save(tests::sample_kb(), never.path());
  auto less = without(kb, {{}, {"label=d"}}, kNames);
  less.history = {change("removed", 2, "label=d")};
  save(less, removed.path());
  for (const char* name : {"kb.safetensors", "examples.tsv", "index.hnsw", "kb.json"}) {
    CHECK(base::read_file(never.path() / name) == base::read_file(removed.path() / name));
  }
  for (const auto& file : std::filesystem::directory_iterator(removed.path())) {
    CHECK(base::read_file(file.path()).find("new 0") == std::string::npos);
  }
  const auto back = load_knowledge_base(removed.path());
  REQUIRE(back.history.size() == 1);
  CHECK(back.history[0].action == "removed");
  CHECK(back.history[0].rows == 2);
  CHECK(back.history[0].when.size() == 20);
}

}  // namespace
}  // namespace reaugkd::retrieval
