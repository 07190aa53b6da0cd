#include "train/training_options.h"

namespace reaugkd::train {

void TrainingOptions::add_fields(base::OptionList& list) {
  const char* group = "Training";
  list.add({"init",
            group,
            &init,
            "pretrained, or random: draw every weight from N(0, "
            "initializer_range)",
            {},
            {"pretrained", "random"}});
  list.add(
      {"vocab-size", group, &vocab_size,
       "pieces of a sentencepiece model to train where the directory has no vocabulary; 0: none",
       base::kNotNegative});
  list.add(
      {"embedding",
       group,
       &embedding,
       "state of the last layer that stands for the text; auto: as the model's directory says, "
       "else cls",
       {},
       {"auto", "cls", "mean", "max", "pooler"}});
  list.add({"epochs", group, &epochs, "passes over the training rows", base::kCount});
  list.add({"batch-size", group, &batch_size, "rows of a batch", base::Range{2, 100000}});
  list.add({"eval-batch-size", group, &eval_batch_size, "rows of a batch when nothing is trained",
            base::kCount});
  list.add({"gradient-accumulation-steps", group, &gradient_accumulation_steps,
            "batches of one optimizer step", base::kCount});
  list.add({"learning-rate", group, &learning_rate, "peak rate of AdamW", base::kPositive});
  list.add(
      {"warmup-ratio", group, &warmup_ratio, "share of the steps with a rising rate", base::kUnit});
  list.add({"weight-decay", group, &weight_decay, "of matrices, not of biases and LayerNorm",
            base::kNotNegative});
  list.add({"max-grad-norm", group, &max_grad_norm, "gradients are clipped to it; 0: not",
            base::kNotNegative});
  list.add({"eval-steps", group, &eval_steps, "validate every N steps; 0: after each epoch",
            base::kNotNegative});
  list.add({"logging-steps", group, &logging_steps, "a line of train_log.jsonl every N steps",
            base::kAtLeastOne});
  list.add({"early-stopping-patience", group, &early_stopping_patience,
            "stop after N validations without a better one; 0: never", base::kNotNegative});
  list.add({"save-steps", group, &save_steps,
            "a checkpoint for --resume every N steps; 0: by time alone", base::kNotNegative});
  list.add({"save-minutes", group, &save_minutes, "and one every so many minutes; 0: never",
            base::kNotNegative});
  list.add({"shard-optimizer", group, &shard_optimizer,
            "with several ranks: each keeps AdamW's two averages of its share of the weights"});
  list.add({"gradient-exchange",
            group,
            &gradient_exchange,
            "with several ranks: the type in which they send gradients; bf16 is half the bytes",
            {},
            {"fp32", "bf16"}});
}

}  // namespace reaugkd::train
