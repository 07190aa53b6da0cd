#include "stages/methods/trajectory.h"

#include "core/error.h"

namespace reaugkd::stages {
namespace {

namespace fs = std::filesystem;

fs::path anchor_path(const fs::path& teacher, std::int64_t number) {
  return teacher / "trajectory" / fmt::format("anchor-{}", number);
}

}  // namespace

TrajectoryStep::TrajectoryStep(const RowClassifier& classifier, const TaskData& data,
                               const TrainingOptions& options, std::int64_t anchors,
                               fs::path directory)
    : HardLabelStep(classifier, data, options),
      settings_(data.settings),
      anchors_(anchors),
      directory_(std::move(directory)) {}

void TrajectoryStep::begin_step(const train::Moment& moment) {
  for (std::int64_t k = 1; k < anchors_; ++k) {
    if (moment.step == k * moment.total_steps / anchors_) {
      const auto path = anchor_path(directory_, k);
      std::error_code error;
      fs::create_directories(path, error);
      if (error) throw core::IoError("{}: cannot be created: {}", path.string(), error.message());
      save_model(student_.model(), settings_, path);
    }
  }
}

std::vector<fs::path> trajectory_of(const fs::path& teacher) {
  std::vector<fs::path> anchors;
  for (std::int64_t k = 1; fs::exists(anchor_path(teacher, k) / "model.safetensors"); ++k) {
    anchors.push_back(anchor_path(teacher, k));
  }
  if (anchors.empty()) {
    throw core::ArtifactError(
        "{}: has no trajectory/anchor-1; --method rco follows the teacher's training: run "
        "reaugkd teacher-finetune --keep-trajectory 4",
        teacher.string());
  }
  anchors.push_back(teacher);
  return anchors;
}

}  // namespace reaugkd::stages
