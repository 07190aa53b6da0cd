#include "stages/kb_keys.h"

#include <spdlog/spdlog.h>

#include <numeric>
#include <optional>
#include <vector>

#include "base/error.h"
#include "distill/knowledge_base_rows.h"
#include "evaluation/key_comparison.h"
#include "evaluation/new_rows.h"
#include "models/classifier.h"
#include "models/model_directory.h"
#include "retrieval/kb_editing.h"
#include "train/model.h"

namespace reaugkd::stages {
namespace {

/// first, first + 1, ..., end - 1.
std::vector<std::int64_t> positions_from(std::int64_t first, std::int64_t end) {
  std::vector<std::int64_t> positions(static_cast<std::size_t>(end - first));
  std::iota(positions.begin(), positions.end(), first);
  return positions;
}

/// The student's `keys` and those of `kb` on a sample of the rows that the student was not trained
/// on; nothing where there is none.
std::optional<evaluation::KeyComparison> compared_with(const retrieval::KnowledgeBase& kb,
                                                       const torch::Tensor& keys,
                                                       const std::string& train_sha256,
                                                       const data::Task& task, std::uint64_t seed) {
  constexpr std::int64_t kAsked = 1000;  // of known classes; of new ones in proportion
  if (task.regression()) return std::nullopt;
  const auto rows =
      evaluation::sample_of_new_rows(kb, evaluation::rows_new_to(kb, train_sha256), kAsked, seed);
  if (rows.empty()) return std::nullopt;
  const auto index = torch::tensor(rows, torch::kInt64);
  const auto labels = kb.labels.index_select(0, index);
  return evaluation::compare_keys(
      kb, keys.to(torch::kFloat32),
      {keys.index_select(0, index).to(torch::kFloat32),
       {labels.data_ptr<float>(), labels.data_ptr<float>() + labels.numel()},
       rows});
}

/// What --keep-keys better comes to.
bool teachers_stay(const std::optional<evaluation::KeyComparison>& comparison,
                   const BuildKbOptions& options) {
  if (!comparison) {
    spdlog::warn(
        "--keep-keys better: there is nothing to compare by, rows that {} was not trained on and "
        "the teacher's keys of them; the keys become the student's",
        options.keys);
    return false;
  }
  return comparison->teacher_is_better();
}

}  // namespace

void take_keys(const BuildKbOptions& options, const data::TaskSettings& settings,
               const tensor::Compute& compute, run::RunDirectory& run, std::int64_t with_keys,
               evaluation::KbReport& report, retrieval::KnowledgeBase& kb) {
  run.add_input_directory(options.keys);
  const Inherited student_says = inherit(options.keys);
  check_class_order(options.data, student_says, settings);
  check_same_task(student_says, settings, options.extend);
  const auto sha256 = models::digest_of_queries(options.keys);
  auto& space = kb.provenance.key_space;
  const std::int64_t kept = space.student_sha256 == sha256 ? with_keys : 0;
  const bool has_teacher_keys =
      !space.of_student() && (options.extend_files.empty() || !options.teacher.empty());
  if (kept == kb.size()) return;
  train::Model student = train::load_trained(options.keys, settings);
  student.classifier->to(compute.device);
  auto predict = student.predict_options(compute, settings, options.eval_batch_size);
  predict.what = "the student's keys";
  const auto rows = kept == 0 ? kb : retrieval::rows_of(kb, positions_from(kept, kb.size()));
  const auto outputs = train::predict(
      student.classifier, student.encode(distill::dataset_of(rows), settings, compute), predict);
  const auto keys = models::unit_rows(outputs.queries).to(kb.embeddings.scalar_type());
  if (has_teacher_keys && student_says.split && keys.size(1) == kb.dimension()) {
    report.keys = compared_with(kb, keys, student_says.split->train_sha256, settings.task,
                                static_cast<std::uint64_t>(options.run.seed));
  }
  if (options.keep_keys == "better" && teachers_stay(report.keys, options)) {
    report.keys->teacher_kept = true;
    return;
  }
  kb.embeddings = kept == 0 ? keys : torch::cat({kb.embeddings.slice(0, 0, kept), keys});
  space.student_sha256 = sha256;
  kb.history.push_back(retrieval::change("keys", keys.size(0), options.keys, sha256));
}

}  // namespace reaugkd::stages
