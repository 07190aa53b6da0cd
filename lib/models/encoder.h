// What every encoder takes and gives: the interface between the models and all that trains, scores
// or looks inside them.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <limits>
#include <vector>

namespace reaugkd::models {

/// A padded batch of B texts of at most T tokens.
struct EncoderInput {
  torch::Tensor input_ids;       // (B, T) int64
  torch::Tensor token_type_ids;  // (B, T) int64, 0 first text, 1 second
  torch::Tensor attention_mask;  // (B, T) int64, 1 token, 0 padding

  EncoderInput to(const torch::Device& device) const;
};

/// What a forward pass went through, for the losses that look inside (PKD, TinyBERT, MiniLM, SFTN).
struct EncoderTrace {
  static constexpr std::int64_t kNoLayer = std::numeric_limits<std::int64_t>::max();

  explicit EncoderTrace(std::int64_t attention_of_layers_from = kNoLayer)
      : attention_from(attention_of_layers_from) {}

  std::int64_t attention_from;               // asked for: the first layer whose attention is noted
  std::vector<torch::Tensor> hidden_states;  // the embeddings, then each layer's: (B, T, H)
  std::vector<torch::Tensor> attention_scores;  // from there on, Q K^T / sqrt(d): (B, heads, T, T)
  torch::Tensor values;                         // the last layer's V: (B, heads, T, d)
};

struct EncoderOutput {
  torch::Tensor last_hidden_state;  // (B, T, H)
  torch::Tensor pooler_output;      // (B, H): the state between [CLS] and the classifier
};

class Encoder : public torch::nn::Module {
 public:
  /// Notes in `trace` what it asks for, unless it is null.
  virtual EncoderOutput forward(const EncoderInput& input, EncoderTrace* trace) = 0;
  /// Goes on from what layer `first` takes, (B, T, H), of texts with this mask (B, T): the upper
  /// layers alone.
  virtual EncoderOutput continue_from(std::int64_t first, const torch::Tensor& hidden,
                                      const torch::Tensor& attention_mask, EncoderTrace* trace) = 0;
};

}  // namespace reaugkd::models
