// reaugkd: the one place that catches errors and turns them into exit codes (docs/cli.md).
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>

#include "command_line.h"
#include "core/error.h"

namespace {

/// OpenMP's idle threads spin by default and take the cores that OpenBLAS's threads need: training
/// a small model on two busy cores was about 10 times slower so. The policy is read when the
/// library loads, before main, hence the process starts itself again once. A value set by the user
/// stays.
void let_idle_threads_sleep(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  if (::setenv("OMP_WAIT_POLICY", "passive", 1) == 0) ::execv("/proc/self/exe", argv);
  // Where /proc is missing the run is slower, and right.
}

}  // namespace

int main(int argc, char** argv) {
  let_idle_threads_sleep(argv);
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
