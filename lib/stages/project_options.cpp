#include <spdlog/spdlog.h>

#include <algorithm>

#include "base/error.h"
#include "stages/project.h"

namespace reaugkd::stages {

base::OptionList ProjectOptions::fields() {
  base::OptionList list;
  list.add(
      {"teacher", "Model", &teacher, "fine-tuned classifier", {}, {}, true, {"teacher-outputs"}});
  list.add(
      {"teacher-outputs", "Model", &teacher_outputs,
       "in place of --teacher: a file with another teacher's embeddings and predictions of the "
       "rows (.safetensors, .npz, .npy, .jsonl)"});
  list.add({"student", "Model", &student, "model whose hidden size becomes the dimension D"});
  list.add({"dim", "Model", &dim, "the dimension D (neither: the teacher's hidden size)",
            base::Range{1, 65536}});
  list.add({"embedding",
            "Model",
            &embedding,
            "the teacher's state t; auto: the one that it was fine-tuned with",
            {},
            {"auto", "cls", "mean", "max", "pooler"}});
  const std::vector<std::string> with_pretrained = {"pretrained", "both"};
  const char* space_group = "Keys";
  list.add({"space",
            space_group,
            &space,
            "projection: z of equation 1; pretrained: e, the embedding of a pretrained encoder; "
            "both: z and e side by side",
            {},
            {"projection", "pretrained", "both"}});
  list.add({"pretrained", space_group, &pretrained,
            "checkpoint whose encoder makes e (not given: the model that the teacher began from)"});
  list.add({"pretrained-embedding",
            space_group,
            &pretrained_embedding,
            "its state that stands for the text; auto: as its directory says, else mean",
            {},
            {"auto", "cls", "mean", "max", "pooler"}});
  list.add({"pretrained-weight", space_group, &pretrained_weight,
            "w of both: key.key' = (1 - w) z.z' + w e.e'", base::kUnit});
  list.at("pretrained").only_with = {"space", with_pretrained};
  list.at("pretrained-embedding").only_with = {"space", with_pretrained};
  list.at("pretrained-weight").only_with = {"space", {"both"}};
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
  for (const char* name :
       {"epochs", "batch-size", "learning-rate", "warmup-ratio", "weight-decay", "max-grad-norm"}) {
    list.at(name).only_with = {"space", {"projection", "both"}};
  }
  run.add_fields(list);
  return list;
}

void ProjectOptions::check() const {
  if (teacher_outputs.empty()) return;
  if (!teacher.empty()) {
    throw base::ConfigError(
        "--teacher and --teacher-outputs exclude one another: the teacher is a model, or a file "
        "has what it says");
  }
  if (embedding == "auto") return;
  throw base::ConfigError(
      "--embedding says which state of --teacher is its embedding; --teacher-outputs has "
      "embeddings: leave it out");
}

void ProjectOptions::warn_of_unused() {
  const base::Json usual = ProjectOptions().fields().to_json();
  const auto own = fields();
  for (const auto& option : own.options()) {
    if (!option.only_with || option.to_json() == usual.at(option.key())) continue;
    const auto& spaces = option.only_with->values;
    if (std::ranges::find(spaces, space) != spaces.end()) continue;
    spdlog::warn("--{} is for --space {}: {} does not read it", option.name,
                 fmt::join(spaces, ", "), space);
  }
}

}  // namespace reaugkd::stages
