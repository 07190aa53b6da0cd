#include "retrieval/gate.h"

#include "base/error.h"

namespace reaugkd::retrieval {
namespace {

constexpr int kMostSteps = 100;
constexpr int kMostHalvings = 30;
constexpr double kConverged = 1e-9;    // of a weight in a step
constexpr double kBiasPenalty = 0.01;  // a unique optimum where a gate is always open
constexpr double kSmallestDeviation = 1e-9;

torch::Tensor fp64(const torch::Tensor& values) {
  return values.to(torch::kCPU, torch::kFloat64);
}

/// (1 - e) p + e / C
torch::Tensor floored(const torch::Tensor& p, std::int64_t classes) {
  return (1 - kFloor) * p + kFloor / static_cast<double>(classes);
}

/// p(y), (B) fp64.
torch::Tensor of_labels(const torch::Tensor& p, const torch::Tensor& labels) {
  return fp64(p.gather(1, labels.to(torch::kInt64).unsqueeze(1)).squeeze(1));
}

/// The objective of fit_gate() at `weights` (1 + F), the bias first.
struct Objective {
  torch::Tensor x, a, b;  // (B, 1 + F), (B), (B)
  torch::Tensor penalty;  // (1 + F)

  double at(const torch::Tensor& weights) const {
    const auto beta = torch::sigmoid(torch::mv(x, weights));
    return (-(beta * a + (1 - beta) * b).log().sum() + (penalty * weights.square()).sum() / 2)
        .item<double>();
  }
  /// Newton's step; where a row bends the wrong way it is left out of the curvature.
  torch::Tensor step(const torch::Tensor& weights) const {
    const auto beta = torch::sigmoid(torch::mv(x, weights));
    const auto slope = beta * (1 - beta);
    const auto share = (a - b) / (beta * a + (1 - beta) * b);  // d log p / d beta
    const auto first = share * slope;
    const auto second = (first.square() - first * (1 - 2 * beta)).clamp_min(0);
    const auto gradient = torch::mv(x.t(), first) - penalty * weights;
    const auto curvature = torch::mm(x.t() * second, x) + torch::diag(penalty);
    return torch::mv(torch::inverse(curvature), gradient);
  }
};

/// The weights (1 + F) that make the objective smallest, from zeros.
torch::Tensor most_likely(const torch::Tensor& x, const torch::Tensor& a, const torch::Tensor& b) {
  Objective objective{x, a, b, torch::ones({x.size(1)}, torch::kFloat64)};
  objective.penalty[0] = kBiasPenalty;
  auto weights = torch::zeros({x.size(1)}, torch::kFloat64);
  double value = objective.at(weights);
  for (int step = 0; step < kMostSteps; ++step) {
    auto change = objective.step(weights);
    double next = objective.at(weights + change);
    for (int half = 0; half < kMostHalvings && next > value; ++half) {
      change = change / 2;
      next = objective.at(weights + change);
    }
    if (next > value) break;
    weights = weights + change;
    value = next;
    if (change.abs().max().item<double>() < kConverged) break;
  }
  return weights;
}

}  // namespace

torch::Tensor entropy(const torch::Tensor& probabilities) {
  const auto p = fp64(probabilities);
  return -torch::xlogy(p, p).sum(1);
}

const std::vector<std::string>& gate_feature_names() {
  static const std::vector<std::string> names = {"student_entropy", "kb_entropy", "agreement"};
  return names;
}

torch::Tensor GateInput::mass_of_new_classes() const {
  return fp64(knowledge_base).slice(1, known_classes).sum(1);
}

torch::Tensor GateInput::features() const {
  REAUGKD_CHECK(student.sizes() == knowledge_base.sizes() && known_classes >= 1 &&
                    known_classes <= student.size(1),
                "{} known classes of {}", known_classes, student.size(1));
  const auto kb = fp64(knowledge_base);
  const auto rest = 1 - mass_of_new_classes();
  const auto agreement = torch::where(rest > kSmallestDeviation,
                                      (fp64(student) * kb).slice(1, 0, known_classes).sum(1) / rest,
                                      torch::zeros_like(rest));
  const auto of_student = student_entropy.defined() ? student_entropy : entropy(student);
  return torch::stack({of_student, entropy(kb), agreement}, 1);
}

torch::Tensor beta_of_rows(const Gate& gate, const torch::Tensor& features) {
  REAUGKD_CHECK(features.size(1) == static_cast<std::int64_t>(gate.weights.size()),
                "{} features, {} weights", features.size(1), gate.weights.size());
  return torch::sigmoid(gate.bias +
                        torch::mv(features, torch::tensor(gate.weights, torch::kFloat64)));
}

torch::Tensor combine(const GateInput& input, const torch::Tensor& beta) {
  const auto weight = beta.unsqueeze(1);  // (B, 1)
  const auto rest = 1 - input.mass_of_new_classes().unsqueeze(1);
  const auto kb = fp64(input.knowledge_base);
  const auto known =
      (rest * weight * fp64(input.student) + (1 - weight) * kb).slice(1, 0, input.known_classes);
  return torch::cat({known, kb.slice(1, input.known_classes)}, 1).to(torch::kFloat32);
}

Gate fit_gate(const GateInput& input, const torch::Tensor& labels) {
  return fit_gate(input, input.features(), labels);
}

Gate fit_gate(const GateInput& input, const torch::Tensor& all_features,
              const torch::Tensor& labels) {
  const auto known = (labels < static_cast<double>(input.known_classes)).nonzero().squeeze(1);
  const std::int64_t rows = known.numel();
  const auto count = static_cast<std::int64_t>(gate_feature_names().size());
  Gate gate{0, std::vector<double>(static_cast<std::size_t>(count), 0)};
  if (rows == 0) return gate;
  const auto features = all_features.index_select(0, known);
  const auto classes = input.student.size(1);
  const auto own = labels.index_select(0, known);
  const auto student = of_labels(input.student.index_select(0, known), own);
  const auto rest = 1 - input.mass_of_new_classes().index_select(0, known);
  // Where all neighbors are of new classes the knowledge base says nothing of the others.
  const auto of_kb = of_labels(input.knowledge_base.index_select(0, known), own);
  const auto a = floored(student, classes);
  const auto b = floored(torch::where(rest > kSmallestDeviation, of_kb / rest, student), classes);

  const auto mean = features.mean(0);
  auto deviation = features.std(0, /*unbiased=*/false);
  deviation = torch::where(deviation > kSmallestDeviation, deviation, torch::ones_like(deviation));
  const auto x = torch::cat(
      {torch::ones({rows, 1}, torch::kFloat64), (features - mean) / deviation}, 1);  // (B, 1 + F)
  const auto weights = most_likely(x, a, b);
  const auto raw = (weights.slice(0, 1) / deviation).contiguous();
  gate.bias = (weights[0] - (raw * mean).sum()).item<double>();
  gate.weights.assign(raw.data_ptr<double>(), raw.data_ptr<double>() + count);
  return gate;
}

double floored_loss(const torch::Tensor& probabilities, const torch::Tensor& labels) {
  return -floored(of_labels(probabilities, labels), probabilities.size(1))
              .log()
              .mean()
              .item<double>();
}

}  // namespace reaugkd::retrieval
