#include "evaluation/confusion_lines.h"

#include <algorithm>

#include "base/error.h"
#include "evaluation/screen_lines.h"

namespace reaugkd::evaluation {
namespace {

constexpr std::size_t kIndent = 6;  // of an example

/// "    79  \"0\" taken for \"1\"": long names are cut.
std::string confusion_line(const ConfusedClasses& confusion) {
  const std::string rows = fmt::format("  {:>5}  ", confusion.rows);
  const std::string between = " taken for ";
  const std::size_t room = kScreenColumns - rows.size() - between.size();
  // A short name leaves its room to the other.
  const std::size_t label = columns_of(confusion.label);
  const std::size_t prediction = columns_of(confusion.prediction);
  const std::size_t for_label = std::max(room / 2, room - std::min(room, prediction));
  const std::size_t for_prediction = room - std::min(label, for_label);
  return rows + shortened(confusion.label, for_label) + between +
         shortened(confusion.prediction, for_prediction) + "\n";
}

std::string example(const ConfusedRow& row, std::size_t columns) {
  return shortened(fmt::format("row {}: {}", row.row, row.text), columns);
}

std::string example_lines(const ConfusedClasses& confusion) {
  std::string text;
  for (const auto& row : confusion.examples) {
    text += std::string(kIndent, ' ') + example(row, kScreenColumns - kIndent) + "\n";
  }
  return text;
}

/// All on one line.
std::string example_line(const ConfusedClasses& confusion) {
  const std::size_t count = confusion.examples.size();
  if (count == 0) return "";
  const std::size_t columns = (kScreenColumns - kIndent) / count - 2;
  std::string text(kIndent, ' ');
  for (std::size_t i = 0; i < count; ++i) {
    auto each = example(confusion.examples[i], columns);
    text += i + 1 < count ? padded(std::move(each), columns + 2) : each;
  }
  return text + "\n";
}

}  // namespace

std::string confusion_lines(const std::vector<ConfusedClasses>& confusions, std::int64_t lines) {
  if (confusions.empty()) return "";
  const std::string heading = "  most confused (all: confusion.tsv; by class: classes.tsv)\n";
  std::string roomy = heading;
  for (const auto& each : confusions) roomy += confusion_line(each) + example_lines(each);
  if (count_lines(roomy) <= lines) return roomy;
  const auto count = static_cast<std::int64_t>(confusions.size());
  const std::int64_t shown = std::clamp<std::int64_t>(lines - 1, 1, count);
  const std::int64_t with_examples = std::clamp<std::int64_t>(lines - 1 - shown, 0, shown);
  std::string text = heading;
  for (std::int64_t i = 0; i < shown; ++i) {
    const auto& each = confusions[static_cast<std::size_t>(i)];
    text += confusion_line(each) + (i < with_examples ? example_line(each) : "");
  }
  return text;
}

}  // namespace reaugkd::evaluation
