// How --help is laid out.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>

namespace reaugkd::apps {

/// On a terminal descriptions are wrapped at its edge, below one another; in a pipe every option is
/// one line, for grep.
std::shared_ptr<CLI::FormatterBase> help_format();

}  // namespace reaugkd::apps
