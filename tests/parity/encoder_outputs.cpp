// What an encoder computes, for a comparison in another language (tests/cli/encoders_parity.py):
//
//   encoder_outputs MODEL_DIR INPUTS.safetensors OUTPUTS.safetensors fp32|bf16 [SAVED_DIR]
//
// INPUTS: input_ids, token_type_ids, attention_mask (B, T); logits_slope (B, C) and state_slope
// (B, T, H), of which a loss is made: sum(logits logits_slope) + sum(states state_slope).
// OUTPUTS: logits, head_state, hidden_states.N, attention_scores.N, and gradient.NAME of the loss
// by the published names. The model is also saved to SAVED_DIR.
#include <torch/torch.h>

#include <iostream>

#include "models/family.h"
#include "models/model_directory.h"
#include "tensor/device.h"
#include "tensor/safetensors.h"

namespace {

using namespace reaugkd;

void run(const std::string& model, const std::string& inputs, const std::string& outputs,
         const std::string& precision, const std::string& saved) {
  auto loaded = models::load_classifier(model, models::load_config(model), {});
  const auto in = tensor::load_safetensors(inputs);
  const models::EncoderInput input{in.at("input_ids"), in.at("token_type_ids"),
                                   in.at("attention_mask")};
  models::EncoderTrace trace{0};
  models::ClassifierOutput output;
  {
    const tensor::AutocastGuard autocast(
        torch::kCPU, tensor::parse_precision(precision, torch::kCPU, /*training=*/true));
    output = loaded.model->forward(input, models::Pooling::kPooler, &trace);
  }
  const auto states = trace.hidden_states.back().to(torch::kFloat32);
  ((output.logits * in.at("logits_slope")).sum() + (states * in.at("state_slope")).sum())
      .backward();
  tensor::TensorMap out{{"logits", output.logits.detach()},
                        {"head_state", output.embedding.detach()}};
  const auto note = [&](const std::string& name, const std::vector<torch::Tensor>& all) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      out[name + "." + std::to_string(i)] = all[i].detach().to(torch::kFloat32).contiguous();
    }
  };
  note("hidden_states", trace.hidden_states);
  note("attention_scores", trace.attention_scores);
  for (const auto& item : loaded.model->named_parameters()) {
    auto gradient = item.value().grad();
    if (!gradient.defined()) gradient = torch::zeros_like(item.value());
    out["gradient." + loaded.config.family->published_name(item.key())] =
        gradient.is_sparse() ? gradient.to_dense() : gradient;
  }
  tensor::save_safetensors(outputs, out);
  if (!saved.empty()) models::save_classifier(loaded.model, loaded.config, saved);
}

}  // namespace

int main(int count, char** arguments) {
  try {
    if (count != 5 && count != 6) throw std::runtime_error("4 or 5 arguments, see the source");
    run(arguments[1], arguments[2], arguments[3], arguments[4], count == 6 ? arguments[5] : "");
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
