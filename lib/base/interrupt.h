// SIGINT, SIGTERM and SIGHUP as something a stage notices between two batches, so that it can write
// a checkpoint before it ends. Installed by apps/reaugkd/main.cpp; looked at by train and
// retrieval.
#pragma once

#include <string>

#include "base/error.h"

namespace reaugkd::base {

/// The process was asked to stop. Exit code 128 + signal: 130, 143 or 129.
class Interrupted : public Error {
 public:
  Interrupted(int signal, const std::string& message) : Error(128 + signal, message) {}
};

/// From now on the first SIGINT, SIGTERM or (unless it is ignored, as under nohup) SIGHUP is only
/// noted; a second one, which a terminal that closes may send as SIGHUP itself, ends the process at
/// once if it is SIGINT or SIGTERM.
void notice_interrupts();

/// The signal that has been noted, 0: none.
int interrupt_signal() noexcept;

/// As if this signal had come: another rank has noted it.
void note_interrupt(int signal) noexcept;

/// As if none had been noted: for tests.
void forget_interrupt() noexcept;

/// "SIGTERM"
std::string signal_name(int signal);

/// Throws Interrupted where a signal has been noted. The message says that the command goes on.
void stop_if_interrupted();

/// The same of a command that keeps nothing of a stopped run.
Interrupted stopped_without_trace();

}  // namespace reaugkd::base
