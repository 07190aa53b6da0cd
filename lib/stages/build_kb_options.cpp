#include <optional>

#include "base/error.h"
#include "retrieval/indexes.h"
#include "retrieval/kb_manifest.h"
#include "run/run_record.h"
#include "stages/build_kb.h"

namespace reaugkd::stages {
namespace {

/// What is known of the index that --extend has.
struct Extended {
  std::string asked_for = "auto";  // `index` of the run that made it
  retrieval::IndexDescription built;
};

Extended extended_index_of(const BuildKbOptions& options) {
  Extended extended;
  if (options.extend.empty()) return extended;
  const bool there =
      std::filesystem::exists(std::filesystem::path(options.extend) / retrieval::kManifestFile);
  if (there) extended.built = retrieval::load_kb_manifest(options.extend).index;
  // --extend is gone since: as the finished run has it
  const auto made = run::run_record(there ? options.extend : options.run.output);
  if (!made) return extended;
  const std::string where = "run.json: options";
  extended.asked_for = base::json_value<std::string>(made->options, "index", "auto", where);
  if (there) return extended;
  auto& built = extended.built.options;
  built.M = base::json_value(made->options, "M", built.M, where);
  built.ef_construction =
      base::json_value(made->options, "ef_construction", built.ef_construction, where);
  return extended;
}

}  // namespace

retrieval::IndexOptions BuildKbOptions::resolve() {
  if (in_place) {
    if (extend.empty()) throw base::ConfigError("--in-place is about --extend");
    if (!run.output.empty()) {
      throw base::ConfigError("--in-place changes {}: leave --output out", extend);
    }
    run.output = extend;
    run.overwrite = true;
    run.in_place = true;
  }
  const Extended extended = extended_index_of(*this);
  const retrieval::IndexOptions usual;
  const bool for_hnsw = M.value_or(usual.M) != usual.M ||
                        ef_construction.value_or(usual.ef_construction) != usual.ef_construction ||
                        ef_search.value_or(usual.ef_search) != usual.ef_search;
  if (index == "auto") index = extended.asked_for;
  if (index == retrieval::kExactIndex && for_hnsw) {
    throw base::ConfigError(
        "--M, --ef-construction and --ef-search are about HNSW, the index is exact: leave them "
        "out, or give --index hnsw");
  }
  if (index == "auto" && for_hnsw) index = "hnsw";
  const bool exact = extended.built.kind == retrieval::kExactIndex;
  const auto& hnsw = exact ? usual : extended.built.options;
  M = M.value_or(hnsw.M);
  ef_construction = ef_construction.value_or(hnsw.ef_construction);
  return {*M, *ef_construction, ef_search.value_or(hnsw.ef_search),
          static_cast<std::uint64_t>(run.seed), static_cast<int>(index_threads)};
}

std::string BuildKbOptions::index_kind(std::int64_t rows) const {
  if (index != "auto") return index;
  return rows < retrieval::kRowsForHnsw ? retrieval::kExactIndex : "hnsw";
}

void BuildKbOptions::check() const {
  const bool changes = !extend_files.empty() || !remove.empty() || !remove_where.empty() ||
                       !relabel.empty() || !keys.empty();
  if (extend.empty() && changes) {
    throw base::ConfigError(
        "--extend-files, --remove, --remove-where, --relabel and --keys need --extend, the "
        "knowledge base to change");
  }
  const bool layout_of_nothing = !extend.empty() && data.columns().any();
  if (extend_files.empty() &&
      (extend_columns != "train" || extend_labels != "auto" || layout_of_nothing)) {
    throw base::ConfigError(
        "--extend-columns, --extend-labels and, with --extend, the options of columns are about "
        "--extend-files");
  }
  if (!data.text_column.empty() && extend_columns != "train") {
    throw base::ConfigError("--extend-columns: --text-column says what the columns are");
  }
  if (!extend.empty() && !changes) {
    throw base::ConfigError(
        "--extend needs something to do: --extend-files to add, --remove or --remove-where, "
        "--relabel, or --keys to take");
  }
  if (!extend.empty() && cross_fit.folds > 0) {
    throw base::ConfigError(
        "--cross-fit labels the rows that the teacher was trained on; those of --extend are kept "
        "as they are: build the knowledge base anew with --cross-fit, then extend it");
  }
  if (keys.empty() && keep_keys != "student") {
    throw base::ConfigError("--keep-keys chooses between the keys of --keys and the teacher's");
  }
  if (!teacher_outputs.empty()) check_outputs();
  cross_fit.check();
}

void BuildKbOptions::check_outputs() const {
  if (!extend.empty()) {
    if (!extend_files.empty()) return;
    throw base::ConfigError("--teacher-outputs: with --extend they are of --extend-files");
  }
  if (!teacher.empty()) {
    throw base::ConfigError(
        "--teacher and --teacher-outputs exclude one another where a knowledge base is built: give "
        "the directory of project, or a file of outputs whose embeddings become the keys as they "
        "are");
  }
  if (cross_fit.folds > 0) {
    throw base::ConfigError(
        "--cross-fit fine-tunes teachers, and that of --teacher-outputs is no model here: give "
        "outputs that were made without the row (cross_val_predict of scikit-learn)");
  }
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
            {"teacher-outputs", "extend", "describe"}});
  list.add(
      {"teacher-outputs", "Model", &teacher_outputs,
       "a file with another teacher's embeddings, which become the keys, and predictions of "
       "the rows (.safetensors, .npz, .npy, .jsonl); with --extend: of those of --extend-files"});
  list.add({"extend", "Rows", &extend,
            "a knowledge base to change: rows are added, removed or corrected, or the keys become "
            "another's; it stays as it is but for --in-place"});
  list.add({"in-place", "Rows", &in_place,
            "the result takes the place of --extend when all is done, in one step"});
  list.add({"extend-files", "Rows", &extend_files,
            "files of rows to add, with labels or without, .tsv, .csv or .jsonl; a label that "
            "nobody knows is a new class"});
  list.add({"extend-columns",
            "Rows",
            &extend_columns,
            "these files' columns are those of",
            {},
            {"train", "dev", "test"}});
  list.add({"extend-labels",
            "Rows",
            &extend_labels,
            "what these rows answer: the teacher's prediction; their labels; given probabilities, "
            "in columns p_<label> of each class (regression: score); or (auto) the label, where "
            "there is none the teacher's prediction",
            {},
            {"auto", "teacher", "labels", "given"}});
  list.add({"remove", "Rows", &remove, "ids of rows to remove, as in examples.tsv"});
  list.add({"remove-where", "Rows", &remove_where,
            "remove the rows that all of these hold of: label=NAME, file=ID (the digits before the "
            "colon of an id)"});
  list.add({"relabel", "Rows", &relabel,
            "a file with columns id and label (.tsv, .csv, .jsonl): these labels answer for these "
            "rows"});
  list.add(
      {"keys", "Rows", &keys,
       "a student: its own embeddings of the rows of --extend become the keys that it is to ask, "
       "in place of the teacher's"});
  list.add({"keep-keys",
            "Rows",
            &keep_keys,
            "student: the keys of --keys; better: the teacher's stay where they find the label of "
            "more rows that the student was not trained on",
            {},
            {"student", "better"}});
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
            "hnsw, exact (no index file), or auto: as it was given for --extend, else exact below "
            "10,000 rows and hnsw from there on",
            {},
            kinds});
  list.add({"M", group, &M, "HNSW: links of a row (not given: as --extend has it, else 16)",
            base::Range{2, 1024}});
  list.add({"ef-construction", group, &ef_construction,
            "HNSW: candidates when a row is inserted (not given: as --extend has it, else 200)",
            base::Range{1, 100000}});
  list.add({"ef-search", group, &ef_search,
            "HNSW: candidates of a search, at least k (not given: as --extend has it, else 128, "
            "and more "
            "where answers differ from an exact search's)",
            base::Range{1, 100000}});
  list.add({"index-threads", group, &index_threads,
            "HNSW: threads that insert; more than one is faster, the graph then differs from "
            "run to run",
            base::Range{1, 1024}});
  run.add_fields(list);
  list.at("data").unless = {"extend", "describe"};
  list.at("output").unless = {"describe", "in-place"};
  return list;
}

}  // namespace reaugkd::stages
