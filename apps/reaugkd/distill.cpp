#include "stages/distill.h"

#include "command_line.h"

namespace reaugkd::apps {

Command distill_command() {
  return make_command("distill",
                      "Train a student on the knowledge base (equation 4), or by a rival method",
                      &stages::run_distill);
}

}  // namespace reaugkd::apps
