#include "stages/teacher_finetune.h"

#include "command_line.h"

namespace reaugkd::apps {

Command teacher_finetune_command() {
  return make_command("teacher-finetune", "Fine-tune a teacher on a task's labels",
                      &stages::run_teacher_finetune);
}

}  // namespace reaugkd::apps
