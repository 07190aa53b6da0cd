#include "stages/eval.h"

#include "command_line.h"

namespace reaugkd::apps {

Command eval_command() {
  return make_command("eval", "Score a model alone and with retrieval (equations 5 to 7)",
                      &stages::run_eval);
}

}  // namespace reaugkd::apps
