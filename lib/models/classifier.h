// A sequence classifier: an encoder of the table of families.h, and one linear layer on its pooled
// state. Teacher and student are both one of these.
#pragma once

#include <torch/torch.h>

#include <memory>

#include "models/encoder.h"
#include "models/model_config.h"
#include "tensor/device.h"

namespace reaugkd::models {

struct ClassifierOutput {
  torch::Tensor logits;     // (B, C) fp32; regression: the score (B, 1)
  torch::Tensor embedding;  // (B, H) fp32: t_i or s~_i, not normalised
  torch::Tensor query;      // (B, D) fp32: what norm() makes s_i of; without a query head embedding
};

class ClassifierImpl : public torch::nn::Module {
 public:
  /// Its parameters are "<encoder_name()>. ..." and "classifier. ...".
  explicit ClassifierImpl(const ModelConfig& config);
  EncoderOutput encode(const EncoderInput& input) { return encoder_->forward(input, nullptr); }
  ClassifierOutput forward(const EncoderInput& input, Pooling pooling,
                           EncoderTrace* trace = nullptr);
  /// Logits (B, C) from what encoder layer `first` takes: the upper part of the model alone.
  torch::Tensor continue_from(std::int64_t first, const torch::Tensor& hidden,
                              const torch::Tensor& attention_mask);
  /// From now on the query is head(embedding), another vector than the one `classifier` reads. Its
  /// parameters are "query.weight" (D, H) and "query.bias" (D), behind all others.
  void set_query_head(const torch::nn::Linear& head);
  const torch::nn::Linear& query_head() const { return query_; }  // empty: none
  bool has_query_head() const { return !query_.is_empty(); }
  /// D, the width of the query.
  std::int64_t query_dimension() const;
  /// Moves the model to where it computes. From now on it only answers: on a CPU, in fp32 and int8,
  /// the layers of its encoder keep a copy of their weights as products want them, where there are
  /// such products (kernels/packed_weights.h). Heads stay in fp32, and so do DeBERTa's positions.
  void prepare_to_answer(const tensor::Compute& compute);
  /// By all threads: makes anew what the layers' rounded products (rounded_product.h) have read,
  /// where weights have changed since. Returns the number of layers. Without it, and before a
  /// layer's first product, the first of several threads that needs its copy makes it.
  std::int64_t round_weights();
  bool is_packed() const { return is_packed_; }

 private:
  torch::Tensor classify(const EncoderOutput& states);  // (B, C) fp32

  std::shared_ptr<Encoder> encoder_;
  torch::nn::Linear classifier_;
  torch::nn::Linear query_{nullptr};
  double dropout_;
  bool is_packed_ = false;
};
TORCH_MODULE(Classifier);

/// Rows of x (n, H) scaled to length 1: norm() of equations 1 to 6.
torch::Tensor unit_rows(const torch::Tensor& x);

/// The text's embedding from the encoder's states: [CLS], the mean or the largest values
/// over its tokens, or the pooler.
torch::Tensor pooled(const EncoderOutput& states, const torch::Tensor& attention_mask,
                     Pooling pooling);

}  // namespace reaugkd::models
