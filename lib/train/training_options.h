// Options of the two stages that train an encoder, teacher-finetune and distill.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/options.h"

namespace reaugkd::train {

struct TrainingOptions {
  std::string init = "pretrained";
  std::int64_t vocab_size = 0;
  std::string embedding = "auto";
  std::int64_t epochs = 3;
  std::int64_t batch_size = 32;
  std::int64_t eval_batch_size = 128;
  std::int64_t gradient_accumulation_steps = 1;
  double learning_rate = 5e-5;
  double warmup_ratio = 0.1;
  double weight_decay = 0.01;
  double max_grad_norm = 1;
  std::int64_t eval_steps = 0;
  std::int64_t logging_steps = 10;
  std::int64_t early_stopping_patience = 0;
  std::int64_t save_steps = 0;
  double save_minutes = 10;
  bool shard_optimizer = false;
  std::string gradient_exchange = "fp32";

  void add_fields(base::OptionList& list);
};

}  // namespace reaugkd::train
