#include "evaluation/retriever.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/random.h"
#include "models/model_directory.h"
#include "retrieval/indexes.h"
#include "retrieval/kb_editing.h"
#include "train/predict.h"

namespace reaugkd::evaluation {
namespace {

constexpr std::int64_t kEfSearchRows = 1000;  // what an ef is selected on

/// One key for a text or a pair, equal for texts that differ in case and white space alone.
std::string text_key(const base::TextColumn& text_a, const base::TextColumn& text_b,
                     std::int64_t row) {
  std::string key = data::normalised_text(text_a[row]);
  if (!text_b.empty()) key += '\t' + data::normalised_text(text_b[row]);
  return key;
}

/// The knowledge base, or the share of it that is asked for, one row at least.
retrieval::KnowledgeBase load_rows(const std::filesystem::path& directory,
                                   const RetrieverOptions& options) {
  auto kb = retrieval::load_knowledge_base(directory, retrieval::Texts::kRead);
  if (options.rows_share == 1) return kb;
  if (options.index == "hnsw") {
    throw base::ConfigError(
        "`kb_rows` {}: a share of the knowledge base is searched exactly; leave `index` out",
        options.rows_share);
  }
  const auto wanted = std::llround(options.rows_share * static_cast<double>(kb.size()));
  return retrieval::rows_of(kb, data::sample_rows(kb.size(), std::max<std::int64_t>(1, wanted),
                                                  base::stream_seed(options.seed, "kb rows")));
}

}  // namespace

Retriever::Retriever(const std::filesystem::path& directory, const RetrieverOptions& options,
                     base::TaskKind kind)
    : exclude_same_text_(options.exclude_same_text),
      kb_(load_rows(directory, options)),
      kind_(kind),
      exact_(retrieval::make_exact_index_on(kb_.embeddings, options.device)),
      soft_labels_(retrieval::answers_of(kb_, {}, kind)),
      row_of_(retrieval::rows_by_id(kb_)) {
  answer_with(soft_labels_);
  if (options.rows_share == 1) {
    auto index = retrieval::load_index(kb_, directory, options.index, options.ef_search);
    if (index->approximate()) {
      approximate_ = std::move(index);
    } else if (options.device.is_cpu()) {
      exact_ = std::move(index);
    }
  }
  if (kb_.text_a.empty() && options.exclude_same_text) {
    throw base::ConfigError(
        "`exclude_same_text`: {} was exported without its texts: leave the option out",
        directory.string());
  }
  for (std::int64_t row = 0; row < static_cast<std::int64_t>(kb_.text_a.size()); ++row) {
    rows_of_text_[text_key(kb_.text_a, kb_.text_b, row)].push_back(row);
  }
}

std::vector<std::int64_t> Retriever::rows_with_text(const data::Dataset& rows,
                                                    std::int64_t i) const {
  const auto same = rows_of_text_.find(text_key(rows.text_a, rows.text_b, i));
  return same == rows_of_text_.end() ? std::vector<std::int64_t>{} : same->second;
}

std::int64_t Retriever::same_texts(const data::Dataset& rows) const {
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    const auto same = rows_with_text(rows, i);
    const auto own = row_of_.find(rows.id(i));
    count += std::any_of(same.begin(), same.end(), [&](std::int64_t row) {
      return own == row_of_.end() || row != own->second;
    });
  }
  return count;
}

std::vector<std::vector<std::int64_t>> Retriever::excluded(const data::Dataset& rows) const {
  std::vector<std::vector<std::int64_t>> lists(static_cast<std::size_t>(rows.size()));
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    if (exclude_same_text_) lists[i] = rows_with_text(rows, i);
    const auto own = row_of_.find(rows.id(i));
    if (own != row_of_.end() &&
        std::find(lists[i].begin(), lists[i].end(), own->second) == lists[i].end()) {
      lists[i].push_back(own->second);
    }
  }
  return lists;
}

retrieval::Neighbors Retriever::search(const torch::Tensor& s, const data::Dataset& rows,
                                       std::int64_t k) const {
  return search(index(), s, rows, k);
}

retrieval::Neighbors Retriever::exact_search(const torch::Tensor& s, const data::Dataset& rows,
                                             std::int64_t k) const {
  return search(*exact_, s, rows, k);
}

IndexAgreement Retriever::agreement_with_exact(const torch::Tensor& s, const data::Dataset& rows,
                                               const retrieval::Neighbors& found, double tau,
                                               std::uint64_t seed) const {
  if (!approximate_) return index_agreement(found, found, soft_labels_, tau);
  const auto judged = std::min(rows.size(), kJudgedRows);
  const auto drawn = data::sample_rows(rows.size(), judged, base::stream_seed(seed, "judged rows"));
  const auto places = torch::tensor(drawn, torch::kInt64);
  const retrieval::Neighbors some{found.indices.index_select(0, places),
                                  found.similarities.index_select(0, places)};
  const auto exact =
      exact_search(s.index_select(0, places.to(s.device())), rows.subset(drawn), found.k());
  return index_agreement(some, exact, soft_labels_, tau);
}

void Retriever::search_as_for(std::int64_t k) {
  if (!approximate_) return;
  // One more: search_excluding asks so.
  const auto wanted = std::max(approximate_->candidates(), std::min(k + 1, kb_.size()));
  approximate_->set_candidates(wanted);
}

SelectedEfSearch Retriever::select_ef_search(std::vector<std::int64_t> grid, const torch::Tensor& s,
                                             const data::Dataset& rows, std::int64_t k,
                                             std::uint64_t seed) {
  const auto drawn = data::sample_rows(rows.size(), std::min(rows.size(), kEfSearchRows),
                                       base::stream_seed(seed, "ef_search rows"));
  const data::Dataset some = rows.subset(drawn);
  const auto queries = s.index_select(0, torch::tensor(drawn, torch::kInt64));
  const auto exact = exact_search(queries, some, k);
  std::sort(grid.begin(), grid.end());
  SelectedEfSearch selected{};
  for (const std::int64_t ef : grid) {
    selected.ef_search = std::max(ef, std::min(k + 1, kb_.size()));  // what a search for k looks at
    approximate_->set_candidates(selected.ef_search);
    selected.recall = retrieval::recall(search(queries, some, k), exact);
    if (selected.recall >= kEnoughRecall) break;
  }
  return selected;
}

retrieval::Neighbors Retriever::search(const retrieval::Index& index, const torch::Tensor& s,
                                       const data::Dataset& rows, std::int64_t k) const {
  auto found = retrieval::search_excluding(index, s, std::min(k, kb_.size()), excluded(rows));
  const auto alone = (found.indices < 0).all(1).nonzero();
  if (alone.numel() > 0) {
    const auto row = alone[0][0].item<std::int64_t>();
    throw base::DataError(
        "{}: no row of the knowledge base is left to answer data row {}: all of its {} rows are "
        "this example or (`exclude_same_text`) have its text; take a larger knowledge base",
        rows.path.string(), rows.rows[static_cast<std::size_t>(row)], kb_.size());
  }
  return found;
}

torch::Tensor Retriever::answer(const torch::Tensor& student_probabilities, const torch::Tensor& s,
                                const retrieval::RetrievalSetting& setting) const {
  return retrieval::predict(setting, index().search(s, setting.k), soft_labels_,
                            student_probabilities, class_rows_)
      .combined;
}

torch::Tensor Retriever::own_classes(const data::Dataset& rows) const {
  std::vector<std::int64_t> classes;
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    const bool own = rows.labelled(i) && row_of_.contains(rows.id(i));
    classes.push_back(own ? std::llround(rows.labels[static_cast<std::size_t>(i)]) : -1);
  }
  return torch::tensor(classes, torch::kInt64);
}

std::vector<retrieval::SoftLabels> Retriever::answers(
    const std::vector<retrieval::AnswerRule>& rules) const {
  std::vector<retrieval::SoftLabels> soft_labels;
  for (const auto& rule : rules) {
    if (kind_ == base::TaskKind::kRegression && rule.temperature != 1) {
      throw base::ConfigError(
          "`kb_temperature`, `grid_kb_temperature`: {} softens probabilities; a regression task "
          "has scores",
          rule.temperature);
    }
    auto values = retrieval::answers_of(kb_, rule, kind_);
    const bool known = std::ranges::any_of(
        soft_labels, [&](const auto& each) { return torch::equal(each.values, values); });
    if (!known) soft_labels.push_back({rule, std::move(values)});
  }
  return soft_labels;
}

std::vector<retrieval::SoftLabels> Retriever::permuted(
    std::vector<retrieval::SoftLabels> soft_labels, std::uint64_t seed) const {
  std::vector<std::int64_t> order(static_cast<std::size_t>(kb_.size()));
  std::iota(order.begin(), order.end(), 0);
  base::Random(base::stream_seed(seed, "permuted knowledge base")).shuffle(order);
  const auto rows = torch::tensor(order, torch::kInt64);
  for (auto& each : soft_labels) each.values = each.values.index_select(0, rows);
  return soft_labels;
}

void check_same_space(const retrieval::KnowledgeBase& kb, const std::filesystem::path& directory,
                      const train::Model& student, const std::filesystem::path& student_directory) {
  const retrieval::KeySpace& space = kb.provenance.key_space;
  if (space.of_student()) {
    const auto weights = student_directory / "model.safetensors";
    const std::string found = models::digest_of_queries(student_directory);
    if (space.student_sha256 == found) return;
    throw base::ArtifactError(
        "{}: its keys are embeddings of the student with sha256 {}, {} has {}: run reaugkd "
        "build-kb `extend` KB `keys` {}",
        directory.string(), space.student_sha256, weights.string(), found,
        student_directory.string());
  }
  if (kb.dimension() != student.classifier->query_dimension()) {
    const bool head = student.classifier->has_query_head();
    throw base::ArtifactError(
        "{}: its embeddings have D = {}, the model {} has {} {}; distill it from this knowledge "
        "base with `query_head` linear, or run reaugkd project `student` {}",
        directory.string(), kb.dimension(), student_directory.string(),
        head ? "a query head of" : "hidden_size", student.classifier->query_dimension(),
        student_directory.string());
  }
  if (student.trained_towards && *student.trained_towards != space) {
    throw base::ArtifactError(
        "{} was distilled towards the embeddings of {}, {} holds those of {}: they do not "
        "compare; give the knowledge base it was distilled from or one that extends it, or distill "
        "again with `kb` {}",
        student_directory.string(), student.trained_towards->to_json().dump(), directory.string(),
        space.to_json().dump(), directory.string());
  }
}

}  // namespace reaugkd::evaluation
