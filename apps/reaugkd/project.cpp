#include "stages/project.h"

#include "command_line.h"

namespace reaugkd::apps {

Command project_command() {
  return make_command("project", "Train the projection of a teacher's embeddings (equation 1)",
                      &stages::run_project);
}

}  // namespace reaugkd::apps
