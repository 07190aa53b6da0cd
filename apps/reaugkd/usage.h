// What to say of a command line that CLI11 does not take.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace reaugkd::apps {

/// The first word that is no command, or no flag of its command, with the nearest that is; else
/// `otherwise`, what CLI11 found. And where to read on.
std::string usage_problem(const CLI::App& app, int argc, char** argv, const std::string& otherwise);

}  // namespace reaugkd::apps
