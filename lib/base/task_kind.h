// What a task asks for: one of several classes, or a score.
#pragma once

namespace reaugkd::base {

enum class TaskKind { kClassification, kRegression };

}  // namespace reaugkd::base
