// The anchor points of a teacher's training that RCO follows: whole model directories in
// trajectory/anchor-1 .. anchor-<N-1> of the teacher's; the N-th is the teacher.
#pragma once

#include <filesystem>
#include <vector>

#include "distill/finetune.h"

namespace reaugkd::distill {

/// Fine-tuning that writes an anchor after k/N of the steps, k = 1 .. N-1. A share has two steps at
/// least.
class TrajectoryObjective : public HardLabelObjective {
 public:
  TrajectoryObjective(const train::ModelOnData& classifier, const data::TaskData& data,
                      const train::TrainingOptions& options, std::int64_t anchors,
                      std::filesystem::path directory);
  void begin_fit(std::int64_t total_steps) override;
  void begin_step(const train::Moment& moment) override;

 private:
  const data::TaskSettings& settings_;
  std::int64_t anchors_;
  std::filesystem::path directory_;
};

/// Removes the anchors that are not before `best_step`, which the teacher is: its route would go
/// back. `total_steps` are those planned.
void drop_late_anchors(const std::filesystem::path& teacher, std::int64_t anchors,
                       std::int64_t best_step, std::int64_t total_steps);

/// The teacher's anchors in order, itself last. Throws ArtifactError where it has kept none.
std::vector<std::filesystem::path> trajectory_of(const std::filesystem::path& teacher);

}  // namespace reaugkd::distill
