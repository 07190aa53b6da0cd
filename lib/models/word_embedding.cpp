#include "models/word_embedding.h"

namespace reaugkd::models {

torch::Tensor embed_words(const torch::nn::Embedding& table, const torch::Tensor& ids) {
  return torch::embedding(table->weight, ids, /*padding_idx=*/-1, /*scale_grad_by_freq=*/false,
                          /*sparse=*/table->weight.device().is_cpu());
}

}  // namespace reaugkd::models
