#include "data/custom_task.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/names.h"
#include "metrics/metrics.h"

namespace reaugkd::data {
namespace {

using base::ConfigError;
using base::Json;

const std::set<std::string> kKeys = {"name",   "format",     "header",  "text_a", "text_b", "label",
                                     "labels", "regression", "metrics", "train",  "dev",    "test"};

template <typename T>
constexpr const char* kExpected = "a list of texts, such as [\"0\", \"1\"]";
template <>
constexpr const char* kExpected<bool> = "true or false";
template <>
constexpr const char* kExpected<std::string> = "a text";

template <typename T>
T value_of(const Json& description, const std::string& key, const T& fallback,
           const std::string& where) {
  try {
    return description.contains(key) ? description.at(key).get<T>() : fallback;
  } catch (const nlohmann::json::exception&) {
    throw ConfigError("{}: \"{}\" holds {}, expected {}", where, key,
                      base::shortened(description.at(key).dump()), kExpected<T>);
  }
}

FileFormat parse_format(const std::string& name, const std::string& where) {
  if (name == "tsv") return FileFormat::kTsv;
  if (name == "csv") return FileFormat::kCsv;
  if (name == "jsonl") return FileFormat::kJsonl;
  throw ConfigError("{}: \"format\" is \"{}\", expected tsv, csv or jsonl{}", where, name,
                    base::did_you_mean(name, {"tsv", "csv", "jsonl"}));
}

/// A column: its number, or its name in the header (a key in JSON lines).
void set_column(const Json& description, const std::string& key, bool required, int& number,
                std::string& name, const std::string& where) {
  number = -1;
  if (!description.contains(key)) {
    if (required) throw ConfigError("{}: \"{}\" is missing: a column's name or number", where, key);
    return;
  }
  const Json& value = description.at(key);
  if (value.is_string() && !value.get<std::string>().empty()) {
    name = value.get<std::string>();
  } else if (value.is_number_integer() && value >= 0 && value < 10'000) {
    number = value.get<int>();
  } else {
    throw ConfigError("{}: \"{}\" holds {}, expected a column's name or its number from 0", where,
                      key, base::shortened(value.dump()));
  }
}

FileLayout layout_of(const Json& description, FileFormat format, const std::string& where) {
  FileLayout layout;
  layout.header = format != FileFormat::kJsonl && value_of(description, "header", true, where);
  set_column(description, "text_a", true, layout.text_a, layout.text_a_name, where);
  set_column(description, "text_b", false, layout.text_b, layout.text_b_name, where);
  set_column(description, "label", true, layout.label, layout.label_name, where);
  const bool named =
      !layout.text_a_name.empty() || !layout.text_b_name.empty() || !layout.label_name.empty();
  const bool numbered = layout.text_a >= 0 || layout.text_b >= 0 || layout.label >= 0;
  if (format == FileFormat::kJsonl && numbered) {
    throw ConfigError("{}: columns of JSON lines have names, not numbers", where);
  }
  if (format != FileFormat::kJsonl && named && !layout.header) {
    throw ConfigError("{}: without a header, columns have numbers, not names", where);
  }
  return layout;
}

void check_labels(const Task& task, bool regression, const std::string& where) {
  if (regression != task.labels.empty()) {
    throw ConfigError(
        "{}: give either \"labels\", the classes as the files spell them, or \"regression\": true",
        where);
  }
  const std::set<std::string> distinct(task.labels.begin(), task.labels.end());
  if (!regression &&
      (distinct.size() != task.labels.size() || distinct.contains("") || task.labels.size() < 2)) {
    throw ConfigError("{}: \"labels\" holds {}, expected two or more different names", where,
                      base::few_names(task.labels));
  }
  for (const auto& label : task.labels) {
    if (label.find_first_of("\t\r\n") == label.npos) continue;
    throw ConfigError(
        "{}: the label {} has a tab or a line's end, which predictions.tsv could not hold", where,
        base::shortened(Json(label).dump()));
  }
}

void check_metrics(const Task& task, const std::string& where) {
  const auto allowed =
      metrics::names_of(task.regression() ? metrics::Needs::kScores : metrics::Needs::kClasses);
  for (const auto& name : task.metrics) {
    if (std::ranges::find(allowed, name) == allowed.end()) {
      throw ConfigError("{}: unknown metric \"{}\", expected {}{}", where, name,
                        fmt::join(allowed, ", "), base::did_you_mean(name, allowed));
    }
    if (std::ranges::count(task.metrics, name) > 1) {
      throw ConfigError("{}: \"metrics\" names {} twice", where, name);
    }
    if (metrics::metric(name).of_one_class && task.labels.size() != 2) {
      throw ConfigError("{}: {} is of the second of two labels, there are {}", where, name,
                        task.labels.size());
    }
  }
  if (task.metrics.empty()) throw ConfigError("{}: \"metrics\" is empty", where);
  if (!metrics::metric(task.metrics.front()).larger_is_better) {
    throw ConfigError(
        "{}: the first metric, {}, selects the model, and smaller is better of it; name another "
        "one first",
        where, task.metrics.front());
  }
}

bool is_glue(const std::string& name) {
  try {
    glue_task(name);
    return true;
  } catch (const ConfigError&) {
    return false;
  }
}

}  // namespace

Task custom_task(const Json& description, const std::string& where) {
  if (!description.is_object()) throw ConfigError("{}: expected a JSON object", where);
  for (const auto& [key, value] : description.items()) {
    if (!kKeys.contains(key)) {
      throw ConfigError("{}: unknown key \"{}\", expected {}{}", where, key, fmt::join(kKeys, ", "),
                        base::did_you_mean(key, {kKeys.begin(), kKeys.end()}));
    }
  }
  Task task;
  task.name = value_of<std::string>(description, "name", "", where);
  if (task.name.empty() || is_glue(task.name)) {
    throw ConfigError("{}: \"name\" is \"{}\", expected a name that is not one of GLUE's", where,
                      task.name);
  }
  const auto format = value_of<std::string>(description, "format", "tsv", where);
  task.format = parse_format(format, where);
  task.labels = value_of<std::vector<std::string>>(description, "labels", {}, where);
  check_labels(task, value_of(description, "regression", false, where), where);
  const std::vector<std::string> metrics = task.regression()
                                               ? std::vector<std::string>{"pearson", "spearmanr"}
                                               : std::vector<std::string>{"accuracy"};
  task.metrics = value_of(description, "metrics", metrics, where);
  check_metrics(task, where);
  task.train = task.dev = task.test = layout_of(description, task.format, where);
  task.test.label_may_be_absent = true;
  task.train_file = value_of(description, "train", "train." + format, where);
  task.dev_file = value_of(description, "dev", "dev." + format, where);
  task.test_file = value_of(description, "test", "test." + format, where);
  task.description = description;
  return task;
}

Task task_of(const std::string& name) {
  if (!name.ends_with(".json")) return glue_task(name);
  Json description;
  try {
    description = base::read_json(name);
  } catch (const base::ArtifactError& error) {  // not JSON: here an option is wrong
    throw ConfigError("`task`: {}", error.what());
  }
  return custom_task(description, name);
}

}  // namespace reaugkd::data
