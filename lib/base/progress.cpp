#include "base/progress.h"

#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>

namespace reaugkd::base {
namespace {

constexpr double kLiveInterval = 0.2;    // seconds between redraws
constexpr double kPlainInterval = 15.0;  // seconds between lines of a log
constexpr std::size_t kColumns = 80;
std::atomic<ProgressStyle> process_style{ProgressStyle::kPlain};

double seconds_between(std::chrono::steady_clock::time_point a,
                       std::chrono::steady_clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

/// Of the terminal that stderr is, but for the last one, and 80 at most.
std::size_t live_columns() {
  winsize size{};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return std::min<std::size_t>(kColumns, known ? size.ws_col - 1 : kColumns - 1);
}

}  // namespace

void set_progress_style(ProgressStyle style) {
  process_style = style;
}

Progress::Progress(std::string what, std::int64_t total, std::string unit, std::int64_t already)
    : what_(std::move(what)), unit_(std::move(unit)), total_(total), already_(already) {}

Progress::~Progress() {
  if (drawn_) std::fputs("\r\x1b[K", stderr);
}

void Progress::update(std::int64_t done, const std::string& note) {
  const ProgressStyle style = process_style;
  const auto now = Clock::now();
  const double interval = style == ProgressStyle::kLive ? kLiveInterval : kPlainInterval;
  if (style == ProgressStyle::kNone || seconds_between(shown_, now) < interval) return;
  shown_ = now;
  if (style == ProgressStyle::kPlain) {
    spdlog::info("{}", line(done, note));
  } else {
    std::fprintf(stderr, "\r\x1b[K%s", line(done, note).c_str());
    drawn_ = true;
  }
}

std::string Progress::line(std::int64_t done, const std::string& note) const {
  const double elapsed = seconds_between(start_, shown_);
  const double rate = elapsed > 0 ? static_cast<double>(done - already_) / elapsed : 0;
  const ProgressState state{what_, unit_, done, total_, rate, note};
  return progress_line(state, process_style == ProgressStyle::kLive ? live_columns() : kColumns);
}

std::string progress_line(const ProgressState& state, std::size_t columns) {
  const double share =
      state.total > 0 ? static_cast<double>(state.done) / static_cast<double>(state.total) : 0;
  const bool endless = state.total == 0;  // a pipe
  const std::string head =
      endless ? state.what : fmt::format("{} {:3.0f} %", state.what, 100 * share);
  const std::string counts = endless
                                 ? fmt::format("  {} {}", state.done, state.unit)
                                 : fmt::format("  {}/{} {}", state.done, state.total, state.unit);
  const std::string rate = fmt::format("  {:.0f}/s", state.rate);
  const std::string note = state.note.empty() ? "" : "  " + state.note;
  const auto left_over = static_cast<double>(state.total - state.done);
  const std::string left =
      state.rate > 0 && !endless ? "  " + duration_text(left_over / state.rate) + " left" : "";
  for (const auto& middle : {fmt::format("{}{}{}", counts, rate, note),
                             fmt::format("{}{}", rate, note), note, std::string()}) {
    auto line = fmt::format("{}{}{}", head, middle, left);
    if (line.size() <= columns) return line;
  }
  return fmt::format("{}{}", head, left).substr(0, columns);
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::lround(seconds));
  if (whole >= 3600) return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
  if (whole >= 60) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{:.1f} s", seconds);
}

}  // namespace reaugkd::base
