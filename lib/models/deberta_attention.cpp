#include "models/deberta_attention.h"

#include <cmath>

#include "models/attention_weights.h"
#include "models/dropout.h"
#include "models/relative_scores.h"

namespace reaugkd::models {

torch::Tensor PositionProjection::projected(const Dense& projection, const torch::Tensor& rows,
                                            std::int64_t heads) {
  return torch::linear(rows, projection->weight, projection->bias)
      .view({rows.size(0), heads, -1})
      .permute({1, 2, 0});
}

torch::Tensor PositionProjection::operator()(const Dense& projection, const DebertaPass& pass,
                                             std::int64_t heads, torch::ScalarType type) {
  auto made_of = state_of(projection->parameters(/*recurse=*/false));
  made_of.insert(made_of.end(), pass.made_of.begin(), pass.made_of.end());
  const std::lock_guard lock(mutex_);
  if (!kept_.defined() || kept_.size(2) != pass.positions.size(0) || kept_.scalar_type() != type ||
      made_of_ != made_of) {
    kept_ = projected(projection, pass.positions, heads);
    made_of_ = std::move(made_of);
  }
  return kept_;
}

DebertaSelfAttentionImpl::DebertaSelfAttentionImpl(const ModelConfig& config,
                                                   const DebertaSettings& settings)
    : settings_(settings),
      heads_(config.num_attention_heads),
      dropout_(config.attention_probs_dropout_prob),
      position_dropout_(config.hidden_dropout_prob) {
  register_projections(config.hidden_size);
  if (settings.relative_attention) register_position_projections(config.hidden_size);
}

void DebertaSelfAttentionImpl::register_projections(std::int64_t size) {
  if (settings_.version == DebertaVersion::kV1) {
    in_proj_ =
        register_module("in_proj", Dense(torch::nn::LinearOptions(size, 3 * size).bias(false)));
    q_bias_ = register_parameter("q_bias", torch::zeros({size}));
    v_bias_ = register_parameter("v_bias", torch::zeros({size}));
    return;
  }
  query_ = register_module("query_proj", Dense(size, size));
  key_ = register_module("key_proj", Dense(size, size));
  value_ = register_module("value_proj", Dense(size, size));
}

void DebertaSelfAttentionImpl::register_position_projections(std::int64_t size) {
  const bool v1 = settings_.version == DebertaVersion::kV1;
  if (settings_.share_att_key) {
    position_key_ = key_;
    position_query_ = query_;
    return;
  }
  if (settings_.content_to_position) {
    position_key_ = register_module(v1 ? "pos_proj" : "pos_key_proj",
                                    Dense(torch::nn::LinearOptions(size, size).bias(!v1)));
  }
  if (settings_.position_to_content) {
    position_query_ = register_module(v1 ? "pos_q_proj" : "pos_query_proj", Dense(size, size));
  }
}

std::vector<torch::Tensor> DebertaSelfAttentionImpl::projections(const torch::Tensor& hidden) {
  const auto batch = hidden.size(0);
  const auto tokens = hidden.size(1);
  const auto width = hidden.size(2) / heads_;  // d
  if (settings_.version == DebertaVersion::kV1) {
    auto all = in_proj_(hidden)
                   .view({batch, tokens, heads_, 3, width})
                   .permute({3, 2, 0, 1, 4})
                   .contiguous()
                   .unbind(0);
    const std::vector<std::int64_t> of_head = {heads_, 1, 1, width};
    all[0] = all[0] + q_bias_.to(all[0].scalar_type()).view(of_head);
    all[2] = all[2] + v_bias_.to(all[2].scalar_type()).view(of_head);
    return all;
  }
  return joined_({query_, key_, value_}, hidden)
      .view({batch, tokens, 3, heads_, width})
      .permute({2, 3, 0, 1, 4})
      .contiguous()
      .unbind(0);
}

torch::Tensor DebertaSelfAttentionImpl::scores(const torch::Tensor& query, const torch::Tensor& key,
                                               const DebertaPass& pass) {
  const auto tokens = query.size(2);
  const auto width = query.size(3);
  auto by_content =
      torch::bmm(query.view({-1, tokens, width}), key.view({-1, tokens, width}).transpose(1, 2));
  if (!pass.positions.defined()) return by_content;
  const bool keep = !is_training() && !torch::GradMode::is_enabled();
  const auto rows =
      models::dropout_of_shared(pass.positions, position_dropout_, is_training());  // (P, H)
  const auto towards = [&](const torch::Tensor& x, const Dense& projection,
                           PositionProjection& kept) {
    const auto projected = keep ? kept(projection, pass, heads_, x.scalar_type())
                                : PositionProjection::projected(projection, rows, heads_);
    // All texts at once: (heads, B T, d) x (heads, d, P) -> (heads B, T, P)
    return torch::bmm(x.view({heads_, -1, width}), projected).view({-1, tokens, rows.size(0)});
  };
  torch::Tensor of_queries, of_keys;
  if (settings_.content_to_position) of_queries = towards(query, position_key_, as_keys_);
  if (settings_.position_to_content) of_keys = towards(key, position_query_, as_queries_);
  return models::relative_scores(by_content, of_queries, of_keys, pass.places);
}

torch::Tensor DebertaSelfAttentionImpl::forward(const torch::Tensor& hidden,
                                                const DebertaPass& pass, EncoderTrace* trace) {
  const auto batch = hidden.size(0);
  const auto tokens = hidden.size(1);
  const auto width = hidden.size(2) / heads_;
  const auto parts = projections(hidden);
  const auto scores = this->scores(parts[0], parts[1], pass);  // (heads B, T, T)
  const double scale = 1 / std::sqrt(static_cast<double>(width * settings_.scale_factor()));
  if (trace != nullptr) {
    trace->attention_scores.push_back(
        (scores * scale).view({heads_, batch, tokens, tokens}).transpose(0, 1));
    trace->values = parts[2].transpose(0, 1);
  }
  const auto weights =
      models::attention_weights(scores.unsqueeze(1), pass.padding.repeat({heads_, 1, 1, 1}), scale,
                                dropout_, is_training())
          .squeeze(1);
  return torch::bmm(weights, parts[2].view({-1, tokens, width}))
      .view({heads_, batch, tokens, width})
      .permute({1, 2, 0, 3})
      .reshape({batch, tokens, heads_ * width});
}

}  // namespace reaugkd::models
