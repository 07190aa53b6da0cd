#include "metrics/metrics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <deque>
#include <numeric>

#include "base/error.h"
#include "base/names.h"
#include "metrics/confusion.h"

namespace reaugkd::metrics {
namespace {

constexpr double kSmallestProbability = 1e-12;

void check_sizes(std::size_t predictions, std::size_t labels) {
  REAUGKD_CHECK(predictions == labels && labels > 0, "{} predictions, {} labels", predictions,
                labels);
}

void require_finite(std::span<const double> values, const char* what) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      throw base::NumericError("{} {} is {}: a correlation needs finite numbers", what, i,
                               values[i]);
    }
  }
}

// A mean of equal numbers can miss them by a rounding error, so a variance of 0 would not do.
bool constant(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), [&](double v) { return v == values[0]; });
}

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// 1-based ranks; equal values share the mean of the ranks they take up.
std::vector<double> ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> result(values.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t last = first + 1;
    while (last < order.size() && values[order[last]] == values[order[first]]) ++last;
    for (std::size_t i = first; i < last; ++i) {
      result[order[i]] = 0.5 * static_cast<double>(first + 1 + last);
    }
    first = last;
  }
  return result;
}

std::size_t class_index(std::int64_t value, std::size_t num_labels) {
  REAUGKD_CHECK(value >= 0 && static_cast<std::size_t>(value) < num_labels, "class {} of {}", value,
                num_labels);
  return static_cast<std::size_t>(value);
}

std::size_t check_probabilities(std::span<const double> probabilities, std::int64_t num_labels,
                                std::span<const std::int64_t> labels) {
  REAUGKD_CHECK(num_labels > 0 && !labels.empty() &&
                    probabilities.size() == labels.size() * static_cast<std::size_t>(num_labels),
                "{} probabilities, {} classes, {} labels", probabilities.size(), num_labels,
                labels.size());
  return static_cast<std::size_t>(num_labels);
}

std::vector<std::int64_t> class_indices(std::span<const double> values) {
  std::vector<std::int64_t> result;
  result.reserve(values.size());
  for (const double value : values) {
    REAUGKD_CHECK(value == std::floor(value) && value >= 0, "{} is no class index", value);
    result.push_back(static_cast<std::int64_t>(value));
  }
  return result;
}

}  // namespace

double accuracy(std::span<const std::int64_t> predictions, std::span<const std::int64_t> labels) {
  check_sizes(predictions.size(), labels.size());
  std::size_t equal = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) equal += predictions[i] == labels[i] ? 1 : 0;
  return static_cast<double>(equal) / static_cast<double>(labels.size());
}

double f1(std::span<const std::int64_t> predictions, std::span<const std::int64_t> labels,
          std::int64_t positive) {
  check_sizes(predictions.size(), labels.size());
  std::size_t both = 0;     // TP
  std::size_t claimed = 0;  // TP + FP
  std::size_t actual = 0;   // TP + FN
  for (std::size_t i = 0; i < labels.size(); ++i) {
    both += predictions[i] == positive && labels[i] == positive ? 1 : 0;
    claimed += predictions[i] == positive ? 1 : 0;
    actual += labels[i] == positive ? 1 : 0;
  }
  if (claimed + actual == 0) return 0;
  return 2.0 * static_cast<double>(both) / static_cast<double>(claimed + actual);
}

double matthews_correlation(std::span<const std::int64_t> predictions,
                            std::span<const std::int64_t> labels) {
  check_sizes(predictions.size(), labels.size());
  const std::int64_t largest = std::max(*std::max_element(predictions.begin(), predictions.end()),
                                        *std::max_element(labels.begin(), labels.end()));
  const auto num_labels = static_cast<std::size_t>(std::max<std::int64_t>(largest, 0) + 1);
  std::vector<double> predicted(num_labels, 0.0);  // p_c: rows predicted as c
  std::vector<double> actual(num_labels, 0.0);     // t_c: rows of class c
  double correct = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    predicted[class_index(predictions[i], num_labels)] += 1;
    actual[class_index(labels[i], num_labels)] += 1;
    correct += predictions[i] == labels[i] ? 1 : 0;
  }
  const auto n = static_cast<double>(labels.size());
  // (correct n - sum p_c t_c) / sqrt(n^2 - sum p_c^2) / sqrt(n^2 - sum t_c^2)
  const auto product = [](const std::vector<double>& a, const std::vector<double>& b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
  };
  const double spread_predicted = n * n - product(predicted, predicted);
  const double spread_actual = n * n - product(actual, actual);
  if (spread_predicted == 0 || spread_actual == 0) return 0;
  return (correct * n - product(predicted, actual)) /
         (std::sqrt(spread_predicted) * std::sqrt(spread_actual));
}

double pearson(std::span<const double> predictions, std::span<const double> labels) {
  check_sizes(predictions.size(), labels.size());
  require_finite(predictions, "prediction");
  require_finite(labels, "label");
  if (constant(predictions) || constant(labels)) return 0;
  const double mean_prediction = mean(predictions);
  const double mean_label = mean(labels);
  double covariance = 0;
  double variance_prediction = 0;
  double variance_label = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const double x = predictions[i] - mean_prediction;
    const double y = labels[i] - mean_label;
    covariance += x * y;
    variance_prediction += x * x;
    variance_label += y * y;
  }
  const double scale = std::sqrt(variance_prediction) * std::sqrt(variance_label);
  if (scale == 0) return 0;  // spread so small that its square underflows
  return std::clamp(covariance / scale, -1.0, 1.0);
}

double spearmanr(std::span<const double> predictions, std::span<const double> labels) {
  check_sizes(predictions.size(), labels.size());
  require_finite(predictions, "prediction");
  require_finite(labels, "label");
  return pearson(ranks(predictions), ranks(labels));
}

double negative_log_likelihood(std::span<const double> probabilities, std::int64_t num_labels,
                               std::span<const std::int64_t> labels) {
  const std::size_t classes = check_probabilities(probabilities, num_labels, labels);
  double sum = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const double p = probabilities[i * classes + class_index(labels[i], classes)];
    // Written so that a NaN stays one: std::max would hide it behind the bound.
    sum -= std::log(p < kSmallestProbability ? kSmallestProbability : p);
  }
  return sum / static_cast<double>(labels.size());
}

double expected_calibration_error(std::span<const double> probabilities, std::int64_t num_labels,
                                  std::span<const std::int64_t> labels, std::int64_t bins) {
  const std::size_t classes = check_probabilities(probabilities, num_labels, labels);
  REAUGKD_CHECK(bins > 0, "{} bins", bins);
  // sum over bins of |B|/n |accuracy(B) - confidence(B)| = 1/n sum of |correct(B) - confidence sum|
  std::vector<double> gap(static_cast<std::size_t>(bins), 0.0);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto row = probabilities.subspan(i * classes, classes);
    const auto top = std::max_element(row.begin(), row.end());
    const std::size_t label = class_index(labels[i], classes);
    REAUGKD_CHECK(*top >= 0, "probability {}", *top);
    // Bin b holds the probabilities in (b / bins, (b + 1) / bins].
    const double bin = std::ceil(*top * static_cast<double>(bins)) - 1;
    const double clamped = std::clamp(bin, 0.0, static_cast<double>(bins - 1));
    const bool correct = static_cast<std::size_t>(top - row.begin()) == label;
    gap[static_cast<std::size_t>(clamped)] += (correct ? 1.0 : 0.0) - *top;
  }
  double sum = 0;
  for (const double g : gap) sum += std::abs(g);
  return sum / static_cast<double>(labels.size());
}

namespace {

/// A metric over class indices as one over numbers.
template <typename Function>
auto of_classes(const Function& function) {
  return [function](std::span<const double> predictions, std::span<const double> labels,
                    std::int64_t positive) {
    return function(class_indices(predictions), class_indices(labels), positive);
  };
}

/// The counts of classes up to the largest that is there.
ConfusionMatrix counted(std::span<const std::int64_t> predictions,
                        std::span<const std::int64_t> labels) {
  check_sizes(predictions.size(), labels.size());
  return {predictions, labels,
          1 + std::max(std::ranges::max(predictions), std::ranges::max(labels))};
}

/// The table. Adding a metric is an entry here.
std::deque<Metric>& table() {
  using Classes = std::span<const std::int64_t>;
  using Numbers = std::span<const double>;
  static std::deque<Metric> metrics = {
      {.name = "accuracy",
       .needs = Needs::kClasses,
       .function = of_classes([](Classes p, Classes y, std::int64_t) { return accuracy(p, y); })},
      {.name = "f1",
       .needs = Needs::kClasses,
       .of_one_class = true,
       .function = of_classes([](Classes p, Classes y, std::int64_t c) { return f1(p, y, c); })},
      {.name = "matthews_correlation",
       .needs = Needs::kClasses,
       .function = of_classes(
           [](Classes p, Classes y, std::int64_t) { return matthews_correlation(p, y); })},
      {.name = "macro_f1",
       .needs = Needs::kClasses,
       .function =
           of_classes([](Classes p, Classes y, std::int64_t) { return counted(p, y).macro_f1(); })},
      {.name = "weighted_f1",
       .needs = Needs::kClasses,
       .function = of_classes(
           [](Classes p, Classes y, std::int64_t) { return counted(p, y).weighted_f1(); })},
      {.name = "balanced_accuracy",
       .needs = Needs::kClasses,
       .function = of_classes(
           [](Classes p, Classes y, std::int64_t) { return counted(p, y).balanced_accuracy(); })},
      {.name = "pearson",
       .needs = Needs::kScores,
       .function = [](Numbers p, Numbers y, std::int64_t) { return pearson(p, y); }},
      {.name = "spearmanr",
       .needs = Needs::kScores,
       .function = [](Numbers p, Numbers y, std::int64_t) { return spearmanr(p, y); }},
  };
  return metrics;
}

}  // namespace

const Metric& metric(const std::string& name) {
  const auto found = std::ranges::find(table(), name, &Metric::name);
  if (found != table().end()) return *found;
  std::vector<std::string> names;
  for (const auto& each : table()) names.push_back(each.name);
  throw base::ConfigError("unknown metric \"{}\"{} Known are {}", name,
                          base::did_you_mean(name, names), fmt::join(names, ", "));
}

std::vector<std::string> names_of(Needs needs) {
  std::vector<std::string> names;
  for (const auto& each : table()) {
    if (each.needs == needs) names.push_back(each.name);
  }
  return names;
}

void add_metric(Metric metric) {
  REAUGKD_CHECK(std::ranges::find(table(), metric.name, &Metric::name) == table().end(),
                "there is a metric {} already", metric.name);
  table().push_back(std::move(metric));
}

}  // namespace reaugkd::metrics
