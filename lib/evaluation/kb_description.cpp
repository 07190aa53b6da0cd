#include "evaluation/kb_description.h"

#include <cmath>
#include <map>

#include "base/error.h"
#include "evaluation/calibration.h"
#include "retrieval/answers.h"
#include "retrieval/kb_manifest.h"
#include "retrieval/knowledge_base.h"

namespace reaugkd::evaluation {
namespace {

namespace fs = std::filesystem;
using retrieval::KnowledgeBase;

std::string count_lines(const KnowledgeBase& kb, const data::Task& task) {
  std::map<std::uint64_t, std::int64_t> by_file;
  std::map<float, std::int64_t> by_label;
  std::int64_t labelled = 0;
  const float* labels = kb.labels.data_ptr<float>();
  for (std::int64_t i = 0; i < kb.size(); ++i) {
    ++by_file[kb.ids[static_cast<std::size_t>(i)].file];
    const float label = labels[i];
    if (std::isnan(label)) continue;
    ++labelled;
    ++by_label[label];
  }
  std::string text =
      fmt::format("  rows       {}, D = {} in {}; {} with a label", kb.size(), kb.dimension(),
                  retrieval::dtype_name(kb.embeddings.scalar_type()), labelled);
  for (const auto& [label, count] : by_label) {
    if (task.regression()) break;
    text += fmt::format("{}{} {}", label == by_label.begin()->first ? ": " : ", ",
                        task.labels[static_cast<std::size_t>(label)], count);
  }
  text += "\n";
  for (const auto& [file, count] : by_file) {
    text += fmt::format("  from       {} rows of the file with sha256 {:016x}...\n", count, file);
  }
  return text;
}

std::string provenance_lines(const retrieval::KbManifest& manifest) {
  const auto& provenance = manifest.provenance;
  const auto& space = provenance.key_space;
  const auto known = [](const std::string& digest) { return digest.empty() ? "unknown" : digest; };
  std::string text =
      fmt::format("  {:<10} sha256 {}\n  {:<10} sha256 {}\n", "teacher",
                  known(space.teacher_sha256), "projection", known(space.projection_sha256));
  if (space.space == retrieval::kGivenSpace) {
    text += "  space      given: the embeddings of a file, without a projection\n";
  } else if (space.space != retrieval::kProjectionSpace) {
    text += fmt::format("  space      {}, pretrained encoder sha256 {}\n", space.space,
                        known(space.pretrained_sha256));
  }
  if (space.of_student()) {
    text +=
        fmt::format("  keys       a student's own embeddings, sha256 {}\n", space.student_sha256);
  }
  if (provenance.cross_fit_folds > 0) {
    text += fmt::format("  cross-fit  {} folds: soft labels by teachers that did not see the row\n",
                        provenance.cross_fit_folds);
  }
  const auto& index = manifest.index;
  text += "  index      " + index.kind;
  if (index.kind != retrieval::kExactIndex) {
    text += fmt::format(", M {}, ef_construction {}, ef_search {}, seed {}, {} threads",
                        index.options.M, index.options.ef_construction, index.options.ef_search,
                        index.options.seed, index.options.threads);
  }
  return text + "\n";
}

std::string history_lines(const std::vector<retrieval::Change>& history) {
  std::string text;
  for (const auto& each : history) {
    text += fmt::format("  {:<10} {} {} rows, {}", text.empty() ? "history" : "", each.when,
                        each.rows, each.action);
    text += fmt::format(" {}", each.what);
    if (!each.new_classes.empty()) {
      text += fmt::format(", new: {}", fmt::join(each.new_classes, ", "));
    }
    text += "\n";
  }
  return text;
}

std::string file_lines(const fs::path& directory, const retrieval::KbManifest& manifest) {
  std::string text = "  files     ";
  for (const auto& [name, digest] : manifest.files) {
    std::error_code error;
    const auto bytes = fs::file_size(directory / name, error);
    text += fmt::format(" {} {:.1f} MB ", name, static_cast<double>(error ? 0 : bytes) / 1e6);
  }
  return text + "\n";
}

}  // namespace

std::string describe_knowledge_base(const fs::path& directory, const data::TaskSettings& settings) {
  const auto kb = retrieval::load_knowledge_base(directory);
  const auto manifest = retrieval::load_kb_manifest(directory);
  const data::Task task = data::with_new_classes(settings.task, kb.new_classes);
  std::string text =
      fmt::format("knowledge base {}\n  task       {}", directory.string(), task.name);
  if (!task.regression()) {
    text += fmt::format(", labels {}", fmt::join(settings.task.labels, ", "));
    if (!kb.new_classes.empty()) {
      text += fmt::format(", new classes {}", fmt::join(kb.new_classes, ", "));
    }
  }
  text += fmt::format(", max_seq_length {}\n", settings.max_seq_length);
  text += count_lines(kb, task) + provenance_lines(manifest);
  std::vector<float> labels(kb.labels.data_ptr<float>(), kb.labels.data_ptr<float>() + kb.size());
  const auto quality = soft_label_quality(task, retrieval::answers_of(kb, {}, task.kind()), labels);
  if (!quality.empty()) text += "  labels   ";
  for (const auto& [name, value] : quality) {
    text += fmt::format(" {} {:.4f} ", name, value);
  }
  return text + (quality.empty() ? "" : "\n") + file_lines(directory, manifest) +
         history_lines(kb.history);
}

}  // namespace reaugkd::evaluation
