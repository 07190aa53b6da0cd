#include "stages/build_kb.h"

#include <spdlog/spdlog.h>

#include "core/error.h"
#include "core/sha256.h"
#include "retrieval/kb_manifest.h"
#include "retrieval/knowledge_base.h"
#include "stages/features.h"
#include "stages/kb_rows.h"
#include "stages/model.h"
#include "stages/quality.h"

namespace reaugkd::stages {
namespace {

std::string summary(const core::Json& metrics, const BuildKbOptions& options) {
  std::string text = fmt::format(
      "build-kb: {} rows, D = {}, index {} ({:.2f} s)\n", metrics["rows"].get<std::int64_t>(),
      metrics["dimension"].get<std::int64_t>(), metrics["index"].get<std::string>(),
      metrics["timing"]["index_seconds"].get<double>());
  for (const char* part : {"teacher_on_kb", "teacher_on_seen_rows", "teacher_on_validation"}) {
    if (!metrics.contains(part) || metrics[part].empty()) continue;
    text += fmt::format("  {:<22}", part);
    for (const auto& [name, value] : metrics[part].items()) {
      text += fmt::format(" {} {:.4f}", name, value.get<double>());
    }
    text += "\n";
  }
  const std::string& output = options.run.output;
  return text + fmt::format("written to {}; next: reaugkd {} --kb {} --data {} --output DIR\n",
                            output,
                            options.keys.empty() ? "distill --student MODEL"
                                                 : "eval --model " + options.keys,
                            output, options.data.data.empty() ? "DIR" : options.data.data);
}

/// The embeddings in the type that --kb-dtype asks for; the index is then over what is stored.
void store_as(const BuildKbOptions& options, retrieval::KnowledgeBase& kb) {
  if (options.kb_dtype == "auto") return;
  const auto now = kb.embeddings.scalar_type();
  const auto wanted = retrieval::dtype_by_name(options.kb_dtype);
  if (now == torch::kFloat16 && wanted == torch::kFloat32) {
    throw core::ConfigError(
        "--kb-dtype fp32: {} has rounded its embeddings to fp16, and what was dropped cannot come "
        "back; build it anew",
        options.extend);
  }
  kb.embeddings = kb.embeddings.to(wanted);
}

/// metrics.json of an earlier stage; empty where it was not copied along.
core::Json metrics_of(const std::filesystem::path& directory) {
  const auto path = directory / core::kMetricsFile;
  return std::filesystem::exists(path) ? core::read_json(path) : core::Json::object();
}

/// Puts what teachers say that did not see the rows in place of what the teacher says.
void cross_fit(const BuildKbOptions& options, const TaskData& data, const Compute& compute,
               retrieval::KnowledgeBase& kb, StageRun& run, core::Json& metrics) {
  const double before = run.seconds();
  metrics["teacher_on_seen_rows"] =
      teacher_quality(data.settings.task, kb.soft_labels, data.train.labels);
  kb.logits = cross_fitted_logits(options.cross_fit, options.teacher, data, options.run, compute,
                                  options.eval_batch_size, run, metrics);
  kb.soft_labels = train::probabilities_of(kb.logits, data.settings.task.regression());
  kb.provenance["cross_fit"] = options.cross_fit.folds;
  metrics["timing"]["cross_fit_seconds"] = run.seconds() - before;
}

/// The rows that the student is trained on, from the features that project has cached.
retrieval::KnowledgeBase built(const BuildKbOptions& options, const Compute& compute, StageRun& run,
                               core::Json& metrics) {
  const Inherited inherited = inherit(options.teacher);
  const auto teacher = nn::load_config(options.teacher);
  const auto settings = resolve_settings(options.data, inherited);
  const TaskData data = read_task_data(options.data, settings, inherited, run);
  const bool regression = settings.task.regression();
  auto kb = knowledge_base_of(load_features(options.teacher, "train", data.train),
                              load_projection(options.teacher, teacher.hidden_size), data.train,
                              regression);
  const auto held_out = load_features(options.teacher, "validation", data.validation);
  const auto held_out_labels = train::probabilities_of(held_out.logits, regression);
  metrics["teacher_on_validation"] =
      teacher_quality(settings.task, held_out_labels, data.validation.labels);
  add_warnings(metrics, prediction_warnings("the teacher, on the validation part,", settings.task,
                                            held_out_labels, data.validation.labels));
  const std::filesystem::path directory = options.teacher;
  kb.provenance["reaugkd"] = settings.to_json();
  kb.provenance["teacher_sha256"] = core::sha256_of_file(directory / "model.safetensors");
  kb.provenance["projection_sha256"] = core::sha256_of_file(directory / "projection.safetensors");
  if (teacher_saw_holdout(metrics_of(directory), directory)) {
    kb.provenance[kTeacherSawHoldout] = true;
  }
  store_as(options, kb);
  if (options.cross_fit.folds > 0) cross_fit(options, data, compute, kb, run, metrics);
  data::save_split(data.split, run.path());
  return kb;
}

/// Whether --teacher is the one that made the rows of --extend: else their z would not compare.
void check_same_teacher(const BuildKbOptions& options, const retrieval::KnowledgeBase& kb) {
  const std::filesystem::path directory = options.teacher;
  load_projection(directory, nn::load_config(directory).hidden_size);  // it has one
  for (const auto& [key, file] : {std::pair("teacher_sha256", "model.safetensors"),
                                  std::pair("projection_sha256", "projection.safetensors")}) {
    const auto made_by =
        core::json_value<std::string>(kb.provenance, key, "unknown", options.extend + "/kb.json");
    const std::string given = core::sha256_of_file(directory / file);
    if (made_by != given) {
      throw core::ArtifactError(
          "{} was made by a teacher whose {} has sha256 {}, {} has {}: give that teacher, or build "
          "the knowledge base anew",
          options.extend, file, made_by, options.teacher, given);
    }
  }
}

data::Split split_of(const std::string& name) {
  return name == "train" ? data::Split::kTrain
         : name == "dev" ? data::Split::kDev
                         : data::Split::kTest;
}

/// The rows of one more file, embedded by the teacher; their soft labels are its own or given.
retrieval::KnowledgeBase rows_of_file(const BuildKbOptions& options, const std::string& file,
                                      const TaskSettings& settings, const Inherited& kb,
                                      Model& teacher, const Compute& compute) {
  auto layout = settings.task.layout(split_of(options.extend_columns));
  layout.label_may_be_absent = true;  // then the teacher labels them
  if (options.extend_labels == "given") {
    layout.distribution_names = settings.task.distribution_names();
  }
  const auto rows = data::read_dataset(file, settings.task, layout, options.data.bad_rows());
  if (kb.split && kb.split->train_sha256 == rows.sha256) {
    throw core::ConfigError(
        "--extend-files {}: is the training file of {}, whose held-out rows must stay out; give "
        "new rows",
        file, options.extend);
  }
  spdlog::info("{}: {} rows to add", file, rows.size());
  const auto features = compute_features(teacher, rows, settings, compute, options.eval_batch_size);
  return knowledge_base_of(features, load_projection(options.teacher, teacher.config.hidden_size),
                           rows, settings.task.regression());
}

/// --keys: s of every row by the student, as kNN-LM has it, in place of z. The student's queries
/// then lie among the keys.
void take_keys(const BuildKbOptions& options, const TaskSettings& settings, const Compute& compute,
               StageRun& run, retrieval::KnowledgeBase& kb) {
  run.add_input_directory(options.keys);
  const Inherited student_says = inherit(options.keys);
  check_class_order(options.data, student_says, settings);
  check_same_task(student_says, settings, options.extend);
  Model student = load_trained(options.keys, settings);
  student.classifier->to(compute.device);
  auto predict = student.predict_options(compute, settings, options.eval_batch_size);
  predict.what = "the student's keys";
  const auto outputs = train::predict(
      student.classifier, student.encode(dataset_of(kb), settings, compute.threads), predict);
  kb.embeddings = nn::unit_rows(outputs.embeddings).to(kb.embeddings.scalar_type());
  kb.provenance[kKeysSha256] =
      core::sha256_of_file(std::filesystem::path(options.keys) / "model.safetensors");
}

/// --extend: an existing knowledge base with rows added and removed; nothing is trained again.
retrieval::KnowledgeBase extended(const BuildKbOptions& options, const Compute& compute,
                                  StageRun& run, core::Json& metrics) {
  run.add_input_directory(options.extend);
  const Inherited inherited = inherit(options.extend);
  const auto settings = resolve_settings(options.data, inherited);
  auto kb = retrieval::load_knowledge_base(options.extend);
  store_as(options, kb);
  if (!options.remove.empty()) kb = without(kb, options.remove);
  if (!options.extend_files.empty()) {
    if (options.teacher.empty()) {
      throw core::ConfigError("--extend-files needs --teacher, which embeds and labels the rows");
    }
    if (kb.provenance.contains(kKeysSha256)) {
      throw core::ConfigError(
          "--extend-files: the keys of {} are a student's, the teacher's z of new rows do not "
          "compare; extend the knowledge base that it was made of, with --keys again",
          options.extend);
    }
    check_same_teacher(options, kb);
    Model teacher = load_trained(options.teacher, settings);
    for (const auto& file : options.extend_files) {
      run.add_input(file);
      kb = joined(kb, rows_of_file(options, file, settings, inherited, teacher, compute));
    }
  }
  if (!options.keys.empty()) take_keys(options, settings, compute, run, kb);
  kb.provenance["reaugkd"] = settings.to_json();
  if (inherited.split) data::save_split(*inherited.split, run.path());
  const auto before = metrics_of(options.extend);
  // Of the rows it was built of: those that are added have a figure in teacher_on_kb.
  for (const char* part : {"teacher_on_seen_rows", "teacher_on_validation"}) {
    if (before.contains(part)) metrics[part] = before[part];
  }
  return kb;
}

/// Sets the parameters of HNSW that no flag gives to those of --extend, or the defaults. Returns
/// whether the index is exact instead.
bool resolve_index(BuildKbOptions& options) {
  std::optional<retrieval::HnswOptions> built = retrieval::HnswOptions{};
  const auto extended = std::filesystem::path(options.extend) / retrieval::kManifestFile;
  const bool extends = !options.extend.empty();
  if (extends && std::filesystem::exists(extended)) {
    built = retrieval::load_kb_manifest(options.extend).hnsw;
  } else if (const auto made = extends ? core::run_record(options.run.output) : std::nullopt) {
    // --extend is gone since: as the finished run has it
    const auto recorded = [&](const char* name, std::int64_t otherwise) {
      return core::json_value(made->options, name, otherwise, "run.json: options");
    };
    built->M = recorded("M", built->M);
    built->ef_construction = recorded("ef_construction", built->ef_construction);
    built->ef_search = recorded("ef_search", built->ef_search);
  }
  const bool exact = options.index == "exact" || (options.index == "auto" && !built);
  const retrieval::HnswOptions usual;
  if (exact && (options.M.value_or(usual.M) != usual.M ||
                options.ef_construction.value_or(usual.ef_construction) != usual.ef_construction ||
                options.ef_search.value_or(usual.ef_search) != usual.ef_search)) {
    throw core::ConfigError(
        "--M, --ef-construction and --ef-search are about HNSW, the index is exact: leave them "
        "out, or give --index hnsw");
  }
  const retrieval::HnswOptions hnsw = built.value_or(usual);
  options.M = options.M.value_or(hnsw.M);
  options.ef_construction = options.ef_construction.value_or(hnsw.ef_construction);
  options.ef_search = options.ef_search.value_or(hnsw.ef_search);
  return exact;
}

void check_options(const BuildKbOptions& options) {
  const bool changes =
      !options.extend_files.empty() || !options.remove.empty() || !options.keys.empty();
  if (options.extend.empty() && changes) {
    throw core::ConfigError(
        "--extend-files, --remove and --keys need --extend, the knowledge base to change");
  }
  if (options.extend_files.empty() &&
      (options.extend_columns != "train" || options.extend_labels != "teacher")) {
    throw core::ConfigError("--extend-columns and --extend-labels are about --extend-files");
  }
  if (!options.extend.empty() && !changes) {
    throw core::ConfigError(
        "--extend needs --extend-files to add, --remove ids to remove or --keys to take");
  }
  if (!options.extend.empty() && options.cross_fit.folds > 0) {
    throw core::ConfigError(
        "--cross-fit labels the rows that the teacher was trained on; those of --extend are kept "
        "as they are: build the knowledge base anew with --cross-fit, then extend it");
  }
  options.cross_fit.check();
}

}  // namespace

core::OptionList BuildKbOptions::fields() {
  core::OptionList list;
  list.add({"teacher",
            "Model",
            &teacher,
            "projected teacher, written by reaugkd project",
            {},
            {},
            true,
            {"extend", "describe"}});
  list.add({"extend", "Rows", &extend,
            "a knowledge base to take over, with rows added or removed or other keys; it stays as "
            "it is"});
  list.add({"extend-files", "Rows", &extend_files,
            "files of rows to add, with labels or without: the teacher embeds and labels them"});
  list.add({"extend-columns",
            "Rows",
            &extend_columns,
            "these files' columns are those of",
            {},
            {"train", "dev", "test"}});
  list.add({"extend-labels",
            "Rows",
            &extend_labels,
            "their soft labels: the teacher's, or given in columns p_<label> of each class "
            "(regression: score)",
            {},
            {"teacher", "given"}});
  list.add({"remove", "Rows", &remove, "ids of rows to remove, as in examples.tsv"});
  list.add(
      {"keys", "Rows", &keys,
       "a student: its own embeddings of the rows of --extend become the keys that it is to ask, "
       "in place of the teacher's"});
  list.add(
      {"describe", "Rows", &describe, "show what this knowledge base holds; nothing is built"});
  list.add(
      {"eval-batch-size", "Rows", &eval_batch_size, "rows the teacher sees at once", core::kCount});
  data.add_fields(list);
  cross_fit.add_fields(list);
  const char* group = "Index";
  list.add({"kb-dtype",
            group,
            &kb_dtype,
            "type of the stored embeddings: fp32, fp16 (half the memory, rounded to 11 bits), or "
            "auto: as --extend has them, else fp32",
            {},
            {"auto", "fp32", "fp16"}});
  list.add({"index",
            group,
            &index,
            "hnsw, exact (no index file), or auto: as --extend has it, else hnsw",
            {},
            {"auto", "hnsw", "exact"}});
  list.add({"M", group, &M, "HNSW: links of a row (not given: as --extend has it, else 16)",
            core::Range{2, 1024}});
  list.add({"ef-construction", group, &ef_construction,
            "HNSW: candidates when a row is inserted (not given: as --extend has it, else 200)",
            core::Range{1, 100000}});
  list.add({"ef-search", group, &ef_search,
            "HNSW: candidates of a search, at least k (not given: as --extend has it, else 128)",
            core::Range{1, 100000}});
  list.add({"index-threads", group, &index_threads,
            "HNSW: threads that insert; more than one is faster, the graph then differs from "
            "run to run",
            core::Range{1, 1024}});
  run.add_fields(list);
  list.at("data").unless = {"extend", "describe"};
  list.at("output").unless = {"describe"};
  return list;
}

std::string run_build_kb(BuildKbOptions options) {
  if (!options.describe.empty()) return describe_knowledge_base(options.describe);
  const bool exact = resolve_index(options);
  const auto fields = options.fields();
  if (already_finished("build-kb", fields, BuildKbOptions().fields(), options.run)) return "";
  check_options(options);
  StageRun run("build-kb", fields, BuildKbOptions().fields(), options.run);
  if (!options.teacher.empty()) run.add_input_directory(options.teacher);
  const Compute compute = start_compute(options.run, /*training=*/false, run);
  core::Json metrics;
  const auto kb = options.extend.empty() ? built(options, compute, run, metrics)
                                         : extended(options, compute, run, metrics);
  const auto settings = TaskSettings::from_json(kb.provenance.at("reaugkd"), options.extend);

  const retrieval::HnswOptions hnsw{*options.M, *options.ef_construction, *options.ef_search,
                                    static_cast<std::uint64_t>(options.run.seed),
                                    static_cast<int>(options.index_threads)};
  const double before = run.seconds();
  const auto index = exact ? retrieval::make_exact_index(kb.embeddings)
                           : retrieval::build_hnsw_index(kb.embeddings, hnsw);
  const double index_seconds = run.seconds() - before;
  retrieval::save_knowledge_base(kb, *index, hnsw, run.path());
  remove_folds(options.cross_fit, run.path());

  metrics["task"] = settings.task.name;
  metrics["rows"] = kb.size();
  metrics["dimension"] = kb.dimension();
  metrics["dtype"] = retrieval::dtype_name(kb.embeddings.scalar_type());
  metrics["index"] = retrieval::to_string(index->kind());
  const auto* labels = kb.labels.data_ptr<float>();
  metrics["teacher_on_kb"] =
      teacher_quality(settings.task, kb.soft_labels, {labels, labels + kb.size()});
  const bool own = kb.provenance.contains(kKeysSha256);
  add_warnings(metrics,
               embedding_warnings(own ? "the student's keys" : "the projected teacher embeddings",
                                  kb.embeddings));
  metrics["timing"]["index_seconds"] = index_seconds;
  run.finish(metrics);
  return summary(metrics, options);
}

}  // namespace reaugkd::stages
