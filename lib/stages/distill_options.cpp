#include "stages/distill_options.h"

#include "stages/methods/method.h"

namespace reaugkd::stages {
namespace {

void add_method_fields(DistillOptions& options, core::OptionList& list) {
  const char* group = "Rivals";
  list.add({"teacher-learning-rate", group, &options.teacher_learning_rate,
            "dml, prokt, metadistil: peak rate of the teacher (none: the method's; 3e-5, of "
            "metadistil 1e-5)",
            core::kPositive});
  list.add({"pkd-layers",
            group,
            &options.pkd_layers,
            "pkd: the teacher's layers, every k-th or the last",
            {},
            {"skip", "last"}});
  list.add({"pkd-weight", group, &options.pkd_weight, "pkd: beta, weight of the patience term",
            core::kNotNegative});
  list.add({"rkd-distance-weight", group, &options.rkd_distance_weight,
            "rkd: weight of the distances", core::kNotNegative});
  list.add({"rkd-angle-weight", group, &options.rkd_angle_weight, "rkd: weight of the angles",
            core::kNotNegative});
  list.add({"tinybert-intermediate", group, &options.tinybert_intermediate,
            "tinybert: share of the steps on layers, before those on predictions",
            core::kBelowOne});
  list.add({"minilm-weight", group, &options.minilm_weight, "minilm: weight of both relations",
            core::kNotNegative});
  list.add({"prokt-lambda", group, &options.prokt_lambda,
            "prokt: weight of the teacher's term towards the student", core::kUnit});
  list.add({"metadistil-quiz", group, &options.metadistil_quiz,
            "metadistil: share of the training rows kept for the quiz", core::Range{0, 0.5, true}});
}

}  // namespace

DistillOptions::DistillOptions() {
  training.epochs = 6;
}

core::OptionList DistillOptions::fields() {
  core::OptionList list;
  list.add({"kb", "Model", &kb, "knowledge base: kd and reaugkd learn from it"});
  list.add({"teacher", "Model", &teacher,
            "fine-tuned teacher, for the methods that learn from its weights"});
  list.add({"student", "Model", &student, "model the student starts from", {}, {}, true});
  list.add({"student-layers", "Model", &student_layers,
            "its encoder layers to take, counted from 0, in this order (none: all)",
            core::kNotNegative});
  const char* group = "Distillation";
  list.add({"method",
            group,
            &method,
            "reaugkd: equation 4; kd: without its KL term; finetune: hard labels alone; the "
            "others: rival methods (docs/methods.md)",
            {},
            method_names()});
  list.add({"alpha", group, &alpha, "weight of the KL term", core::kNotNegative});
  list.add({"tau", group, &tau, "temperature of equations 2 and 3", core::kPositive});
  list.add({"self-similarity",
            group,
            &self_similarity,
            "the term j = i of equations 2 and 3",
            {},
            {"drop", "keep"}});
  list.add({"kl-direction",
            group,
            &kl_direction,
            "forward: KL(q || q^), reverse: KL(q^ || q)",
            {},
            {"forward", "reverse"}});
  list.add(
      {"anchor",
       group,
       &anchor,
       "equation 3 over the batch's students for a teacher row, over its teachers for a student "
       "row, or (kb) over the knowledge base's",
       {},
       {"teacher", "student", "kb"}});
  list.add({"kb-anchors", group, &kb_anchors,
            "--anchor kb: rows of the knowledge base drawn anew for each step; 0: all",
            core::kNotNegative});
  list.add({"hard-label-weight", group, &hard_label_weight,
            "w in (1 - w) CE to the teacher + w CE to the labels (none: the method's; 0 for "
            "reaugkd and kd)",
            core::kUnit});
  list.add({"distill-temperature", group, &distill_temperature,
            "T in CE(softmax(l^T/T), softmax(l^S/T)) T^2 (none: the method's; 1 for reaugkd and "
            "kd)",
            core::kPositive});
  add_method_fields(*this, list);
  data.add_fields(list);
  training.add_fields(list);
  run.add_fields(list);
  return list;
}

}  // namespace reaugkd::stages
