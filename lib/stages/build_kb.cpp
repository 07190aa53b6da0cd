#include "stages/build_kb.h"

#include <spdlog/spdlog.h>

#include "core/error.h"
#include "core/sha256.h"
#include "retrieval/knowledge_base.h"
#include "stages/features.h"
#include "stages/model.h"
#include "stages/quality.h"

namespace reaugkd::stages {
namespace {

retrieval::KnowledgeBase make_knowledge_base(const Features& features, const Projection& projection,
                                             const data::Dataset& rows, bool regression) {
  retrieval::KnowledgeBase kb;
  kb.embeddings = projection.apply(features.embeddings);
  kb.logits = features.logits;
  kb.soft_labels = train::probabilities_of(features.logits, regression);
  kb.labels = torch::tensor(rows.labels);
  for (std::int64_t i = 0; i < rows.size(); ++i) kb.ids.push_back(rows.id(i));
  kb.text_a = rows.text_a;
  kb.text_b = rows.text_b;
  return kb;
}

/// How right and how sure the teacher is on rows with labels: near certainty on the rows it was
/// trained on says that p^KB carries little beyond the label.
core::Json teacher_quality(const data::Task& task, const torch::Tensor& soft_labels,
                           const std::vector<float>& labels) {
  core::Json json = train::score(task, soft_labels, labels);
  json.update(calibration(task, soft_labels, labels));
  return json;
}

std::string summary(const core::Json& metrics, const std::string& output) {
  std::string text = fmt::format(
      "build-kb: {} rows, D = {}, index {} ({:.2f} s)\n", metrics["rows"].get<std::int64_t>(),
      metrics["dimension"].get<std::int64_t>(), metrics["index"].get<std::string>(),
      metrics["timing"]["index_seconds"].get<double>());
  for (const char* part : {"teacher_on_kb", "teacher_on_validation"}) {
    text += fmt::format("  {:<22}", part);
    for (const auto& [name, value] : metrics[part].items()) {
      text += fmt::format(" {} {:.4f}", name, value.get<double>());
    }
    text += "\n";
  }
  return text + fmt::format("written to {}; next: reaugkd distill --kb {}\n", output, output);
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
            true});
  data.add_fields(list);
  const char* group = "Index";
  list.add({"index",
            group,
            &index,
            "hnsw, exact (no index file), or auto: hnsw",
            {},
            {"auto", "hnsw", "exact"}});
  list.add({"M", group, &M, "HNSW: links of a row", core::Range{2, 1024}});
  list.add({"ef-construction", group, &ef_construction, "HNSW: candidates when a row is inserted",
            core::Range{1, 100000}});
  list.add({"ef-search", group, &ef_search, "HNSW: candidates of a search, at least k",
            core::Range{1, 100000}});
  list.add({"index-threads", group, &index_threads,
            "HNSW: threads that insert; more than one is faster, the graph then differs from "
            "run to run",
            core::Range{1, 1024}});
  run.add_fields(list);
  return list;
}

std::string run_build_kb(BuildKbOptions options) {
  const auto fields = options.fields();
  if (already_finished("build-kb", fields, options.run)) return "";
  const Inherited inherited = inherit(options.teacher);
  const auto config = nn::load_config(options.teacher);
  const auto settings = resolve_settings(options.data, inherited, config.id2label);
  StageRun run("build-kb", fields, options.run);
  run.add_input_directory(options.teacher);
  start_compute(options.run, /*training=*/false, run);
  const TaskData data = read_task_data(options.data, settings, inherited);
  run.add_input(data.train.path);

  const bool regression = settings.task.regression();
  const Projection projection = load_projection(options.teacher, config.hidden_size);
  auto kb = make_knowledge_base(load_features(options.teacher, "train", data.train), projection,
                                data.train, regression);
  const auto held_out = load_features(options.teacher, "validation", data.validation);
  const std::filesystem::path teacher = options.teacher;
  kb.provenance["reaugkd"] = settings.to_json();
  kb.provenance["teacher_sha256"] = core::sha256_of_file(teacher / "model.safetensors");
  kb.provenance["projection_sha256"] = core::sha256_of_file(teacher / "projection.safetensors");

  const retrieval::HnswOptions hnsw{options.M, options.ef_construction, options.ef_search,
                                    static_cast<std::uint64_t>(options.run.seed),
                                    static_cast<int>(options.index_threads)};
  const double before = run.seconds();
  const auto index = options.index == "exact" ? retrieval::make_exact_index(kb.embeddings)
                                              : retrieval::build_hnsw_index(kb.embeddings, hnsw);
  const double index_seconds = run.seconds() - before;
  retrieval::save_knowledge_base(kb, *index, hnsw, run.path());
  data::save_split(data.split, run.path());

  core::Json metrics = {{"task", settings.task.name},
                        {"rows", kb.size()},
                        {"dimension", kb.dimension()},
                        {"index", retrieval::to_string(index->kind())}};
  metrics["teacher_on_kb"] = teacher_quality(settings.task, kb.soft_labels, data.train.labels);
  const auto held_out_labels = train::probabilities_of(held_out.logits, regression);
  metrics["teacher_on_validation"] =
      teacher_quality(settings.task, held_out_labels, data.validation.labels);
  add_warnings(metrics, prediction_warnings("the teacher, on the validation part,", settings.task,
                                            held_out_labels, data.validation.labels));
  add_warnings(metrics, embedding_warnings("the projected teacher embeddings", kb.embeddings));
  metrics["timing"]["index_seconds"] = index_seconds;
  run.finish(metrics);
  return summary(metrics, options.run.output);
}

}  // namespace reaugkd::stages
