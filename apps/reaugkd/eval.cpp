#include "stages/eval.h"

#include "command_line.h"

namespace reaugkd::apps {

Command eval_command() {
  return make_command("eval", "Score a student, retrieval, and both combined", &stages::run_eval);
}

}  // namespace reaugkd::apps
