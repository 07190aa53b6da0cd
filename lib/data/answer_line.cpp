#include "data/answer_line.h"

#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/names.h"
#include "data/distribution.h"
#include "data/record_checks.h"

namespace reaugkd::data {
namespace {

using base::DataError;
using AnyJson = nlohmann::json;

constexpr const char* kRow = "row";
constexpr const char* kId = "id";
constexpr const char* kEmbedding = "embedding";
constexpr const char* kLogits = "logits";
constexpr const char* kProbabilities = "probabilities";
constexpr std::array kAnswerKeys = {kRow, kId, kEmbedding, kLogits, kProbabilities};

/// What the parser of nlohmann's calls, token by token.
class AnswerHandler : public nlohmann::json_sax<AnyJson> {
 public:
  AnswerHandler(const Task& task, const std::string& where) : task_(task), where_(where) {}

  bool start_object(std::size_t) override {
    if (depth_ == 1 && (key_ == kLogits || key_ == kProbabilities) && !in_list_) {
      open_values();
    } else if (depth_ > 0) {
      refuse("an object");
    }
    ++depth_;
    return true;
  }
  bool end_object() override {
    if (--depth_ == 1) close_names();
    return true;
  }
  bool start_array(std::size_t) override {
    if (depth_ == 0) refuse_line("found an array");
    if (in_list_ || depth_ != 1 || key_ == kRow || key_ == kId) refuse("a list");
    open_values();
    in_list_ = true;
    return true;
  }
  bool end_array() override {
    in_list_ = false;
    return true;
  }
  bool key(std::string& name) override {
    if (depth_ == 2) {
      class_ = class_of(name);
      return true;
    }
    key_ = name;
    if (std::ranges::find(kAnswerKeys, name) == kAnswerKeys.end()) {
      throw DataError("{}: has the key \"{}\"{}; known are {}", where_, shown(name),
                      base::did_you_mean(name, {kAnswerKeys.begin(), kAnswerKeys.end()}),
                      fmt::join(kAnswerKeys, ", "));
    }
    if (seen_.insert(name).second) return true;
    throw DataError("{}: has the key \"{}\" twice, expected it once: remove one", where_, name);
  }
  bool null() override {
    if (depth_ == 0) refuse_line("found null");
    if (depth_ == 2 || in_list_) refuse("null");
    return true;  // as if the key were not there
  }
  bool boolean(bool value) override { refuse(value ? "true" : "false"); }
  bool number_integer(AnyJson::number_integer_t value) override {
    if (depth_ == 1 && key_ == kRow) refuse(std::to_string(value));
    return add(static_cast<double>(value));
  }
  bool number_unsigned(AnyJson::number_unsigned_t value) override {
    if (depth_ != 1 || key_ != kRow) return add(static_cast<double>(value));
    if (!std::in_range<std::int64_t>(value)) refuse(std::to_string(value));
    line_.row = static_cast<std::int64_t>(value);
    return true;
  }
  bool number_float(AnyJson::number_float_t value, const std::string& text) override {
    if (depth_ == 1 && key_ == kRow) refuse(text);
    return add(value);
  }
  bool string(std::string& value) override {
    if (depth_ != 1 || key_ != kId || in_list_) refuse("a text");
    line_.id = value;
    if (value.empty()) refuse("an empty text");
    return true;
  }
  bool binary(AnyJson::binary_t&) override { refuse("binary data"); }
  bool parse_error(std::size_t, const std::string&, const AnyJson::exception& error) override {
    const std::string_view what = error.what();
    refuse_line(base::json_text(std::string(what.substr(what.find("] ") + 2))));
  }

  AnswerLine take() {
    if (line_.row.has_value() == !line_.id.empty()) {
      throw DataError("{}: has {}, expected one of \"row\" and \"id\"", where_,
                      line_.row ? "both \"row\" and \"id\"" : "neither \"row\" nor \"id\"");
    }
    const bool both = seen_values(kLogits) && seen_values(kProbabilities);
    if (both) {
      throw DataError("{}: has both \"logits\" and \"probabilities\": leave one of them out",
                      where_);
    }
    if (opened_embedding_ && line_.embedding.empty()) {
      throw DataError("{}: \"embedding\" is an empty list, expected numbers", where_);
    }
    if (seen_values(kProbabilities)) take_probabilities();
    if (seen_values(kLogits)) check_classes(kLogits, line_.logits.size());
    return std::move(line_);
  }

 private:
  [[noreturn]] void refuse(const std::string& found) const {
    if (depth_ == 0) refuse_line("found " + found);
    const char* expected = key_ == kRow         ? "the number of a data row, from 0"
                           : key_ == kId        ? "an id as examples.tsv has it"
                           : depth_ == 2        ? "a number for each class"
                           : key_ == kEmbedding ? "a list of finite numbers"
                                                : "finite numbers, or an object of class names";
    throw DataError("{}: \"{}\": found {}, expected {}", where_, shown(key_), found, expected);
  }
  [[noreturn]] void refuse_line(const std::string& what) const {
    throw DataError("{}: expected a JSON object a line: {}", where_, what);
  }

  std::vector<float>& values() {
    return key_ == kEmbedding ? line_.embedding : key_ == kLogits ? line_.logits : probabilities_;
  }
  bool seen_values(const char* key) const {
    return key == std::string_view(kLogits) ? opened_logits_ : opened_probabilities_;
  }
  void open_values() {
    opened_embedding_ = opened_embedding_ || key_ == kEmbedding;
    opened_logits_ = opened_logits_ || key_ == kLogits;
    opened_probabilities_ = opened_probabilities_ || key_ == kProbabilities;
  }

  bool add(double value) {
    const bool named = depth_ == 2;
    if (!in_list_ && !named) refuse(fmt::format("{:g}", value));
    if (!(std::abs(value) <= FLT_MAX)) refuse(fmt::format("{:g}", value));
    if (named) {
      by_class_[class_] = static_cast<float>(value);
    } else {
      values().push_back(static_cast<float>(value));
    }
    return true;
  }

  /// The class of a name; an object has it once.
  std::size_t class_of(const std::string& name) {
    const auto found = std::ranges::find(task_.labels, name);
    if (found == task_.labels.end()) {
      throw DataError("{}: \"{}\" has the class \"{}\", which the task does not know{}", where_,
                      shown(key_), shown(name), base::did_you_mean(name, task_.labels));
    }
    if (by_class_.empty()) by_class_.assign(task_.labels.size(), kAbsent);
    const auto place = static_cast<std::size_t>(found - task_.labels.begin());
    if (std::isnan(by_class_[place])) return place;
    throw DataError("{}: \"{}\" has the class \"{}\" twice: remove one", where_, shown(key_),
                    shown(name));
  }
  /// An object of class names has ended.
  void close_names() {
    for (std::size_t i = 0; i < by_class_.size(); ++i) {
      if (!std::isnan(by_class_[i])) continue;
      if (key_ == kLogits) {
        throw DataError("{}: \"logits\" has no \"{}\", expected each class", where_,
                        shown(task_.labels[i]));
      }
      by_class_[i] = 0;
    }
    values() = std::exchange(by_class_, {});
  }

  void check_classes(const char* key, std::size_t found) const {
    const auto expected = static_cast<std::size_t>(task_.num_labels());
    if (found == expected) return;
    throw DataError("{}: \"{}\" has {} numbers, the task {} has {}", where_, key, found, task_.name,
                    task_.regression()
                        ? std::string("scores: expected 1")
                        : fmt::format("{} classes ({})", expected, base::few_names(task_.labels)));
  }
  void take_probabilities() {
    if (task_.regression()) {
      throw DataError("{}: has \"probabilities\", but the task {} has scores: give \"logits\": [x]",
                      where_, task_.name);
    }
    check_classes(kProbabilities, probabilities_.size());
    if (const auto why = why_no_distribution(probabilities_); !why.empty()) {
      throw DataError("{}: \"probabilities\": {}", where_, why);
    }
    take_logits(probabilities_);
    line_.logits = std::move(probabilities_);
  }

  static constexpr float kAbsent = std::numeric_limits<float>::quiet_NaN();

  const Task& task_;
  const std::string& where_;
  AnswerLine line_;
  std::vector<float> probabilities_;
  std::vector<float> by_class_;  // of an object of class names
  std::size_t class_ = 0;        // whose number comes next in it
  std::set<std::string> seen_;
  std::string key_;  // of the line's object
  int depth_ = 0;    // objects that are open
  bool in_list_ = false;
  bool opened_embedding_ = false, opened_logits_ = false, opened_probabilities_ = false;
};

}  // namespace

AnswerLine parse_answer_line(std::string_view line, const Task& task, const std::string& where) {
  AnswerHandler handler(task, where);
  AnyJson::sax_parse(line, &handler);
  return handler.take();
}

}  // namespace reaugkd::data
