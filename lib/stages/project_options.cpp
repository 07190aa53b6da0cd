#include "stages/project.h"

namespace reaugkd::stages {

base::OptionList ProjectOptions::fields() {
  base::OptionList list;
  list.add({"teacher", "Model", &teacher, "fine-tuned classifier", {}, {}, true});
  list.add({"student", "Model", &student, "model whose hidden size becomes the dimension D"});
  list.add({"dim", "Model", &dim, "the dimension D (neither: the teacher's hidden size)",
            base::Range{1, 65536}});
  list.add({"embedding", "Model", &embedding,
            "cls, mean or pooler: the teacher's state t (inherited, else cls)"});
  data.add_fields(list);
  const char* group = "Training";
  list.add({"epochs", group, &epochs, "passes over the cached features", base::kCount});
  list.add({"batch-size", group, &batch_size, "rows of a batch: negatives come from it",
            base::Range{2, 1000000}});
  list.add(
      {"eval-batch-size", group, &eval_batch_size, "rows the teacher sees at once", base::kCount});
  list.add({"learning-rate", group, &learning_rate, "peak rate of AdamW", base::kPositive});
  list.add(
      {"warmup-ratio", group, &warmup_ratio, "share of the steps with a rising rate", base::kUnit});
  list.add({"weight-decay", group, &weight_decay, "of L's matrix", base::kNotNegative});
  list.add({"max-grad-norm", group, &max_grad_norm, "gradients are clipped to it; 0: not",
            base::kNotNegative});
  list.add({"tau", group, &tau, "temperature of equation 1", base::kPositive});
  run.add_fields(list);
  return list;
}

}  // namespace reaugkd::stages
