#include "stages/distill.h"

#include "base/error.h"
#include "command_line.h"
#include "distill/method.h"

namespace reaugkd::apps {
namespace {

/// A line for each method of the table, and more of the one that is asked for.
std::string methods_text(const std::string& asked) {
  std::string text = "Methods:\n";
  std::string of_one;
  for (const auto& method : distill::make_methods()) {
    const auto& info = method->info();
    text += fmt::format("  {:<11} {}\n", info.name, info.summary);
    if (info.name != asked) continue;
    of_one = fmt::format(
        "{}: {}.\nWhere you give none: --hard-label-weight {}, --distill-temperature {}", info.name,
        info.source, info.hard_label_weight, info.distill_temperature);
    if (info.trains_teacher) {
      of_one += fmt::format(",\n--teacher-learning-rate {}", info.teacher_learning_rate);
    }
    of_one += ".\n";
  }
  return text + of_one + "reaugkd distill --method NAME --help shows the options of another.";
}

}  // namespace

Command distill_command() {
  Command command =
      make_command("distill", "Train a student (equation 4, or a baseline)", &stages::run_distill);
  command.footer = [](const Command::ValueOf& value_of) {
    return methods_text(value_of("method"));
  };
  return command;
}

}  // namespace reaugkd::apps
