#include "base/interrupt.h"

#include <csignal>

namespace reaugkd::base {
namespace {

volatile std::sig_atomic_t noted_signal = 0;

extern "C" void note_signal(int signal) {
  noted_signal = signal;
  std::signal(SIGINT, SIG_DFL);  // a second signal of either kind ends the process
  std::signal(SIGTERM, SIG_DFL);
}

}  // namespace

void notice_interrupts() {
  struct sigaction action {};
  action.sa_handler = note_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  struct sigaction before {};
  ::sigaction(SIGHUP, nullptr, &before);
  if (before.sa_handler != SIG_IGN) ::sigaction(SIGHUP, &action, nullptr);
}

int interrupt_signal() noexcept {
  return noted_signal;
}

void note_interrupt(int signal) noexcept {
  noted_signal = signal;
}

void forget_interrupt() noexcept {
  noted_signal = 0;
}

std::string signal_name(int signal) {
  switch (signal) {
    case SIGINT:
      return "SIGINT";
    case SIGTERM:
      return "SIGTERM";
    case SIGHUP:
      return "SIGHUP";
    default:
      return std::to_string(signal);
  }
}

void stop_if_interrupted() {
  const int signal = interrupt_signal();
  if (signal != 0) {
    throw Interrupted(signal,
                      fmt::format("stopped by {}; the same command goes on with `resume` (with "
                                  "`overwrite` it starts again, the old directory is unchanged)",
                                  signal_name(signal)));
  }
}

Interrupted stopped_without_trace() {
  const int signal = interrupt_signal();
  return {signal,
          fmt::format("stopped by {}; nothing is kept of it: the same command with `resume` starts "
                      "from the beginning (with `overwrite` too, the old directory is unchanged)",
                      signal_name(signal))};
}

}  // namespace reaugkd::base
