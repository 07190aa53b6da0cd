#include "evaluation/new_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/example_id.h"
#include "base/random.h"

namespace reaugkd::evaluation {

std::vector<std::int64_t> rows_new_to(const retrieval::KnowledgeBase& kb,
                                      const std::string& train_sha256) {
  const auto trained_on = base::example_file(train_sha256);
  const bool* relabeled = kb.label_answers.data_ptr<bool>();
  std::vector<std::int64_t> rows;
  for (std::int64_t row = 0; row < kb.size(); ++row) {
    const bool other_file = kb.ids[static_cast<std::size_t>(row)].file != trained_on;
    if (other_file || relabeled[row]) rows.push_back(row);
  }
  return rows;
}

std::vector<std::int64_t> sample_of_new_rows(const retrieval::KnowledgeBase& kb,
                                             const std::vector<std::int64_t>& new_rows,
                                             std::int64_t held_out, std::uint64_t seed) {
  std::vector<std::int64_t> known;
  std::map<float, std::vector<std::int64_t>> by_new_class;
  const auto classes = kb.num_labels() == 1 ? std::numeric_limits<float>::infinity()  // a score
                                            : static_cast<float>(kb.num_labels());
  for (const auto row : new_rows) {
    const float label = kb.labels.data_ptr<float>()[row];
    if (std::isnan(label)) continue;
    (label < classes ? known : by_new_class[label]).push_back(row);
  }
  base::Random random(base::stream_seed(seed, "new rows to select on"));
  random.shuffle(known);
  known.resize(std::min(known.size(), static_cast<std::size_t>(held_out)));
  std::vector<std::int64_t> asked = known;
  const auto of_a_class = static_cast<std::size_t>(std::max<std::int64_t>(
      1, std::llround(static_cast<double>(held_out) / static_cast<double>(kb.num_labels()))));
  for (auto& [label, rows] : by_new_class) {
    if (rows.size() < 2) continue;
    random.shuffle(rows);
    for (std::size_t i = 0; i < of_a_class; ++i) asked.push_back(rows[i % rows.size()]);
  }
  return asked;
}

}  // namespace reaugkd::evaluation
