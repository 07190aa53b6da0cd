// Rows of a knowledge base that the student is not trained on, such as unlabelled texts that
// build-kb has added: the alignment terms of reaugkd may see them, its prediction terms do not.
#pragma once

#include <optional>

#include "base/random.h"
#include "distill/method.h"

namespace reaugkd::distill {

class FurtherRows {
 public:
  /// `train_rows`: where the training rows stand in `kb`, (n); -1: not there. The texts must have
  /// been read. Throws ConfigError where no other row is there.
  FurtherRows(const MethodContext& context, const retrieval::KnowledgeBase& kb,
              const torch::Tensor& train_rows);

  /// What a step draws depends on (seed, step) only, so that a resumed run draws the same.
  void begin_step(std::int64_t step);

  struct Batch {
    torch::Tensor rows;     // (B) int64, rows of the knowledge base, on the device
    torch::Tensor queries;  // (B, D) the student's, not normalised
  };
  /// `count` rows (or all where there are fewer), each at most once.
  Batch draw(std::int64_t count);

 private:
  std::uint64_t seed_;
  torch::Tensor positions_;  // (m) the rows of the knowledge base
  train::ModelOnData student_;
  std::optional<base::Random> random_;  // of the step
};

}  // namespace reaugkd::distill
