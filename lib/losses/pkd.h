// Patient knowledge distillation (Sun et al., EMNLP 2019), equation 7: the [CLS] states of chosen
// layers. Used by distill --method pkd.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <vector>

namespace reaugkd::losses {

/// Which of the teacher's layers the student's are compared with: every k-th, or the last ones.
enum class PatienceLayers { kSkip, kLast };

/// From a flag's value, skip or last; throws ConfigError on anything else.
PatienceLayers parse_patience_layers(const std::string& text);

/// I_pt: for each of the student's layers but its last, counted from 1, the teacher's layer.
/// Student of 6, teacher of 12: skip 2 4 6 8 10, last 7 8 9 10 11. 2 <= student_layers <=
/// teacher_layers.
std::vector<std::int64_t> patient_layers(std::int64_t student_layers, std::int64_t teacher_layers,
                                         PatienceLayers choice);

/// ||h^S / ||h^S|| - h^T / ||h^T|| ||^2 over rows and layers, (B, M, H) each. The mean over rows,
/// layers and coordinates, as in the authors' code, to which the published weights beta belong. The
/// teacher's states are constants. Returns a scalar.
torch::Tensor patience(const torch::Tensor& teacher_states, const torch::Tensor& student_states);

}  // namespace reaugkd::losses
