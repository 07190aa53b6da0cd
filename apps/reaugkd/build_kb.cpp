#include "stages/build_kb.h"

#include "command_line.h"

namespace reaugkd::apps {

Command build_kb_command() {
  return make_command("build-kb", "Build, change or describe a knowledge base",
                      &stages::run_build_kb);
}

}  // namespace reaugkd::apps
