// reaugkd: the one place that catches errors and turns them into exit codes (docs/cli.md).
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <exception>

#include "command_line.h"
#include "core/error.h"

int main(int argc, char** argv) {
  namespace apps = reaugkd::apps;
  constexpr int kBug = 70;
  spdlog::set_default_logger(spdlog::stderr_color_mt("reaugkd"));
  try {
    return apps::run_command_line(
        {apps::teacher_finetune_command(), apps::project_command(), apps::build_kb_command(),
         apps::distill_command(), apps::eval_command()},
        argc, argv);
  } catch (const reaugkd::core::Error& error) {
    if (error.exit_code() == kBug) spdlog::critical("a bug in reaugkd, please report it:");
    spdlog::error("{}", error.what());
    return error.exit_code();
  } catch (const std::exception& error) {
    spdlog::critical("a bug in reaugkd, please report it: {}", error.what());
    return kBug;
  }
}
