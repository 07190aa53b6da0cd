#include "stages/distill.h"

#include "base/error.h"
#include "command_line.h"
#include "distill/method.h"

namespace reaugkd::apps {
namespace {

/// A line for each method of the table.
std::string method_list() {
  std::string text = "Methods:\n";
  for (const auto& method : distill::make_methods()) {
    const auto& info = method->info();
    text += fmt::format("  {:<11} {}\n", info.name, info.summary);
  }
  return text + "reaugkd distill --method NAME --help shows the options of one.";
}

}  // namespace

Command distill_command() {
  Command command = make_command(
      "distill", "Train a student on the knowledge base (equation 4), or by a baseline method",
      &stages::run_distill);
  command.footer = method_list();
  return command;
}

}  // namespace reaugkd::apps
