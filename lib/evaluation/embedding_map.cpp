#include "evaluation/embedding_map.h"

#include <cmath>

#include "base/error.h"
#include "retrieval/fp32_rows.h"

namespace reaugkd::evaluation {
namespace {

/// (D) float64, on the CPU.
torch::Tensor mean_row(const torch::Tensor& rows) {
  return retrieval::sum_of_rows(rows) / rows.size(0);
}

std::string lines(const std::string& source, const data::Task& task, const torch::Tensor& plane,
                  const std::vector<float>& labels) {
  const auto points = plane.accessor<double, 2>();
  std::string text;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const float label = labels[i];
    std::string name;
    if (!std::isnan(label)) {
      name = task.regression() ? fmt::format("{:.9g}", label)
                               : task.labels[static_cast<std::size_t>(label)];
    }
    const auto row = static_cast<std::int64_t>(i);
    text += fmt::format("{}\t{}\t{:.6g}\t{:.6g}\n", source, name, points[row][0], points[row][1]);
  }
  return text;
}

}  // namespace

torch::Tensor principal_components(const torch::Tensor& rows) {
  REAUGKD_CHECK(rows.dim() == 2 && rows.size(1) >= 2, "two components need (N, D), D >= 2");
  const torch::NoGradGuard no_grad;
  const auto mean = mean_row(rows);
  auto covariance = torch::zeros({rows.size(1), rows.size(1)}, torch::kFloat64);
  for (const auto& block : rows.split(retrieval::kRowsOfBlock)) {
    const auto centered = block.to(torch::kCPU, torch::kFloat64) - mean;
    covariance.addmm_(centered.t(), centered);
  }
  const auto vectors = std::get<1>(torch::linalg_eigh(covariance, "L"));
  const auto largest = vectors.slice(1, -2).flip(1);  // (D, 2); eigenvalues come ascending
  const auto extreme = largest.gather(0, largest.abs().argmax(0, true));
  return largest * extreme.sign();
}

std::string embedding_map(const data::Task& task, const retrieval::KnowledgeBase& kb,
                          const torch::Tensor& student, const std::vector<float>& labels) {
  const auto components = principal_components(kb.embeddings);
  const auto mean = mean_row(kb.embeddings);
  const auto plane = [&](const torch::Tensor& rows) {
    std::vector<torch::Tensor> points;
    for (const auto& block : rows.split(retrieval::kRowsOfBlock)) {
      points.push_back(torch::matmul(block.to(torch::kCPU, torch::kFloat64) - mean, components));
    }
    return torch::cat(points);
  };
  const auto known = kb.labels.contiguous();
  const std::vector<float> kb_labels(known.data_ptr<float>(), known.data_ptr<float>() + kb.size());
  return "source\tlabel\tx\ty\n" + lines("teacher", task, plane(kb.embeddings), kb_labels) +
         lines("student", task, plane(student), labels);
}

}  // namespace reaugkd::evaluation
