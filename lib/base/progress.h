// What a person sees while something takes long: one live line on a terminal (rate, a note, time
// left), a plain log line now and then elsewhere. Used by the training loop and every long pass.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace reaugkd::base {

enum class ProgressStyle { kNone, kPlain, kLive };

/// How progress is shown by this process: live where stderr is a terminal, nothing with --quiet.
/// Set once by apps/reaugkd, before any stage runs.
void set_progress_style(ProgressStyle style);

/// What a progress line tells.
struct ProgressState {
  std::string what;  // "teacher-finetune"
  std::string unit;  // what is counted: "examples"
  std::int64_t done = 0;
  std::int64_t total = 0;  // 0: not known
  double rate = 0;         // units a second; 0: not known
  std::string note;        // "loss 0.31  lr 4.1e-05"
};

/// The state in at most so many columns (ASCII): where they are few the counts are left out first,
/// then the rate, then the note.
std::string progress_line(const ProgressState& state, std::size_t columns);

class Progress {
 public:
  /// `what`: "teacher-finetune"; `unit`: what is counted, "examples"; `already`: how many an
  /// earlier run has done.
  Progress(std::string what, std::int64_t total, std::string unit, std::int64_t already = 0);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `done` of the total are finished; `note` is shown as it is ("loss 0.31, lr 4.1e-05").
  void update(std::int64_t done, const std::string& note = "");

 private:
  std::string line(std::int64_t done, const std::string& note) const;

  using Clock = std::chrono::steady_clock;
  std::string what_;
  std::string unit_;
  std::int64_t total_;
  std::int64_t already_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point shown_ = start_;
  bool drawn_ = false;
};

/// "1 h 02 min", "3 min 20 s", "4.1 s".
std::string duration_text(double seconds);

}  // namespace reaugkd::base
