// embeddings.tsv: the teacher's embeddings in the knowledge base and the student's of the scored
// rows in one plane, for a picture.
#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

#include "data/task.h"
#include "retrieval/knowledge_base.h"

namespace reaugkd::evaluation {

/// The first two principal components (D, 2) of `rows` (N, D), D >= 2, largest first, fp64; of each
/// the coordinate of the largest magnitude is positive.
torch::Tensor principal_components(const torch::Tensor& rows);

/// A header and a line for each row of the knowledge base ("teacher") and each s of `student`
/// (n, D): its label, and where it lies on the components of the knowledge base, about its mean.
std::string embedding_map(const data::Task& task, const retrieval::KnowledgeBase& kb,
                          const torch::Tensor& student, const std::vector<float>& labels);

}  // namespace reaugkd::evaluation
