#include "usage.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace reaugkd::apps {
namespace {

/// How many letters to insert, drop or replace (Levenshtein).
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, above + 1, diagonal + (a[i] == b[j] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row.back();
}

/// " (nearest: ...)" with the nearest of `names`; empty where none is near.
std::string nearest(const std::string& word, const std::vector<std::string>& names) {
  constexpr std::size_t kNear = 3;
  const auto found = std::min_element(
      names.begin(), names.end(),
      [&](const auto& a, const auto& b) { return distance(word, a) < distance(word, b); });
  return found == names.end() || distance(word, *found) > kNear ? "" : " (nearest: " + *found + ")";
}

}  // namespace

std::string usage_problem(const CLI::App& app, int argc, char** argv,
                          const std::string& otherwise) {
  if (app.get_subcommands().empty()) {
    std::vector<std::string> names;
    for (const auto* command : app.get_subcommands({})) names.push_back(command->get_name());
    if (argc > 1 && argv[1][0] != '-') {
      return fmt::format("there is no command \"{}\"{}: expected one of {}; see reaugkd --help",
                         argv[1], nearest(argv[1], names), fmt::join(names, ", "));
    }
    return fmt::format("{}; see reaugkd --help", otherwise);
  }
  const CLI::App& command = *app.get_subcommands().front();
  std::vector<std::string> names;
  for (const auto* option : command.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (int i = 2; i < argc; ++i) {
    const std::string word = std::string(argv[i]).substr(0, std::string(argv[i]).find('='));
    if (!word.starts_with("--") || std::find(names.begin(), names.end(), word) != names.end())
      continue;
    return fmt::format("{} has no {}{}; see reaugkd {} --help", command.get_name(), word,
                       nearest(word, names), command.get_name());
  }
  return fmt::format("{}; see reaugkd {} --help", otherwise, command.get_name());
}

}  // namespace reaugkd::apps
