#include "models/encoder.h"

#include "tensor/device.h"

namespace reaugkd::models {

EncoderInput EncoderInput::to(const torch::Device& device) const {
  return {tensor::send(input_ids, device), tensor::send(token_type_ids, device),
          tensor::send(attention_mask, device)};
}

}  // namespace reaugkd::models
