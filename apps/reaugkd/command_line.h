// Subcommands as the command line knows them: a name, a list of options, what runs. Flags, --config
// and --help all come from the stage's own option list.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/options.h"

namespace reaugkd::apps {

struct Command {
  std::string name;
  std::string description;
  std::function<base::OptionList()> fields;  // over options that live as long as this does
  std::function<std::string()> run;          // returns what stdout gets
  /// What --help ends with, from what was given for an option, or its default.
  using ValueOf = std::function<std::string(const std::string& option)>;
  std::function<std::string(const ValueOf& value_of)> footer = {};
};

/// A command over a stage's options struct and its function.
template <typename Options>
Command make_command(std::string name, std::string description,
                     std::string (*stage)(Options options)) {
  auto options = std::make_shared<Options>();
  return {std::move(name), std::move(description), [options] { return options->fields(); },
          [options, stage] { return stage(std::move(*options)); }};
}

Command teacher_finetune_command();
Command project_command();
Command build_kb_command();
Command distill_command();
Command eval_command();
Command export_command();
Command predict_command();

/// Parses argv, runs the chosen command and prints its result. Returns the exit code of --help and
/// --version (0); throws base::Error for everything else that goes wrong.
int run_command_line(const std::vector<Command>& commands, int argc, char** argv);

}  // namespace reaugkd::apps
