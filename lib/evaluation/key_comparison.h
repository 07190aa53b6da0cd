// Whose keys find the right neighbors: the teacher's or the student's own. Said by build-kb where
// it puts one in place of the other.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "retrieval/knowledge_base.h"

namespace reaugkd::evaluation {

/// Share of queries whose label is what p^KB (k 16, tau' 0.05, the default answers) finds
/// likeliest.
struct KeyComparison {
  std::int64_t examples = 0;
  double teacher_keys = 0;
  double student_keys = 0;
  std::int64_t new_classes = 0;  // that the teacher was never shown
  bool teacher_kept = false;     // the teacher's keys stay in the knowledge base

  bool teacher_is_better() const { return teacher_keys > student_keys; }
};

/// What the student asks: s of labelled rows, (B, D).
struct KeyQueries {
  torch::Tensor s;
  std::vector<float> labels;       // B
  std::vector<std::int64_t> rows;  // B: the query's own row of the knowledge base, or -1
};

/// `kb` with the keys that it has, and with `student_keys` (N, D) in place of them.
KeyComparison compare_keys(const retrieval::KnowledgeBase& kb, const torch::Tensor& student_keys,
                           const KeyQueries& queries);

base::Json to_json(const KeyComparison& comparison);
/// A line for a person.
std::string key_line(const KeyComparison& comparison);

}  // namespace reaugkd::evaluation
