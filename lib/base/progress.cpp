#include "base/progress.h"

#include <spdlog/spdlog.h>

#include <atomic>
#include <cmath>
#include <cstdio>

namespace reaugkd::base {
namespace {

constexpr double kLiveInterval = 0.2;    // seconds between redraws
constexpr double kPlainInterval = 15.0;  // seconds between lines of a log
std::atomic<ProgressStyle> process_style{ProgressStyle::kPlain};

double seconds_between(std::chrono::steady_clock::time_point a,
                       std::chrono::steady_clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
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
  const double share = total_ > 0 ? static_cast<double>(done) / static_cast<double>(total_) : 0;
  const std::string left =
      rate > 0 ? duration_text(static_cast<double>(total_ - done) / rate) + " left" : "";
  return fmt::format("{} {:3.0f} %  {}/{} {}  {:.0f} {}/s{}{}  {}", what_, 100 * share, done,
                     total_, unit_, rate, unit_, note.empty() ? "" : "  ", note, left);
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::lround(seconds));
  if (whole >= 3600) return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
  if (whole >= 60) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{:.1f} s", seconds);
}

}  // namespace reaugkd::base
