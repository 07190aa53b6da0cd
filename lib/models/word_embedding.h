// Looking words up. A batch has a few hundred of a vocabulary's tens of thousands of words.
#pragma once

#include <torch/torch.h>

namespace reaugkd::models {

/// The rows of `table` (V, H) that `ids` name: (.., H) of ids (..). On a CPU the table's gradient
/// is sparse and has these rows alone: a dense one would be cleared, added up and read at every
/// step.
torch::Tensor embed_words(const torch::nn::Embedding& table, const torch::Tensor& ids);

}  // namespace reaugkd::models
