// A small knowledge base for tests of what is made of its rows.
#pragma once

#include <cmath>
#include <string>

#include "retrieval/embeddings.h"
#include "retrieval/knowledge_base.h"

namespace reaugkd::tests {

/// `rows` rows of D = 8 with three classes, by turns; ids are even rows of one file.
inline retrieval::KnowledgeBase sample_kb(std::int64_t rows = 12) {
  retrieval::KnowledgeBase kb;
  kb.embeddings = unit_rows(rows, 8, 1);
  kb.logits = normal(rows, 3, 2);
  kb.soft_labels = torch::softmax(kb.logits, 1);
  kb.labels = torch::arange(rows).remainder(3).to(torch::kFloat32);
  kb.label_answers = torch::zeros({rows}, torch::kBool);
  for (std::int64_t i = 0; i < rows; ++i) {
    kb.ids.push_back({0xfedcba9876543210ULL, 2 * i});
    kb.text_a.push_back("text " + std::to_string(i));
  }
  return kb;
}

/// The same and behind it two rows of a new class "d" from another file, which no teacher has seen.
inline retrieval::KnowledgeBase sample_kb_with_new_class() {
  auto kb = sample_kb();
  const auto nothing = torch::full({2, 3}, std::nan(""), torch::kFloat32);
  kb.embeddings = torch::cat({kb.embeddings, unit_rows(2, 8, 5)});
  kb.logits = torch::cat({kb.logits, nothing});
  kb.soft_labels = torch::cat({kb.soft_labels, nothing});
  kb.labels = torch::cat({kb.labels, torch::full({2}, 3.0F)});
  kb.label_answers = torch::cat({kb.label_answers, torch::ones({2}, torch::kBool)});
  kb.new_classes = {"d"};
  for (std::int64_t i = 0; i < 2; ++i) {
    kb.ids.push_back({0x1234, i});
    kb.text_a.push_back("new " + std::to_string(i));
  }
  return kb;
}

}  // namespace reaugkd::tests
