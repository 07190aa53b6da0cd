#include "distill/trajectory.h"

#include <spdlog/spdlog.h>

#include "base/error.h"

namespace reaugkd::distill {
namespace {

namespace fs = std::filesystem;

fs::path anchor_path(const fs::path& teacher, std::int64_t number) {
  return teacher / "trajectory" / fmt::format("anchor-{}", number);
}

}  // namespace

TrajectoryObjective::TrajectoryObjective(const train::ModelOnData& classifier,
                                         const data::TaskData& data,
                                         const train::TrainingOptions& options,
                                         std::int64_t anchors, fs::path directory)
    : HardLabelObjective(classifier, data, options),
      settings_(data.settings),
      anchors_(anchors),
      directory_(std::move(directory)) {}

void TrajectoryObjective::begin_fit(std::int64_t total_steps) {
  if (2 * anchors_ <= total_steps) return;
  throw base::ConfigError(
      "`keep_trajectory` {}: the training has {} steps, and a share needs two of them at least, "
      "for the first one has rate 0; keep fewer",
      anchors_, total_steps);
}

void TrajectoryObjective::begin_step(const train::Moment& moment) {
  for (std::int64_t k = 1; k < anchors_; ++k) {
    if (moment.step == k * moment.total_steps / anchors_) {
      const auto path = anchor_path(directory_, k);
      std::error_code error;
      fs::create_directories(path, error);
      if (error) throw base::IoError("{}: cannot be created: {}", path.string(), error.message());
      train::save_model(student_.model(), settings_, path);
    }
  }
}

void drop_late_anchors(const fs::path& teacher, std::int64_t anchors, std::int64_t best_step,
                       std::int64_t total_steps) {
  std::int64_t kept = 0;
  for (std::int64_t k = 1; k < anchors; ++k) {
    if (k * total_steps / anchors < best_step) {
      ++kept;
    } else {
      fs::remove_all(anchor_path(teacher, k));
    }
  }
  if (kept + 1 < anchors) {
    spdlog::warn(
        "the best step is {} of {}: {} of the {} anchors before the end are kept, the later ones "
        "are not on its way",
        best_step, total_steps, kept, anchors - 1);
  }
}

std::vector<fs::path> trajectory_of(const fs::path& teacher) {
  std::vector<fs::path> anchors;
  for (std::int64_t k = 1; fs::exists(anchor_path(teacher, k) / "model.safetensors"); ++k) {
    anchors.push_back(anchor_path(teacher, k));
  }
  if (anchors.empty()) {
    throw base::ArtifactError(
        "{}: has no trajectory/anchor-1; `method` rco follows the teacher's training: run "
        "reaugkd teacher-finetune `keep_trajectory` 4 (none is kept where the best step comes "
        "before the first)",
        teacher.string());
  }
  anchors.push_back(teacher);
  return anchors;
}

}  // namespace reaugkd::distill
