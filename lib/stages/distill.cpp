#include "stages/distill.h"

#include "core/error.h"
#include "losses/distillation.h"
#include "losses/relation.h"
#include "retrieval/knowledge_base.h"
#include "stages/training.h"

namespace reaugkd::stages {
namespace {

/// What the teacher says of every training row, in the order of the training part.
struct Targets {
  torch::Tensor z;       // (n, D) unit rows
  torch::Tensor logits;  // (n, C)
  torch::Tensor labels;  // (n) fp32, NaN: none
};

/// Joins the knowledge base to the rows by example id.
Targets join_targets(const retrieval::KnowledgeBase& kb, const data::Dataset& rows,
                     const std::string& kb_directory) {
  const auto row_of = retrieval::rows_by_id(kb);
  std::vector<std::int64_t> picked;
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    const auto found = row_of.find(rows.id(i));
    if (found == row_of.end()) {
      throw core::DataError(
          "{}: data row {} ({}) is not in the knowledge base {}; build it from this file, with the "
          "same split",
          rows.path.string(), rows.rows[i], rows.id(i).to_string(), kb_directory);
    }
    picked.push_back(found->second);
  }
  const auto index = torch::tensor(picked, torch::kInt64);
  return {kb.embeddings.index_select(0, index), kb.logits.index_select(0, index),
          torch::tensor(rows.labels)};
}

/// The prediction terms of equation 4 for a task: to the teacher, and to hard labels.
struct PredictionLoss {
  bool regression;
  double temperature;

  torch::Tensor soft(const torch::Tensor& teacher, const torch::Tensor& student) const {
    return regression ? losses::squared_error(student, teacher.squeeze(1))
                      : losses::soft_cross_entropy(teacher, student, temperature);
  }
  torch::Tensor hard(const torch::Tensor& student, const torch::Tensor& labels) const {
    return regression ? losses::squared_error(student, labels)
                      : losses::hard_cross_entropy(student, labels);
  }
};

losses::RelationOptions relation_options(const DistillOptions& options) {
  return {options.tau, losses::parse_self_similarity(options.self_similarity),
          losses::parse_kl_direction(options.kl_direction), losses::parse_anchor(options.anchor)};
}

/// Equation 4: (1 - w) CE(p^T, p^S) + w CE(y, p^S) + alpha KL(q || q^), w = --hard-label-weight.
/// Method kd is the same without the last term.
BatchLoss distillation_loss(const DistillOptions& options, const Targets& targets,
                            bool regression) {
  const PredictionLoss prediction{regression, options.distill_temperature};
  const auto relation = relation_options(options);
  const bool relational = options.method == "reaugkd";
  return [=, alpha = options.alpha, w = options.hard_label_weight](
             const nn::ClassifierOutput& output, const torch::Tensor& rows) {
    const auto ce = prediction.soft(targets.logits.index_select(0, rows), output.logits);
    train::LossTerms loss{ce, {{"ce", ce}}};
    if (w > 0) {
      const auto hard = prediction.hard(output.logits, targets.labels.index_select(0, rows));
      loss.total = (1 - w) * ce + w * hard;
      loss.terms.emplace_back("hard", hard);
    }
    if (relational) {
      const auto kl = losses::relational_divergence(targets.z.index_select(0, rows),
                                                    nn::unit_rows(output.embedding), relation);
      loss.total = loss.total + alpha * kl;
      loss.terms.emplace_back("kl", kl);
    }
    return loss;
  };
}

/// Method finetune: the student alone on hard labels.
BatchLoss hard_label_loss(const torch::Tensor& labels, bool regression) {
  const PredictionLoss prediction{regression, 1};
  return [=](const nn::ClassifierOutput& output, const torch::Tensor& rows) {
    return train::LossTerms{prediction.hard(output.logits, labels.index_select(0, rows)), {}};
  };
}

Targets targets_on(const Targets& targets, const torch::Device& device) {
  return {targets.z.to(device), targets.logits.to(device), targets.labels.to(device)};
}

BatchLoss loss_from_kb(const DistillOptions& options, const TaskData& data,
                       const nn::BertConfig& student, const torch::Device& device) {
  const auto kb = retrieval::load_knowledge_base(options.kb);
  if (options.method == "reaugkd" && kb.dimension() != student.hidden_size) {
    throw core::ArtifactError(
        "{}: its embeddings have D = {}, the student {} has hidden_size {}; run "
        "reaugkd project with --student {}",
        options.kb, kb.dimension(), options.student, student.hidden_size, options.student);
  }
  return distillation_loss(options, targets_on(join_targets(kb, data.train, options.kb), device),
                           data.settings.task.regression());
}

}  // namespace

DistillOptions::DistillOptions() {
  training.epochs = 6;
}

core::OptionList DistillOptions::fields() {
  core::OptionList list;
  list.add({"kb", "Model", &kb, "knowledge base (--method finetune needs none)"});
  list.add({"student", "Model", &student, "model the student starts from", {}, {}, true});
  list.add({"student-layers", "Model", &student_layers,
            "its encoder layers to take, counted from 0, in this order (none: all)",
            core::kNotNegative});
  const char* group = "Distillation";
  list.add({"method",
            group,
            &method,
            "reaugkd: equation 4; kd: without its KL term; finetune: hard "
            "labels alone",
            {},
            {"reaugkd", "kd", "finetune"}});
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
  list.add({"anchor",
            group,
            &anchor,
            "equation 3 over students for a teacher row, or over teachers for a student row",
            {},
            {"teacher", "student"}});
  list.add({"hard-label-weight", group, &hard_label_weight,
            "w in (1 - w) CE to the teacher + w CE to the labels", core::kUnit});
  list.add({"distill-temperature", group, &distill_temperature,
            "T in CE(softmax(l^T/T), softmax(l^S/T)) T^2", core::kPositive});
  data.add_fields(list);
  training.add_fields(list);
  run.add_fields(list);
  return list;
}

std::string run_distill(DistillOptions options) {
  const auto fields = options.fields();
  if (already_finished("distill", fields, options.run)) return "";
  const bool needs_kb = options.method != "finetune";
  if (needs_kb && options.kb.empty()) {
    throw core::ConfigError("--kb is required by --method {}; run reaugkd build-kb first",
                            options.method);
  }
  const Inherited inherited = inherit(options.kb.empty() ? options.student : options.kb);
  const auto config = nn::load_config(options.student);
  const auto settings = resolve_settings(options.data, inherited, config.id2label);
  StageRun run("distill", fields, options.run);
  run.add_input_directory(options.student);
  if (!options.kb.empty()) run.add_input_directory(options.kb);
  const Compute compute = start_compute(options.run, /*training=*/true, run);
  const TaskData data = read_task_data(options.data, settings, inherited);
  run.add_input(data.train.path);
  if (!needs_kb && !data.train.fully_labelled()) {
    throw core::DataError("{}: --method finetune needs a label in every row",
                          data.train.path.string());
  }

  const auto seed = static_cast<std::uint64_t>(options.run.seed);
  Model student =
      load_for_training(options.student, data,
                        {options.training.init, options.student_layers, options.training.vocab_size,
                         options.training.embedding, seed});
  const BatchLoss loss = needs_kb
                             ? loss_from_kb(options, data, student.config, compute.device)
                             : hard_label_loss(torch::tensor(data.train.labels).to(compute.device),
                                               settings.task.regression());
  core::Json metrics =
      train_classifier("distill", student, data, options.training, seed, compute, loss, run);
  metrics["method"] = options.method;
  save_model(student, settings, run.path());
  data::save_split(data.split, run.path());
  run.finish(metrics);
  return training_summary("distill --method " + options.method, metrics, options.run.output,
                          fmt::format("reaugkd eval --model {}{}", options.run.output,
                                      options.kb.empty() ? "" : " --kb " + options.kb));
}

}  // namespace reaugkd::stages
