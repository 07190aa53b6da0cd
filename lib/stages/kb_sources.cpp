#include "stages/kb_sources.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "base/names.h"
#include "retrieval/kb_editing.h"
#include "stages/data_files.h"
#include "stages/kb_keys.h"
#include "stages/kb_new_rows.h"

namespace reaugkd::stages {
namespace {

data::Split split_of(const std::string& name) {
  return name == "train" ? data::Split::kTrain
         : name == "dev" ? data::Split::kDev
                         : data::Split::kTest;
}

/// The task with the classes that `kb` has learnt.
data::Task task_of(const data::TaskSettings& settings, const retrieval::KnowledgeBase& kb) {
  return data::with_new_classes(settings.task, kb.new_classes);
}

/// How a file to add looks: as a split of the task's, but for what its name and options say.
data::Task task_of_rows(const BuildKbOptions& options, const std::string& file, data::Task task) {
  task = task_of_file(options.data, task, file);
  auto& layout = task.train;
  layout = task.layout(split_of(options.extend_columns));
  layout.label_may_be_absent = options.extend_labels != "labels";
  if (options.extend_labels == "given") layout.distribution_names = task.distribution_names();
  return task;
}

/// One file to add; labels that `kb` does not know become new classes of it.
data::Dataset read_rows(const BuildKbOptions& options, const std::string& file,
                        const data::TaskSettings& settings, const Inherited& inherited,
                        retrieval::KnowledgeBase& kb) {
  const data::Task task = task_of_rows(options, file, task_of(settings, kb));
  std::vector<std::string> more;
  auto rows = data::read_dataset(file, task, task.train, options.data.bad_rows(), more);
  if (inherited.split && inherited.split->train_sha256 == rows.sha256) {
    throw base::ConfigError(
        "--extend-files {}: is the training file of {}, whose held-out rows must stay out; give "
        "new rows",
        file, options.extend);
  }
  if (options.extend_labels == "labels" && !rows.fully_labelled()) {
    throw base::DataError("{}: --extend-labels labels: it has rows without a label; give auto",
                          file);
  }
  const auto labelled = std::ranges::count_if(rows.labels, [](float l) { return !std::isnan(l); });
  spdlog::info("{}: {} rows to add, {} with a label", file, rows.size(), labelled);
  if (!more.empty()) {
    spdlog::info("{}: {} new {}: {}", file, more.size(), more.size() == 1 ? "class" : "classes",
                 base::few_names(more));
  }
  kb.new_classes.insert(kb.new_classes.end(), more.begin(), more.end());
  kb.history.push_back(retrieval::change("added", rows.size(), file, rows.sha256, std::move(more)));
  return rows;
}

/// What answers for added rows where nothing else is asked for.
torch::Tensor labels_that_answer(const BuildKbOptions& options,
                                 const retrieval::KnowledgeBase& added) {
  const bool labels = options.extend_labels == "auto" || options.extend_labels == "labels";
  const auto labelled = added.labels.isnan().logical_not();
  return labels ? labelled : torch::zeros_like(labelled);
}

/// The rows of --extend-files behind those of `kb`.
void add_files(const BuildKbOptions& options, const data::TaskSettings& settings,
               const Inherited& inherited, const tensor::Compute& compute, run::RunDirectory& run,
               retrieval::KnowledgeBase& kb) {
  NewRows new_rows(options, settings, compute, run, kb);
  for (const auto& file : options.extend_files) {
    run.add_input(file);
    const auto rows = read_rows(options, file, settings, inherited, kb);
    auto added = new_rows.make(rows, kb);
    kb.history.back().rows = added.size();
    added.new_classes = kb.new_classes;
    added.label_answers = labels_that_answer(options, added);
    kb = retrieval::joined(kb, added);
  }
}

/// The corrected label of each id in a file.
std::map<std::string, float> labels_by_id(const data::Dataset& rows) {
  std::map<std::string, float> labels;
  std::map<std::string, std::int64_t> line_of;
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    const auto row = static_cast<std::size_t>(i);
    const std::string where = fmt::format("{}:{}", rows.path.string(), rows.lines[row]);
    const std::string id(rows.text_a[row]);
    if (!rows.labelled(i)) {
      throw base::DataError("{}: the id {} has no label, expected one: add it or delete the line",
                            where, id);
    }
    const auto [known, added] = line_of.emplace(id, rows.lines[row]);
    if (!added) {
      throw base::DataError("{}: has the id {}, which line {} has already: delete one of them",
                            where, id, known->second);
    }
    labels[id] = rows.labels[row];
  }
  return labels;
}

/// --relabel: ids and labels of a file.
void correct_labels(const BuildKbOptions& options, const data::TaskSettings& settings,
                    run::RunDirectory& run, retrieval::KnowledgeBase& kb) {
  run.add_input(options.relabel);
  data::Task task = task_of(settings, kb);
  task.format = data::format_of_name(options.relabel);
  task.train = {.text_a = -1, .text_a_name = "id", .label_name = "label"};
  std::vector<std::string> more;
  const auto rows =
      data::read_dataset(options.relabel, task, task.train, options.data.bad_rows(), more);
  const auto labels = labels_by_id(rows);
  kb.new_classes.insert(kb.new_classes.end(), more.begin(), more.end());
  retrieval::relabel(kb, labels);
  kb.history.push_back(
      retrieval::change("relabeled", rows.size(), options.relabel, rows.sha256, std::move(more)));
}

/// --remove and --remove-where.
void remove_rows(const BuildKbOptions& options, const data::TaskSettings& settings,
                 retrieval::KnowledgeBase& kb) {
  const auto before = kb.size();
  kb = retrieval::without(kb, {options.remove, options.remove_where}, task_of(settings, kb).labels);
  const std::string what = options.remove_where.empty()
                               ? "by id"
                               : fmt::format("{}", fmt::join(options.remove_where, " and "));
  kb.history.push_back(retrieval::change("removed", before - kb.size(), what));
}

}  // namespace

void store_as(const BuildKbOptions& options, retrieval::KnowledgeBase& kb) {
  if (options.kb_dtype == "auto") return;
  const auto now = kb.embeddings.scalar_type();
  const auto wanted = retrieval::dtype_by_name(options.kb_dtype);
  if (now == torch::kFloat16 && wanted == torch::kFloat32) {
    throw base::ConfigError(
        "--kb-dtype fp32: {} has rounded its embeddings to fp16, and what was dropped cannot come "
        "back; build it anew",
        options.extend);
  }
  kb.embeddings = kb.embeddings.to(wanted);
}

base::Json earlier_metrics(const std::filesystem::path& directory) {
  const auto path = directory / run::kMetricsFile;
  return std::filesystem::exists(path) ? base::read_json(path) : base::Json::object();
}

KbSource changed_knowledge_base(const BuildKbOptions& options, const tensor::Compute& compute,
                                run::RunDirectory& run, evaluation::KbReport& report) {
  run.add_input_directory(options.extend);
  const Inherited inherited = inherit(options.extend);
  const auto settings = resolve_settings(options.data, inherited);
  auto kb = retrieval::load_knowledge_base(options.extend);
  if (kb.text_a.empty() && (!options.extend_files.empty() || !options.keys.empty())) {
    throw base::ConfigError(
        "{} was exported without its texts: rows can be removed and relabeled, but --extend-files "
        "and --keys need texts; change the knowledge base that it was exported from",
        options.extend);
  }
  store_as(options, kb);
  std::int64_t unchanged = kb.size();  // leading rows that are as in --extend
  if (!options.remove.empty() || !options.remove_where.empty()) {
    remove_rows(options, settings, kb);
    unchanged = 0;
  }
  const std::int64_t with_keys = kb.size();
  if (!options.relabel.empty()) correct_labels(options, settings, run, kb);
  if (!options.extend_files.empty()) {
    add_files(options, settings, inherited, compute, run, kb);
  }
  const auto space = kb.provenance.key_space;
  if (!options.keys.empty()) {
    take_keys(options, settings, compute, run, with_keys, report, kb);
  }
  if (!(kb.provenance.key_space == space)) unchanged = 0;
  kb.provenance.task_settings = settings.to_json();
  if (inherited.split) data::save_split(*inherited.split, run.path());
  // Of the rows it was built of: those that are added have a figure in teacher_on_kb.
  const auto before = earlier_metrics(options.extend);
  const auto known = [&](const char* part) {
    return before.contains(part) ? metrics::scores_of_json(before[part], options.extend)
                                 : metrics::Scores();
  };
  report.teacher_on_seen_rows = known("teacher_on_seen_rows");
  report.teacher_on_validation = known("teacher_on_validation");
  report.knn_on_validation = known("knn_on_validation");
  return {std::move(kb), settings, unchanged};
}

}  // namespace reaugkd::stages
