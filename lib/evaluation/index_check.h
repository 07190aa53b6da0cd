// An approximate index judged by its answers right after it is built: its candidates are raised
// until they are those of an exact search. Used by build-kb.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <vector>

#include "evaluation/retrieval_effect.h"
#include "evaluation/warnings.h"
#include "retrieval/knowledge_base.h"

namespace reaugkd::evaluation {

/// What an index is asked.
struct CheckQueries {
  std::string what;                                 // "the held-out rows"
  torch::Tensor keys;                               // (n, D) fp32, at most 1,000
  std::vector<std::vector<std::int64_t>> excluded;  // n lists: rows that may not answer
};

/// Embeddings (n, D) of rows that are not in the knowledge base; of many a sample drawn by `seed`.
CheckQueries held_out_queries(const torch::Tensor& keys, std::uint64_t seed);
/// Rows of `kb` drawn by `seed`, each of which may not answer itself; two rows at least.
CheckQueries own_row_queries(const retrieval::KnowledgeBase& kb, std::uint64_t seed);

struct IndexCheck {
  std::string queries;  // what was asked
  std::int64_t k = 0;
  double tau = 0;                 // tau'
  std::int64_t ef_search = 0;     // candidates that the index looks at now
  IndexAgreement agreement = {};  // with an exact search
};

enum class Candidates { kAsGiven, kMayRise };

/// Compares the answers of an approximate `index` over `kb`, k = 16 and tau' = 0.1, with those of
/// an exact search. Where more than 0.1 % of the predictions are others, and the candidates may
/// rise, they are doubled up to 4,096 until they are not.
IndexCheck check_index(retrieval::Index& index, const retrieval::KnowledgeBase& kb,
                       const CheckQueries& queries, Candidates candidates);

/// Where the predictions are others still.
Warnings index_check_warnings(const IndexCheck& check);

}  // namespace reaugkd::evaluation
