#include "models/parameter_state.h"

namespace reaugkd::models {

ParameterState state_of(const std::vector<torch::Tensor>& parameters) {
  ParameterState state;
  for (const auto& parameter : parameters) {
    state.emplace_back(parameter.data_ptr(), static_cast<std::uint32_t>(parameter._version()));
  }
  return state;
}

}  // namespace reaugkd::models
