#include "stages/distill_data.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "data/fold.h"
#include "retrieval/kb_manifest.h"

namespace reaugkd::stages {

std::string inherited_from(const DistillOptions& options) {
  for (const auto& directory : {options.kb, options.teacher}) {
    if (!directory.empty()) return directory;
  }
  return options.student;
}

void check_others(const DistillOptions& options, const Inherited& inherited,
                  const data::TaskSettings& settings) {
  for (const auto& directory : {options.teacher, options.student}) {
    if (directory.empty() || directory == inherited.directory) continue;
    const Inherited other = inherit(directory);
    if (directory == options.teacher) {
      check_class_order(options.data, other, settings);
      check_same_task(other, settings, inherited.directory);
    }
    if (!other.split || !inherited.split || *other.split == *inherited.split ||
        other.split->train_sha256 != inherited.split->train_sha256) {
      continue;
    }
    throw base::ArtifactError(
        "{} and {} were made with different splits (split.json), so one may have seen what the "
        "other validates on; make both from the same first stage",
        directory, inherited.directory);
  }
}

void check_labels(const DistillOptions& options, const distill::MethodInfo& method,
                  const data::Dataset& rows) {
  const bool by_method = method.learns_from == distill::Source::kLabels;
  const double w = *options.hard_label_weight;
  std::string what = "--method " + method.name;
  if (!by_method) what += fmt::format(" with --hard-label-weight {:g}", w);
  if ((by_method || w == 1) && !rows.fully_labelled()) {
    throw base::DataError("{}: {} needs a label in every row", rows.path.string(), what);
  }
  if (w > 0 && std::ranges::all_of(rows.labels, [](float label) { return std::isnan(label); })) {
    throw base::DataError("{}: {} needs labels, and no row has one", rows.path.string(), what);
  }
}

data::Dataset take_quiz(data::TaskData& data, double share, const std::string& method,
                        std::uint64_t seed) {
  if (share == 0) return {};
  const data::Dataset& rows = data.train;
  const auto refuse = [&] {
    throw base::DataError(
        "{}: --method {} needs labelled rows, at least four, of which it keeps some for a "
        "quiz that share no text with the others; {} rows are there",
        rows.path.string(), method, rows.size());
  };
  if (!rows.fully_labelled() || rows.size() < 4) refuse();
  base::Random random(base::stream_seed(seed, "quiz"));
  const double two_rows = 2.0 / static_cast<double>(rows.size());
  const auto fold =
      data::divide_labelled(rows, data.settings.task, std::max(share, two_rows), random);
  if (fold.held_out.size() < 2 || fold.trained.size() < 2) refuse();
  data::Dataset quiz = rows.subset(fold.held_out);
  data.train = rows.subset(fold.trained);
  return quiz;
}

retrieval::KeySpace key_space_of(const DistillOptions& options) {
  const auto space = retrieval::load_kb_manifest(options.kb).provenance.key_space;
  if (!space.of_student()) return space;
  throw base::ArtifactError(
      "{}: its keys are a student's own embeddings, --method {} learns the teacher's; "
      "give the knowledge base that it was made of",
      options.kb, options.method);
}

}  // namespace reaugkd::stages
