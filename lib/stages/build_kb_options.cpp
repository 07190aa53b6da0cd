#include <optional>

#include "base/error.h"
#include "retrieval/indexes.h"
#include "retrieval/kb_manifest.h"
#include "run/run_record.h"
#include "stages/build_kb.h"

namespace reaugkd::stages {
namespace {

std::string resolve_index(BuildKbOptions& options) {
  retrieval::IndexDescription built;
  const auto extended = std::filesystem::path(options.extend) / retrieval::kManifestFile;
  const bool extends = !options.extend.empty();
  if (extends && std::filesystem::exists(extended)) {
    built = retrieval::load_kb_manifest(options.extend).index;
  } else if (const auto made = extends ? run::run_record(options.run.output) : std::nullopt) {
    // --extend is gone since: as the finished run has it
    const auto recorded = [&](const char* name, std::int64_t otherwise) {
      return base::json_value(made->options, name, otherwise, "run.json: options");
    };
    built.options.M = recorded("M", built.options.M);
    built.options.ef_construction = recorded("ef_construction", built.options.ef_construction);
    built.options.ef_search = recorded("ef_search", built.options.ef_search);
  }
  const std::string kind = options.index == "auto" ? built.kind : options.index;
  const bool exact = kind == retrieval::kExactIndex;
  const retrieval::IndexOptions usual;
  if (exact && (options.M.value_or(usual.M) != usual.M ||
                options.ef_construction.value_or(usual.ef_construction) != usual.ef_construction ||
                options.ef_search.value_or(usual.ef_search) != usual.ef_search)) {
    throw base::ConfigError(
        "--M, --ef-construction and --ef-search are about HNSW, the index is exact: leave them "
        "out, or give --index hnsw");
  }
  const auto& hnsw = built.kind == retrieval::kExactIndex ? usual : built.options;
  options.M = options.M.value_or(hnsw.M);
  options.ef_construction = options.ef_construction.value_or(hnsw.ef_construction);
  options.ef_search = options.ef_search.value_or(hnsw.ef_search);
  return kind;
}

}  // namespace

std::string BuildKbOptions::resolve() {
  return resolve_index(*this);
}

void BuildKbOptions::check() const {
  const bool changes = !extend_files.empty() || !remove.empty() || !keys.empty();
  if (extend.empty() && changes) {
    throw base::ConfigError(
        "--extend-files, --remove and --keys need --extend, the knowledge base to change");
  }
  if (extend_files.empty() && (extend_columns != "train" || extend_labels != "teacher")) {
    throw base::ConfigError("--extend-columns and --extend-labels are about --extend-files");
  }
  if (!extend.empty() && !changes) {
    throw base::ConfigError(
        "--extend needs --extend-files to add, --remove ids to remove or --keys to take");
  }
  if (!extend.empty() && cross_fit.folds > 0) {
    throw base::ConfigError(
        "--cross-fit labels the rows that the teacher was trained on; those of --extend are kept "
        "as they are: build the knowledge base anew with --cross-fit, then extend it");
  }
  cross_fit.check();
}

base::OptionList BuildKbOptions::fields() {
  base::OptionList list;
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
      {"eval-batch-size", "Rows", &eval_batch_size, "rows the teacher sees at once", base::kCount});
  data.add_fields(list);
  cross_fit.add_fields(list);
  const char* group = "Index";
  std::vector<std::string> kinds = {"auto"};
  for (const auto& kind : retrieval::index_kinds()) kinds.push_back(kind);
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
            kinds});
  list.add({"M", group, &M, "HNSW: links of a row (not given: as --extend has it, else 16)",
            base::Range{2, 1024}});
  list.add({"ef-construction", group, &ef_construction,
            "HNSW: candidates when a row is inserted (not given: as --extend has it, else 200)",
            base::Range{1, 100000}});
  list.add({"ef-search", group, &ef_search,
            "HNSW: candidates of a search, at least k (not given: as --extend has it, else 128)",
            base::Range{1, 100000}});
  list.add({"index-threads", group, &index_threads,
            "HNSW: threads that insert; more than one is faster, the graph then differs from "
            "run to run",
            base::Range{1, 1024}});
  run.add_fields(list);
  list.at("data").unless = {"extend", "describe"};
  list.at("output").unless = {"describe"};
  return list;
}

}  // namespace reaugkd::stages
