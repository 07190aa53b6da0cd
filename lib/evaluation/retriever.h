// A knowledge base ready to be asked by a student: index, soft labels and the rows that may not
// answer a query. Used by eval, for its predictions and its latency.
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "data/dataset.h"
#include "evaluation/retrieval_effect.h"
#include "retrieval/knowledge_base.h"
#include "retrieval/selection.h"
#include "train/model.h"

namespace reaugkd::evaluation {

struct RetrieverOptions {
  std::string index = "auto";
  std::optional<std::int64_t> ef_search = {};  // as built
  bool exclude_same_text = false;
  double rows_share = 1;  // below 1: rows drawn by `seed`, searched exactly
  std::uint64_t seed = 0;
  torch::Device device = torch::kCPU;  // of an exact search
};

/// Rows of a data set as the student sees them.
struct Queries {
  torch::Tensor probabilities;  // (n, C) p^S
  torch::Tensor embeddings;     // (n, D) s, unit rows
  retrieval::Neighbors neighbors;
  std::int64_t cut_rows = 0;  // longer than the maximum length
};

constexpr double kEnoughRecall = 0.98;
constexpr std::int64_t kJudgedRows = 5000;  // an exact search costs ten times what HNSW does

struct SelectedEfSearch {
  std::int64_t ef_search;
  double recall;
};

class Retriever {
 public:
  /// Loads the knowledge base of `directory`. Throws ArtifactError as its reader does.
  Retriever(const std::filesystem::path& directory, const RetrieverOptions& options,
            base::TaskKind kind);

  /// The k neighbours of each row's s (of a smaller knowledge base all), the row itself (and equal
  /// texts) left out. Throws DataError where none is left.
  retrieval::Neighbors search(const torch::Tensor& s, const data::Dataset& rows,
                              std::int64_t k) const;
  /// The same by exact search, to judge an approximate index by.
  retrieval::Neighbors exact_search(const torch::Tensor& s, const data::Dataset& rows,
                                    std::int64_t k) const;
  /// How HNSW's neighbors `found` of `rows` agree with those of an exact search; on kJudgedRows of
  /// them at most, drawn by `seed`. An exact index agrees with itself.
  IndexAgreement agreement_with_exact(const torch::Tensor& s, const data::Dataset& rows,
                                      const retrieval::Neighbors& found, double tau,
                                      std::uint64_t seed) const;
  /// Of `grid`, the smallest ef (k at least) with which HNSW finds kEnoughRecall of the `k`
  /// neighbors that an exact search finds for `rows` (1,000 of them, drawn by `seed`), or else the
  /// largest; searched with from now on. An exact index is a bug.
  SelectedEfSearch select_ef_search(std::vector<std::int64_t> grid, const torch::Tensor& s,
                                    const data::Dataset& rows, std::int64_t k, std::uint64_t seed);
  /// From now on a search for fewer neighbors looks at as many candidates as one for `k` does, so
  /// that what is selected among up to `k` neighbors holds where fewer are asked for.
  void search_as_for(std::int64_t k);
  /// How many of `rows` have the text of a knowledge-base row that is not their own.
  std::int64_t same_texts(const data::Dataset& rows) const;
  /// Equations 5 to 7 for a batch without exclusions: what serving a query costs. (B, C)
  torch::Tensor answer(const torch::Tensor& student_probabilities, const torch::Tensor& s,
                       const retrieval::RetrievalSetting& setting) const;

  const retrieval::KnowledgeBase& knowledge_base() const { return kb_; }
  const retrieval::Index& index() const { return approximate_ ? *approximate_ : *exact_; }
  /// What the rows answer by each of these rules, without those that give the same as one before.
  /// Throws ConfigError where a temperature other than 1 is asked of scores.
  std::vector<retrieval::SoftLabels> answers(const std::vector<retrieval::AnswerRule>& rules) const;
  /// What answer() and soft_labels() use from now on, (N, C): of one of answers(). Before: by the
  /// default rule.
  void answer_with(const torch::Tensor& soft_labels) {
    soft_labels_ = soft_labels;
    class_rows_ = retrieval::ClassRows::of(soft_labels);
  }
  const torch::Tensor& soft_labels() const { return soft_labels_; }       // (N, C)
  const retrieval::ClassRows& class_rows() const { return class_rows_; }  // of soft_labels()
  /// The label of each of `rows` that stands in the knowledge base, -1 for others: (n) int64.
  torch::Tensor own_classes(const data::Dataset& rows) const;
  /// Soft labels handed to other rows: the control that retrieval must beat. Depends on `seed`.
  std::vector<retrieval::SoftLabels> permuted(std::vector<retrieval::SoftLabels> soft_labels,
                                              std::uint64_t seed) const;

 private:
  /// Throws DataError where a row has no neighbour left.
  retrieval::Neighbors search(const retrieval::Index& index, const torch::Tensor& s,
                              const data::Dataset& rows, std::int64_t k) const;
  std::vector<std::vector<std::int64_t>> excluded(const data::Dataset& rows) const;
  /// Knowledge-base rows with the text of row i.
  std::vector<std::int64_t> rows_with_text(const data::Dataset& rows, std::int64_t i) const;

  bool exclude_same_text_;
  retrieval::KnowledgeBase kb_;
  base::TaskKind kind_;
  std::unique_ptr<retrieval::Index> exact_;        // on the device
  std::unique_ptr<retrieval::Index> approximate_;  // null where the search is exact
  torch::Tensor soft_labels_;
  retrieval::ClassRows class_rows_;
  std::unordered_map<base::ExampleId, std::int64_t, base::ExampleIdHash> row_of_;
  std::unordered_map<std::string, std::vector<std::int64_t>> rows_of_text_;
};

/// Whether a student's s may be compared with the embeddings of the knowledge base in `directory`.
/// Throws ArtifactError where these are of another space or width, or another student's own.
void check_same_space(const retrieval::KnowledgeBase& kb, const std::filesystem::path& directory,
                      const train::Model& student, const std::filesystem::path& student_directory);

}  // namespace reaugkd::evaluation
