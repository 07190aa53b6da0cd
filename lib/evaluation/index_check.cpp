#include "evaluation/index_check.h"

#include <algorithm>

#include "base/error.h"
#include "base/random.h"
#include "data/dataset.h"
#include "retrieval/answers.h"
#include "retrieval/indexes.h"

namespace reaugkd::evaluation {
namespace {

constexpr std::int64_t kCheckedRows = 1000;
constexpr std::int64_t kCheckedK = 16;
constexpr double kCheckedTau = 0.1;
constexpr std::int64_t kMostCandidates = 4096;

torch::Tensor drawn_rows(std::int64_t rows, std::uint64_t seed) {
  return torch::tensor(data::sample_rows(rows, std::min(rows, kCheckedRows),
                                         base::stream_seed(seed, "rows that check an index")),
                       torch::kInt64);
}

}  // namespace

CheckQueries held_out_queries(const torch::Tensor& keys, std::uint64_t seed) {
  const auto drawn = keys.index_select(0, drawn_rows(keys.size(0), seed)).to(torch::kFloat32);
  return {"held-out rows", drawn,
          std::vector<std::vector<std::int64_t>>(static_cast<std::size_t>(drawn.size(0)))};
}

CheckQueries own_row_queries(const retrieval::KnowledgeBase& kb, std::uint64_t seed) {
  REAUGKD_CHECK(kb.size() >= 2, "{} rows", kb.size());
  const auto rows = drawn_rows(kb.size(), seed);
  CheckQueries queries{"its own rows", kb.embeddings.index_select(0, rows).to(torch::kFloat32), {}};
  for (std::int64_t i = 0; i < rows.size(0); ++i) {
    queries.excluded.push_back({rows[i].item<std::int64_t>()});
  }
  return queries;
}

IndexCheck check_index(retrieval::Index& index, const retrieval::KnowledgeBase& kb,
                       const CheckQueries& queries, Candidates candidates) {
  IndexCheck check{.queries = queries.what,
                   .k = std::min(kCheckedK, kb.size()),
                   .tau = kCheckedTau,
                   .ef_search = index.candidates()};
  const auto search = [&](const retrieval::Index& with) {
    return retrieval::search_excluding(with, queries.keys, check.k, queries.excluded);
  };
  const auto exact = search(*retrieval::make_exact_index(kb.embeddings));
  const auto kind =
      kb.num_labels() == 1 ? base::TaskKind::kRegression : base::TaskKind::kClassification;
  const auto answers = retrieval::answers_of(kb, {}, kind);
  const std::int64_t most = std::min(kMostCandidates, kb.size());
  for (;;) {
    check.agreement = index_agreement(search(index), exact, answers, check.tau);
    if (check.agreement.same_answers() || candidates == Candidates::kAsGiven ||
        check.ef_search >= most) {
      return check;
    }
    check.ef_search = std::min(2 * check.ef_search, most);
    index.set_candidates(check.ef_search);
  }
}

Warnings index_check_warnings(const IndexCheck& check) {
  const IndexAgreement& agreement = check.agreement;
  if (agreement.same_answers()) return {};
  return {fmt::format(
      "the HNSW index with `ef_search` {} changes {} of {} answers to {} (recall {:.4f}, largest "
      "change of p^KB {:.3f}): take `index` exact, or a larger `M` or `ef_construction`",
      check.ef_search, agreement.changed, agreement.examples, check.queries, agreement.recall,
      agreement.largest_difference)};
}

}  // namespace reaugkd::evaluation
