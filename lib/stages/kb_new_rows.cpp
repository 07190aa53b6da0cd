#include "stages/kb_new_rows.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <tuple>

#include "base/error.h"
#include "distill/given_teacher.h"
#include "distill/knowledge_base_rows.h"
#include "stages/teacher_outputs.h"

namespace reaugkd::stages {
namespace {

/// Whether --teacher is the one that made the rows of --extend: else their z would not compare.
void check_same_teacher(const BuildKbOptions& options, const retrieval::KnowledgeBase& kb) {
  if (kb.provenance.key_space.of_student() && options.keys.empty()) {
    throw base::ConfigError(
        "--extend-files: the keys of {} are a student's, the teacher's z of new rows do not "
        "compare; give that student with --keys",
        options.extend);
  }
  const std::filesystem::path directory = options.teacher;
  distill::load_key_maker(directory, distill::embedding_width(directory));  // it has one
  const auto& space = kb.provenance.key_space;
  const auto own = distill::key_space_of(directory);
  const bool given = distill::is_given_teacher(directory);
  for (const auto& [known, given_sha, file] :
       {std::tuple(space.teacher_sha256, own.teacher_sha256,
                   given ? "file of outputs" : "model.safetensors"),
        std::tuple(space.projection_sha256, own.projection_sha256, "projection.safetensors"),
        std::tuple(space.pretrained_sha256, own.pretrained_sha256, "pretrained/")}) {
    if (known != given_sha) {
      throw base::ArtifactError(
          "{} was made by a teacher whose {} has sha256 {}, {} has {}: give that teacher, or build "
          "the knowledge base anew",
          options.extend, file, known.empty() ? "unknown" : known, options.teacher, given_sha);
    }
  }
}

/// --teacher-outputs with what else is given.
void check_outputs(const BuildKbOptions& options, const retrieval::KnowledgeBase& kb) {
  if (options.extend_files.size() != 1) {
    throw base::ConfigError(
        "--teacher-outputs: its rows are those of one file, found {} in --extend-files: add the "
        "files one by one",
        options.extend_files.size());
  }
  if (!options.teacher.empty() && !distill::is_given_teacher(options.teacher)) {
    throw base::ConfigError(
        "--teacher-outputs: --teacher {} is a model, which answers for new rows itself: leave one "
        "of them out",
        options.teacher);
  }
  const auto& space = kb.provenance.key_space;
  if (!options.keys.empty() || !options.teacher.empty()) return;
  if (space.space == retrieval::kGivenSpace && !space.of_student()) return;
  throw base::ConfigError(
      "--teacher-outputs: the keys of {} are {}, and embeddings of a file do not compare with "
      "them: "
      "give {}",
      options.extend, space.of_student() ? "a student's" : "projections of a teacher",
      space.of_student() ? "that student with --keys too"
                         : "the directory of project with --teacher too");
}

/// Knowledge-base rows that no teacher has seen; their keys are still to come.
retrieval::KnowledgeBase rows_without_keys(const data::Dataset& rows,
                                           const retrieval::KnowledgeBase& kb) {
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    if (rows.labelled(i)) continue;
    throw base::DataError(
        "{}: data row {} has no label, and without --teacher nothing answers for it",
        rows.path.string(), rows.rows[static_cast<std::size_t>(i)]);
  }
  retrieval::KnowledgeBase added;
  added.embeddings = torch::zeros({rows.size(), kb.dimension()});
  added.logits = torch::full({rows.size(), kb.num_labels()}, std::nan(""), torch::kFloat32);
  added.soft_labels = added.logits;
  added.labels = torch::tensor(rows.labels);
  for (std::int64_t i = 0; i < rows.size(); ++i) added.ids.push_back(rows.id(i));
  added.text_a = rows.text_a;
  added.text_b = rows.text_b;
  return added;
}

/// The rows at `positions`; a warning says which others are left out, and why.
data::Dataset kept_rows(const data::Dataset& rows, const std::vector<std::int64_t>& positions,
                        const std::string& path, const std::string& why) {
  if (std::ssize(positions) == rows.size()) return rows;
  std::vector<std::int64_t> out;
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    if (!std::ranges::binary_search(positions, i)) out.push_back(i);
  }
  spdlog::warn("{}: {} of the {} rows of {} have {} there: they are left out ({})", path,
               out.size(), rows.size(), rows.path.string(), why, row_numbers(rows, out));
  if (!positions.empty()) return rows.subset(positions);
  throw base::DataError("{}: no row of {} can be added", path, rows.path.string());
}

}  // namespace

NewRows::NewRows(const BuildKbOptions& options, const data::TaskSettings& settings,
                 const tensor::Compute& compute, run::RunDirectory& run,
                 const retrieval::KnowledgeBase& kb)
    : options_(options), settings_(settings), compute_(compute), run_(run) {
  const bool outputs = !options.teacher_outputs.empty();
  if (outputs) check_outputs(options, kb);
  if (!options.teacher.empty()) {
    check_same_teacher(options, kb);
    if (outputs) return;
    if (distill::is_given_teacher(options.teacher)) {
      throw base::ConfigError(
          "--teacher {}: has outputs of the training rows alone: give those of the new rows with "
          "--teacher-outputs",
          options.teacher);
    }
    teacher_ = std::make_unique<train::Model>(train::load_trained(options.teacher, settings));
  } else if (options.keys.empty() && !outputs) {
    throw base::ConfigError(
        "--extend-files needs keys for the rows: --keys STUDENT for the student's own, or "
        "--teacher (or --teacher-outputs), whose keys {} must have",
        options.extend);
  }
}

NewRows::~NewRows() = default;

retrieval::KnowledgeBase NewRows::make(const data::Dataset& rows,
                                       const retrieval::KnowledgeBase& kb) {
  if (teacher_ != nullptr) return by_teacher(rows);
  return options_.teacher_outputs.empty() ? rows_without_keys(rows, kb) : by_outputs(rows, kb);
}

/// With the teacher's keys and predictions.
retrieval::KnowledgeBase NewRows::by_teacher(const data::Dataset& rows) {
  auto features =
      train::compute_features(*teacher_, rows, settings_, compute_, options_.eval_batch_size);
  const auto keys = distill::load_key_maker(options_.teacher, teacher_->config.hidden_size);
  distill::add_pretrained(features, keys, options_.teacher, rows, settings_, compute_,
                          options_.eval_batch_size);
  return distill::knowledge_base_of(features, keys, rows, settings_.task.kind());
}

/// With the keys and predictions of a file; with --keys alone the keys are still to come.
retrieval::KnowledgeBase NewRows::by_outputs(const data::Dataset& rows,
                                             const retrieval::KnowledgeBase& kb) {
  const auto& path = options_.teacher_outputs;
  run_.add_input(path);
  const distill::TeacherOutputs outputs(path, settings_.task, {data::answered_file(rows)});
  std::optional<distill::KeyMaker> maker;
  std::int64_t width = kb.dimension();
  if (!options_.teacher.empty()) {
    width = distill::embedding_width(options_.teacher);
    maker = distill::load_key_maker(options_.teacher, width);
  } else if (options_.keys.empty()) {
    maker.emplace();
    maker->space = distill::Space::kGiven;
  }
  const bool embeddings = maker && maker->space != distill::Space::kPretrained;
  if (embeddings && outputs.width() != width) {
    throw base::DataError("{}: its embeddings have width {}, those of {} have {}: give such", path,
                          outputs.width(), options_.extend, width);
  }
  auto kept = rows;
  if (embeddings) kept = kept_rows(kept, outputs.embedded(kept), path, "no embedding");
  const auto predicted = outputs.predicted(kept);
  std::vector<std::int64_t> answered;
  for (std::int64_t i = 0; i < kept.size(); ++i) {
    if (kept.labelled(i) || std::ranges::binary_search(predicted, i)) answered.push_back(i);
  }
  kept = kept_rows(kept, answered, path, "no prediction, and no label,");
  auto features = features_of(outputs, embeddings, kept);
  if (!maker) {  // a placeholder until --keys
    maker.emplace();
    maker->space = distill::Space::kGiven;
    features.embeddings = torch::ones({kept.size(), kb.dimension()});
  } else if (!options_.teacher.empty()) {
    distill::add_pretrained(features, *maker, options_.teacher, kept, settings_, compute_,
                            options_.eval_batch_size);
  }
  return distill::knowledge_base_of(features, *maker, kept, settings_.task.kind());
}

}  // namespace reaugkd::stages
