#include "parallel/warnings.h"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

#include "base/json.h"

namespace reaugkd::parallel {
namespace {

class Kept : public spdlog::sinks::base_sink<std::mutex> {
 public:
  std::string take() {
    const std::lock_guard lock(mutex_);
    if (untold_ == texts_.size()) return "";
    const std::vector<std::string> new_ones(texts_.begin() + static_cast<std::ptrdiff_t>(untold_),
                                            texts_.end());
    untold_ = texts_.size();
    return base::Json(new_ones).dump(-1, ' ', false, base::Json::error_handler_t::replace);
  }

  bool has_new() {
    const std::lock_guard lock(mutex_);
    return untold_ < texts_.size();
  }

  bool knows(const std::string& text) {
    const std::lock_guard lock(mutex_);
    return std::ranges::find(texts_, text) != texts_.end();
  }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (message.level == spdlog::level::warn) {
      texts_.emplace_back(message.payload.data(), message.payload.size());
    }
  }
  void flush_() override {}

  std::vector<std::string> texts_;
  std::size_t untold_ = 0;
};

std::shared_ptr<Kept>& kept() {
  static std::shared_ptr<Kept> the_one;
  return the_one;
}

}  // namespace

void keep_warnings() {
  kept() = std::make_shared<Kept>();
  spdlog::default_logger()->sinks().push_back(kept());
}

std::string take_warnings() {
  return kept() ? kept()->take() : "";
}

bool has_warnings() {
  return kept() && kept()->has_new();
}

void repeat_warnings(int rank, const std::string& warnings) {
  if (warnings.empty()) return;
  for (const auto& text : base::Json::parse(warnings)) {
    const auto said = text.get<std::string>();
    if (!kept() || !kept()->knows(said)) spdlog::warn("rank {}: {}", rank, said);
  }
}

}  // namespace reaugkd::parallel
