#include "evaluation/key_comparison.h"

#include "base/error.h"
#include "retrieval/aggregation.h"
#include "retrieval/answers.h"
#include "retrieval/indexes.h"

namespace reaugkd::evaluation {
namespace {

constexpr std::int64_t kNeighbors = 16;
constexpr double kTau = 0.05;

double accuracy(const torch::Tensor& keys, const torch::Tensor& answers,
                const KeyQueries& queries) {
  const auto index = retrieval::make_exact_index(keys);
  std::vector<std::vector<std::int64_t>> own;
  for (const auto row : queries.rows) {
    own.push_back(row < 0 ? std::vector<std::int64_t>{} : std::vector<std::int64_t>{row});
  }
  const auto found =
      retrieval::search_excluding(*index, queries.s, std::min(kNeighbors, index->size() - 1), own);
  const auto answered = retrieval::aggregate(found, answers, kTau).argmax(1);
  return (answered == torch::tensor(queries.labels).to(torch::kInt64))
      .to(torch::kFloat64)
      .mean()
      .item<double>();
}

}  // namespace

KeyComparison compare_keys(const retrieval::KnowledgeBase& kb, const torch::Tensor& student_keys,
                           const KeyQueries& queries) {
  REAUGKD_CHECK(!queries.labels.empty() && student_keys.size(0) == kb.size(),
                "{} queries, {} keys for {} rows", queries.labels.size(), student_keys.size(0),
                kb.size());
  const auto answers = retrieval::answers_of(kb, {}, base::TaskKind::kClassification);
  return {static_cast<std::int64_t>(queries.labels.size()),
          accuracy(kb.embeddings, answers, queries), accuracy(student_keys, answers, queries),
          static_cast<std::int64_t>(kb.new_classes.size())};
}

base::Json to_json(const KeyComparison& comparison) {
  return {{"examples", comparison.examples},
          {"knn_accuracy_teacher_keys", comparison.teacher_keys},
          {"knn_accuracy_student_keys", comparison.student_keys},
          {"new_classes", comparison.new_classes},
          {"kept", comparison.teacher_kept ? "teacher" : "student"}};
}

std::string key_line(const KeyComparison& comparison) {
  const bool own = !comparison.teacher_is_better();
  std::string text = fmt::format(
      "  keys: the student's own find the label of {:.1f} % of {} rows it was not trained on, the "
      "teacher's of {:.1f} %\n",
      100 * comparison.student_keys, comparison.examples, 100 * comparison.teacher_keys);
  if (own && comparison.new_classes > 0) {
    text += fmt::format("        (the teacher was never shown {} of the classes)\n",
                        comparison.new_classes);
  }
  if (comparison.teacher_kept) {
    text += "        the teacher's stay\n";
  } else if (!own) {
    text +=
        "        the teacher's are better here: leave `keys` out, or let `keep-keys` be better\n";
  }
  return text;
}

}  // namespace reaugkd::evaluation
