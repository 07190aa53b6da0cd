// What the option lists are written out as: a shell's completion and the tables of
// docs/reference/options.md.
#pragma once

#include <string>
#include <vector>

#include "command_line.h"

namespace reaugkd::apps {

/// A script for bash or zsh that completes subcommands, options, their choices, and files. Throws
/// base::ConfigError for another shell.
std::string completion_script(const std::vector<Command>& commands, const std::string& shell);

/// Every option of every command as Markdown tables.
std::string option_tables(const std::vector<Command>& commands);

}  // namespace reaugkd::apps
