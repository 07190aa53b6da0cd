#include "stages/export.h"

#include "command_line.h"

namespace reaugkd::apps {

Command export_command() {
  return make_command("export", "Make a folder that answers, for another machine",
                      &stages::run_export);
}

}  // namespace reaugkd::apps
