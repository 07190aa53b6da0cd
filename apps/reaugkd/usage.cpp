#include "usage.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <vector>

#include "base/names.h"

namespace reaugkd::apps {
namespace {

/// "--lr" of "--lr=3e-5".
std::string flag_of(const std::string& word) {
  return word.substr(0, word.find('='));
}

/// Whether the word is meant as a flag: "-1" is a number.
bool like_flag(const std::string& word) {
  return word.size() > 1 && word[0] == '-' &&
         std::isdigit(static_cast<unsigned char>(word[1])) == 0;
}

/// As a user types them: "-k" and "--k", "--model".
std::vector<std::string> flags_of(const CLI::App& command) {
  std::vector<std::string> flags;
  for (const auto* option : command.get_options()) {
    for (const auto& name : option->get_snames()) flags.push_back("-" + name);
    for (const auto& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return flags;
}

/// Whether one of `flags` is meant: "-k5" is "-k" with its value.
bool known(const std::string& flag, const std::vector<std::string>& flags) {
  const auto has = [&](const std::string& name) {
    return std::find(flags.begin(), flags.end(), name) != flags.end();
  };
  return has(flag) || (!flag.starts_with("--") && has(flag.substr(0, 2)));
}

/// Of an option that stands where the command is expected.
std::string problem_before_command(const CLI::App& app, const std::string& flag) {
  std::vector<std::string> flags;
  for (const auto* command : app.get_subcommands({})) {
    for (const auto& name : flags_of(*command)) flags.push_back(name);
  }
  return fmt::format(
      "{} stands before the command, where there is no such option{} See reaugkd --help", flag,
      known(flag, flags) ? "; options of a command follow it."
                         : base::did_you_mean(flag, flags) + " It follows the command.");
}

/// What is wrong where no command was given, or one that does not exist.
std::string problem_without_command(const CLI::App& app, const std::string& first,
                                    const std::string& otherwise) {
  if (first.empty() || like_flag(first)) return fmt::format("{}; see reaugkd --help", otherwise);
  std::vector<std::string> names;
  for (const auto* command : app.get_subcommands({})) names.push_back(command->get_name());
  return fmt::format("there is no command \"{}\"{} The commands are {}; see reaugkd --help", first,
                     base::did_you_mean(first, names), fmt::join(names, ", "));
}

}  // namespace

std::string usage_problem(const CLI::App& app, int argc, char** argv,
                          const std::string& otherwise) {
  const std::string first = argc > 1 ? argv[1] : "";
  if (like_flag(first) && !known(flag_of(first), flags_of(app))) {
    return problem_before_command(app, flag_of(first));
  }
  if (app.get_subcommands().empty()) return problem_without_command(app, first, otherwise);
  const CLI::App& command = *app.get_subcommands().front();
  const auto flags = flags_of(command);
  const std::string see = "See reaugkd " + command.get_name() + " --help";
  for (int i = 2; i < argc; ++i) {
    const std::string flag = flag_of(argv[i]);
    if (!like_flag(flag) || known(flag, flags)) continue;
    return fmt::format("{} has no {}{} {}", command.get_name(), flag,
                       base::did_you_mean(flag, flags), see);
  }
  const auto left = command.remaining();
  if (!left.empty()) {
    return fmt::format("{}: \"{}\" belongs to no option{} {}", command.get_name(), left.front(),
                       base::did_you_mean(left.front(), flags), see);
  }
  return fmt::format("{}. {}", otherwise, see);
}

}  // namespace reaugkd::apps
