#include "stages/distill_options.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "base/error.h"
#include "distill/given_teacher.h"

namespace reaugkd::stages {
namespace {

/// Names of the methods whose info fulfils `condition`.
template <typename Condition>
std::vector<std::string> names_where(const std::vector<distill::MethodPtr>& methods,
                                     const Condition& condition) {
  std::vector<std::string> names;
  for (const auto& method : methods) {
    if (condition(method->info())) names.push_back(method->info().name);
  }
  return names;
}

/// The options that one method alone reads, under a heading of its own.
void add_own_options(distill::Method& method, base::OptionList& list) {
  base::OptionList own;
  method.add_options(own);
  for (auto& option : own.options()) {
    option.group = "Method " + method.info().name;
    option.only_with = {"method", {method.info().name}};
    list.add(option);
  }
}

}  // namespace

DistillOptions::DistillOptions() {
  training.epochs = 6;
}

base::OptionList DistillOptions::fields() {
  base::OptionList list;
  list.add({"kb", "Model", &kb, "knowledge base: kd and reaugkd learn from it"});
  list.add({"teacher", "Model", &teacher,
            "fine-tuned teacher, for the methods that learn from its weights"});
  list.add({"teacher-outputs", "Model", &teacher_outputs,
            "in place of --teacher: a file with another teacher's predictions (for rkd embeddings "
            "too) of the rows (.safetensors, .npz, .npy, .jsonl)"});
  list.add({"student", "Model", &student, "model the student starts from", {}, {}, true});
  list.add({"student-layers", "Model", &student_layers,
            "its encoder layers to take, counted from 0, in this order (not given: all)",
            base::kNotNegative});
  const char* group = "Distillation";
  list.add({"method",
            group,
            &method,
            "reaugkd, or a baseline; --method NAME --help shows the options of one",
            {},
            names_where(methods_, [](const auto&) { return true; })});
  list.add({"hard-label-weight", group, &hard_label_weight,
            "w in (1 - w) CE to the teacher + w CE to the labels (not given: the method's; 0 for "
            "reaugkd and kd)",
            base::kUnit});
  list.add(
      {"distill-temperature", group, &distill_temperature,
       "T in CE(softmax(l^T/T), softmax(l^S/T)) T^2 (not given: the method's; 1 for reaugkd and "
       "kd)",
       base::kPositive});
  list.add({"teacher-learning-rate", group, &teacher_learning_rate,
            "peak rate of a teacher that is trained beside the student (not given: the method's)",
            base::kPositive});
  list.at("teacher-learning-rate").only_with = {
      "method", names_where(methods_, [](const auto& info) { return info.trains_teacher; })};
  for (const auto& each : methods_) add_own_options(*each, list);
  data.add_fields(list);
  training.add_fields(list);
  run.add_fields(list);
  return list;
}

distill::Method& DistillOptions::resolve() {
  const auto found =
      std::ranges::find(methods_, method, [](const auto& each) { return each->info().name; });
  REAUGKD_CHECK(found != methods_.end(), "no method {}", method);  // the choices are checked before
  const auto& info = (*found)->info();
  if (!hard_label_weight) hard_label_weight = info.hard_label_weight;
  if (!distill_temperature) distill_temperature = info.distill_temperature;
  if (!teacher_learning_rate) teacher_learning_rate = info.teacher_learning_rate;
  return **found;
}

distill::DistillSettings DistillOptions::settings() const {
  return {kb,
          teacher,
          student,
          hard_label_weight.value(),
          distill_temperature.value(),
          teacher_learning_rate.value(),
          static_cast<std::uint64_t>(run.seed),
          training};
}

void DistillOptions::check_sources(const distill::MethodInfo& info) const {
  const bool with_kb = !kb.empty();
  const bool with_teacher = !teacher.empty() || !teacher_outputs.empty();
  if (!teacher.empty() && !teacher_outputs.empty()) {
    throw base::ConfigError(
        "--teacher and --teacher-outputs exclude one another: the teacher is a model, or a file "
        "has what it says");
  }
  check_weights(info);
  switch (info.learns_from) {
    case distill::Source::kLabels:
      return;
    case distill::Source::kKnowledgeBase:
      if (!with_kb) {
        throw base::ConfigError("--kb is required by --method {}; run reaugkd build-kb first",
                                method);
      }
      if (!with_teacher) return;
      throw base::ConfigError(
          "--teacher: --method {} learns from the knowledge base alone; leave it out", method);
    case distill::Source::kKnowledgeBaseOrTeacher:
      if (with_kb && with_teacher) {
        throw base::ConfigError(
            "--method {} takes its targets from --kb or from --teacher: leave one of them out",
            method);
      }
      if (with_kb || with_teacher) return;
      throw base::ConfigError(
          "--kb is required by --method {}, or --teacher; run reaugkd build-kb first", method);
    case distill::Source::kTeacher:
      if (with_teacher) return;
      throw base::ConfigError(
          "--teacher is required by --method {}: it learns from the teacher's weights, not from a "
          "knowledge base",
          method);
  }
}

void DistillOptions::check_weights(const distill::MethodInfo& info) const {
  const bool given = !teacher.empty() && distill::is_given_teacher(teacher);
  if (teacher_outputs.empty() && !given) return;
  const std::string flag = given ? "--teacher " + teacher : "--teacher-outputs " + teacher_outputs;
  if (info.learns_from == distill::Source::kKnowledgeBase) {
    throw base::ConfigError(
        "{}: --method {} takes a teacher's outputs by way of a knowledge base: run reaugkd "
        "build-kb "
        "{}, then distill --kb",
        flag, method, flag);
  }
  if (info.learns_from != distill::Source::kTeacher || !info.needs_weights) return;
  throw base::ConfigError(
      "{}: --method {} runs the teacher's model, and these are its outputs alone: take --method kd "
      "or rkd, or a knowledge base of them and --method reaugkd",
      flag, method);
}

void DistillOptions::warn_of_unused(const distill::MethodInfo& info, const data::Task& task) {
  if (task.regression() && *distill_temperature != info.distill_temperature) {
    spdlog::warn("--distill-temperature softens probabilities: {} has scores and does not read it",
                 task.name);
  }
  DistillOptions defaults;
  defaults.teacher_learning_rate = info.teacher_learning_rate;
  const base::Json usual = defaults.fields().to_json();
  const auto own = fields();
  for (const auto& option : own.options()) {
    if (!option.only_with || option.to_json() == usual.at(option.key())) continue;
    const auto& methods = option.only_with->values;
    if (std::ranges::find(methods, info.name) != methods.end()) continue;
    spdlog::warn("--{} is for --method {}: {} does not read it", option.name,
                 fmt::join(methods, ", "), info.name);
  }
  const auto found =
      std::ranges::find(methods_, info.name, [](const auto& each) { return each->info().name; });
  for (const auto& warning : (*found)->warnings()) {
    spdlog::warn("{}", base::with_flags(warning));
  }
}

}  // namespace reaugkd::stages
