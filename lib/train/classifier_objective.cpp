#include "train/classifier_objective.h"

namespace reaugkd::train {

std::vector<ParameterGroup> ClassifierObjective::parameter_groups() {
  return decay_groups(*student_.model().classifier, options_.learning_rate, options_.weight_decay);
}

void ClassifierObjective::set_training(bool training) {
  student_.model().classifier->train(training);
}

void append(std::vector<ParameterGroup>& groups, std::vector<ParameterGroup> more) {
  for (auto& group : more) groups.push_back(std::move(group));
}

}  // namespace reaugkd::train
