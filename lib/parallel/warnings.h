// Warnings of the ranks that do not log: the first one writes them into its run.log, and what comes
// after its run has ended to the terminal alone. Most are what it has warned of itself, and are
// said once.
#pragma once

#include <string>

namespace reaugkd::parallel {

/// From now on this process keeps what it warns of: to tell the first rank, or as the first one.
void keep_warnings();

/// What the first rank has not been told, a JSON array; then it has been told. Empty: nothing.
std::string take_warnings();
bool has_warnings();
/// Warns of what `rank` warned of, the text of its take_warnings(), but for what this process has
/// warned of itself.
void repeat_warnings(int rank, const std::string& warnings);

}  // namespace reaugkd::parallel
