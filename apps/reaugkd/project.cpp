#include "stages/project.h"

#include "command_line.h"

namespace reaugkd::apps {

Command project_command() {
  return make_command("project", "Train the teacher's projection (equation 1)",
                      &stages::run_project);
}

}  // namespace reaugkd::apps
