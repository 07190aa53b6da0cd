#include "stages/build_kb.h"

#include "command_line.h"

namespace reaugkd::apps {

Command build_kb_command() {
  return make_command("build-kb",
                      "Write the teacher's embeddings and predictions to a knowledge base",
                      &stages::run_build_kb);
}

}  // namespace reaugkd::apps
