#include "serving/answer_fields.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "base/error.h"
#include "data/class_names.h"

namespace reaugkd::serving {
namespace {

using base::Json;

/// The shortest decimal that reads back as this float; what is not finite is null.
Json number(double value) {
  const auto single = static_cast<float>(value);
  if (!std::isfinite(single)) return nullptr;
  return std::stod(fmt::format("{}", single));
}

/// One row of (B, C) fp32.
class Values {
 public:
  Values(const torch::Tensor& values, std::int64_t i)
      : row_(values[i].to(torch::kFloat32).contiguous()) {}
  std::int64_t size() const { return row_.numel(); }
  float at(std::int64_t c) const { return row_.data_ptr<float>()[c]; }
  /// The most probable class, the first of equal ones.
  std::int64_t best() const {
    const float* values = row_.data_ptr<float>();
    return std::max_element(values, values + size()) - values;
  }
  /// The `count` most probable classes, best first.
  std::vector<std::int64_t> first(std::int64_t count) const {
    std::vector<std::int64_t> order(static_cast<std::size_t>(size()));
    std::iota(order.begin(), order.end(), std::int64_t{0});
    std::ranges::stable_sort(order, std::greater<>(), [&](std::int64_t c) { return at(c); });
    order.resize(static_cast<std::size_t>(std::min(count, size())));
    return order;
  }

 private:
  torch::Tensor row_;
};

const std::string& name_of(const data::Task& task, std::int64_t c) {
  return task.labels[static_cast<std::size_t>(c)];
}

Json top_json(const data::Task& task, const Values& row, std::int64_t count) {
  Json top = Json::array();
  for (const auto c : row.first(count)) {
    top.push_back({{"label", name_of(task, c)}, {"probability", number(row.at(c))}});
  }
  return top;
}

Json neighbors_json(const data::Task& task, std::int64_t count, const Answers& answers,
                    std::int64_t i, const Retrieval& retrieval) {
  const auto rows = answers.neighbors.indices.accessor<std::int64_t, 2>()[i];
  const auto similarities = answers.neighbors.similarities.accessor<float, 2>()[i];
  const auto weights = answers.weights.accessor<double, 2>()[i];
  const auto& kb = retrieval.knowledge_base();
  Json neighbors = Json::array();
  for (std::int64_t n = 0; n < std::min(count, answers.neighbors.k()) && rows[n] >= 0; ++n) {
    const auto row = rows[n];
    Json neighbor = {{"id", kb.ids[static_cast<std::size_t>(row)].to_string()}};
    if (!kb.text_a.empty()) neighbor["text"] = kb.text_a[static_cast<std::size_t>(row)];
    if (!kb.text_b.empty()) neighbor["text_pair"] = kb.text_b[static_cast<std::size_t>(row)];
    neighbor["label"] = task.regression() ? number(retrieval.score_of_row(row))
                                          : Json(name_of(task, retrieval.class_of_row(row)));
    neighbor["similarity"] = number(similarities[n]);
    neighbor["weight"] = number(weights[n]);
    neighbors.push_back(std::move(neighbor));
  }
  return neighbors;
}

/// Puts what one of the two said: its class with the probability, or its score.
void put_part(Json& fields, const data::Task& task, const std::string& name,
              const torch::Tensor& values, std::int64_t i) {
  const Values row(values, i);
  if (task.regression()) {
    fields[name + "_prediction"] = number(row.at(0));
    return;
  }
  fields[name + "_prediction"] = name_of(task, row.best());
  fields[name + "_probability"] = number(row.at(row.best()));
}

Json with_prefix(const Json& fields, const std::string& prefix) {
  if (prefix.empty()) return fields;
  Json named = Json::object();
  for (const auto& [name, value] : fields.items()) named[prefix + name] = value;
  return named;
}

}  // namespace

bool abstained(const data::Task& task, const AnswerDetail& detail, const Answers& answers,
               std::int64_t i) {
  if (task.regression() || detail.min_probability <= 0) return false;
  const Values row(answers.combined, i);
  return row.at(row.best()) < static_cast<float>(detail.min_probability);
}

std::vector<std::string> answer_names(const data::Task& task, const AnswerDetail& detail,
                                      bool with_knowledge_base) {
  std::vector<std::string> names = {"prediction"};
  const auto add = [&](const std::string& name) { names.push_back(name); };
  const auto add_part = [&](const std::string& name) {
    add(name + "_prediction");
    if (!task.regression()) add(name + "_probability");
  };
  if (!task.regression()) add("probability");
  if (!task.regression() && detail.top > 0) add("top");
  if (detail.details) {
    add_part("student");
    if (with_knowledge_base) {
      add_part("kb");
      add("beta");
      add("similarity");
    }
  }
  add("truncated");
  if (detail.neighbors > 0 && with_knowledge_base) add("neighbors");
  if (detail.probabilities && !task.regression()) {
    for (const auto& name : task.distribution_names()) add(name);
  }
  if (detail.errors) add("error");
  for (auto& name : names) name.insert(0, detail.prefix);
  return names;
}

Json answer_fields(const data::Task& task, const AnswerDetail& detail, const Answers& answers,
                   std::int64_t i, const Retrieval* retrieval) {
  const Values row(answers.combined, i);
  Json fields;
  if (task.regression()) {
    fields["prediction"] = number(row.at(0));
  } else {
    fields["prediction"] =
        abstained(task, detail, answers, i) ? detail.unknown : name_of(task, row.best());
    fields["probability"] = number(row.at(row.best()));
    if (detail.top > 0) fields["top"] = top_json(task, row, detail.top);
  }
  if (detail.details) {
    put_part(fields, task, "student", answers.student, i);
    if (answers.with_knowledge_base()) {
      put_part(fields, task, "kb", answers.knowledge_base, i);
      fields["beta"] = number(answers.beta[i].item<double>());
      fields["similarity"] = number(answers.neighbors.similarities[i][0].item<float>());
    }
  }
  fields["truncated"] = answers.truncated[static_cast<std::size_t>(i)] != 0;
  if (detail.neighbors > 0 && answers.with_knowledge_base()) {
    fields["neighbors"] = neighbors_json(task, detail.neighbors, answers, i, *retrieval);
  }
  if (detail.probabilities && !task.regression()) {
    const auto names = task.distribution_names();
    for (std::int64_t c = 0; c < row.size(); ++c) {
      fields[names[static_cast<std::size_t>(c)]] = number(row.at(c));
    }
  }
  if (detail.errors) fields["error"] = nullptr;
  return with_prefix(fields, detail.prefix);
}

Json error_fields(const data::Task& task, const AnswerDetail& detail, bool with_knowledge_base,
                  const std::string& error) {
  Json fields = Json::object();
  for (const auto& name : answer_names(task, detail, with_knowledge_base)) fields[name] = nullptr;
  fields[detail.prefix + "error"] = base::json_text(error);
  return fields;
}

}  // namespace reaugkd::serving
