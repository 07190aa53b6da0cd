// reaugkd: the one place that catches errors and turns them into exit codes
// (docs/reference/messages.md).
#include <malloc.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <exception>
#include <filesystem>
#include <limits>
#include <new>
#include <string_view>

#include "base/error.h"
#include "base/interrupt.h"
#include "command_line.h"

namespace {

/// A training step frees and takes the same large blocks again and again: kept, not handed back to
/// the system, which clears every page of them before it gives them out anew.
void keep_freed_memory() {
#ifdef __GLIBC__
  ::mallopt(M_MMAP_THRESHOLD, 1 << 30);
  ::mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
#endif
}

}  // namespace

int main(int argc, char** argv) {
  namespace apps = reaugkd::apps;
  keep_freed_memory();
  constexpr int kBug = 70;
  reaugkd::base::notice_interrupts();
  std::signal(SIGPIPE, SIG_IGN);  // a log whose reader is gone must not end a training
  std::signal(SIGXFSZ, SIG_IGN);  // ulimit -f then is an error of write(), like a full disk
  spdlog::set_default_logger(spdlog::stderr_color_mt("reaugkd"));
  try {
    return apps::run_command_line(
        {apps::teacher_finetune_command(), apps::project_command(), apps::build_kb_command(),
         apps::distill_command(), apps::eval_command(), apps::export_command(),
         apps::predict_command()},
        argc, argv);
  } catch (const reaugkd::base::Error& error) {
    if (error.exit_code() == kBug) spdlog::critical("a bug in reaugkd, please report it:");
    spdlog::error("{}", error.what());
    return error.exit_code();
  } catch (const std::filesystem::filesystem_error& error) {  // such as permission denied
    spdlog::error("{}: {}", error.path1().string(), error.code().message());
    return reaugkd::base::IoError("").exit_code();
  } catch (const std::exception& error) {
    const std::string_view message = error.what();
    if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
        message.find("out of memory") != message.npos ||
        message.find("CUBLAS_STATUS_ALLOC_FAILED") != message.npos ||
        message.find("can't allocate memory") != message.npos) {
      spdlog::error(
          "out of memory ({}): give smaller sizes (--batch-size, --eval-batch-size, "
          "--max-seq-length, --dim), or a machine with more",
          message.substr(0, message.find('\n')));
      return reaugkd::base::IoError("").exit_code();
    }
    spdlog::critical("a bug in reaugkd, please report it: {}", error.what());
    return kBug;
  }
}
