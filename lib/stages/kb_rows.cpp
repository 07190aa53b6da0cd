#include "stages/kb_rows.h"

#include <cmath>
#include <map>

#include "core/error.h"
#include "retrieval/kb_manifest.h"
#include "stages/model.h"
#include "stages/quality.h"
#include "stages/task_data.h"
#include "train/predict.h"

namespace reaugkd::stages {
namespace {

namespace fs = std::filesystem;
using retrieval::KnowledgeBase;

constexpr double kSmallestProbability = 1e-12;  // its logit is finite

/// log p of the distributions that the rows came with, whose softmax is p; scores as they are.
torch::Tensor given_logits(const data::Dataset& rows, bool regression) {
  const auto given = torch::tensor(rows.distributions).view({rows.size(), -1});  // (n, C)
  return regression ? given : given.clamp_min(kSmallestProbability).log();
}

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
  const core::Json& provenance = manifest.provenance;
  std::string text;
  for (const char* part : {"teacher", "projection"}) {
    text += fmt::format("  {:<10} sha256 {}\n", part,
                        core::json_value<std::string>(provenance, std::string(part) + "_sha256",
                                                      "unknown", "kb.json: provenance"));
  }
  if (provenance.contains(kKeysSha256)) {
    text += fmt::format(
        "  keys       a student's own embeddings, sha256 {}\n",
        core::json_value<std::string>(provenance, kKeysSha256, "unknown", "kb.json: provenance"));
  }
  if (const auto folds =
          core::json_value<std::int64_t>(provenance, "cross_fit", 0, "kb.json: provenance");
      folds > 0) {
    text += fmt::format("  cross-fit  {} folds: soft labels by teachers that did not see the row\n",
                        folds);
  }
  if (!manifest.hnsw) return text + "  index      exact\n";
  const auto& hnsw = *manifest.hnsw;
  return text +
         fmt::format(
             "  index      hnsw, M {}, ef_construction {}, ef_search {}, seed {}, {} threads\n",
             hnsw.M, hnsw.ef_construction, hnsw.ef_search, hnsw.seed, hnsw.threads);
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

KnowledgeBase knowledge_base_of(const Features& features, const Projection& projection,
                                const data::Dataset& rows, bool regression) {
  KnowledgeBase kb;
  kb.embeddings = projection.apply(features.embeddings);
  kb.logits = rows.distributions.empty() ? features.logits : given_logits(rows, regression);
  kb.soft_labels = train::probabilities_of(kb.logits, regression);
  kb.labels = torch::tensor(rows.labels);
  for (std::int64_t i = 0; i < rows.size(); ++i) kb.ids.push_back(rows.id(i));
  kb.text_a = rows.text_a;
  kb.text_b = rows.text_b;
  return kb;
}

KnowledgeBase rows_of(const KnowledgeBase& kb, const std::vector<std::int64_t>& positions) {
  const auto index = torch::tensor(positions, torch::kInt64);
  KnowledgeBase part;
  part.embeddings = kb.embeddings.index_select(0, index);
  part.logits = kb.logits.index_select(0, index);
  part.soft_labels = kb.soft_labels.index_select(0, index);
  part.labels = kb.labels.index_select(0, index);
  for (const auto position : positions) {
    const auto i = static_cast<std::size_t>(position);
    part.ids.push_back(kb.ids[i]);
    if (!kb.text_a.empty()) part.text_a.push_back(kb.text_a[i]);
    if (!kb.text_b.empty()) part.text_b.push_back(kb.text_b[i]);
  }
  part.provenance = kb.provenance;
  return part;
}

data::Dataset dataset_of(const KnowledgeBase& kb) {
  REAUGKD_CHECK(static_cast<std::int64_t>(kb.text_a.size()) == kb.size(), "no texts were read");
  data::Dataset rows;
  rows.path = "the knowledge base";
  rows.text_a = kb.text_a;
  rows.text_b = kb.text_b;
  rows.labels.assign(kb.labels.data_ptr<float>(), kb.labels.data_ptr<float>() + kb.size());
  for (std::int64_t row = 0; row < kb.size(); ++row) rows.rows.push_back(row);
  return rows;
}

KnowledgeBase joined(const KnowledgeBase& kb, const KnowledgeBase& more) {
  REAUGKD_CHECK(kb.dimension() == more.dimension() && kb.num_labels() == more.num_labels() &&
                    kb.text_b.empty() == more.text_b.empty(),
                "two knowledge bases of different shape");
  const auto known = retrieval::rows_by_id(kb);
  for (const auto& id : more.ids) {
    if (known.contains(id)) {
      throw core::DataError("example {} is in the knowledge base already: give new rows only",
                            id.to_string());
    }
  }
  KnowledgeBase all = kb;
  all.embeddings = torch::cat({kb.embeddings, more.embeddings.to(kb.embeddings.scalar_type())});
  all.logits = torch::cat({kb.logits, more.logits});
  all.soft_labels = torch::cat({kb.soft_labels, more.soft_labels});
  all.labels = torch::cat({kb.labels, more.labels});
  all.ids.insert(all.ids.end(), more.ids.begin(), more.ids.end());
  all.text_a.insert(all.text_a.end(), more.text_a.begin(), more.text_a.end());
  all.text_b.insert(all.text_b.end(), more.text_b.begin(), more.text_b.end());
  return all;
}

KnowledgeBase without(const KnowledgeBase& kb, const std::vector<std::string>& ids) {
  std::map<std::string, std::int64_t> row_of;
  for (std::size_t i = 0; i < kb.ids.size(); ++i) {
    row_of[kb.ids[i].to_string()] = static_cast<std::int64_t>(i);
  }
  for (const auto& id : ids) {
    if (row_of.erase(id) == 0) {
      throw core::ConfigError(
          "--remove {}: is not in the knowledge base (or given twice); examples.tsv lists the ids, "
          "for example {}",
          id, kb.ids.front().to_string());
    }
  }
  if (row_of.empty()) throw core::ConfigError("--remove would leave an empty knowledge base");
  std::vector<std::int64_t> kept;
  for (const auto& [id, row] : row_of) kept.push_back(row);
  std::sort(kept.begin(), kept.end());
  return rows_of(kb, kept);
}

std::string describe_knowledge_base(const fs::path& directory) {
  const auto kb = retrieval::load_knowledge_base(directory);
  const auto manifest = retrieval::load_kb_manifest(directory);
  const Inherited inherited = inherit(directory);
  if (!inherited.settings) {
    throw core::ArtifactError("{}: does not say which task it was made for",
                              (directory / "kb.json").string());
  }
  const data::Task& task = inherited.settings->task;
  std::string text =
      fmt::format("knowledge base {}\n  task       {}", directory.string(), task.name);
  if (!task.regression()) text += fmt::format(", labels {}", fmt::join(task.labels, ", "));
  text += fmt::format(", max_seq_length {}\n", inherited.settings->max_seq_length);
  text += count_lines(kb, task) + provenance_lines(manifest);
  std::vector<float> labels(kb.labels.data_ptr<float>(), kb.labels.data_ptr<float>() + kb.size());
  const core::Json quality = teacher_quality(task, kb.soft_labels, labels);
  if (!quality.empty()) text += "  labels   ";
  for (const auto& [name, value] : quality.items()) {
    text += fmt::format(" {} {:.4f} ", name, value.get<double>());
  }
  return text + (quality.empty() ? "" : "\n") + file_lines(directory, manifest);
}

}  // namespace reaugkd::stages
