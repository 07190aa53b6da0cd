// The largest confusions as lines of eval's table.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "evaluation/class_report.h"

namespace reaugkd::evaluation {

/// Each confusion with its example rows, in at most `lines` lines of 80 columns: where room is
/// scarce the examples share a line, or the last confusions have none, or are left out. Empty
/// without confusions.
std::string confusion_lines(const std::vector<ConfusedClasses>& confusions, std::int64_t lines);

}  // namespace reaugkd::evaluation
