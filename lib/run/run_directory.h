// What every stage does around its work: check the output directory, choose device and precision,
// keep run.log, and write run.json first and metrics.json last.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/options.h"
#include "run/output_directory.h"
#include "run/run_record.h"

namespace reaugkd::run {

/// Where a stage keeps the state that it can go on from, and when it may.
struct CheckpointPlace {
  std::filesystem::path path;  // empty: none is written
  bool resume = false;         // go on from it where it is there
  base::Json identity;         // options and inputs: equal, or the run cannot go on
  base::Json usual_options;    // the values of options that an older version did not record
  base::Json surroundings;     // version and machine: a difference is logged
};

/// Options of every stage.
struct RunOptions {
  std::string output;  // directory to write
  std::int64_t seed = 42;
  std::string device = "auto";
  std::string precision = "auto";
  std::int64_t threads = 0;  // 0: tensor::available_threads()
  std::string token_cache;   // empty: token ids are not kept
  bool resume = false;
  bool overwrite = false;
  bool in_place = false;  // no option: `output` is an input too, which the result replaces

  /// `precisions` are those that the stage can compute in.
  void add_fields(base::OptionList& list,
                  std::vector<std::string> precisions = {"auto", "fp32", "bf16"});
};

/// With --resume: whether this stage has already finished in the output directory. Throws
/// ConfigError, naming what differs, where a run with other options began or finished there; an
/// option that an older version did not record has its default.
bool already_finished(const std::string& command, const base::OptionList& options,
                      const base::OptionList& defaults, const RunOptions& run);

class RunDirectory {
 public:
  /// Prepares the output directory and starts run.log with the command, as far as it differs from
  /// `defaults`. Throws ConfigError or IoError.
  RunDirectory(std::string command, const base::OptionList& options,
               const base::OptionList& defaults, const RunOptions& run);
  /// A stage that failed before it wrote anything of its own leaves nothing behind.
  ~RunDirectory();
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  const std::filesystem::path& path() const { return output_.path(); }
  /// Where the training loop keeps its state, and what must be the same for it to go on from there.
  CheckpointPlace checkpoint_place() const;
  /// Notes a file that the result depends on: its sha256 goes into run.json. Where `sha256` is
  /// empty it is computed from the file as it is now.
  void add_input(const std::filesystem::path& file, const std::string& sha256 = "");
  /// The same for a model or knowledge base directory: each file a stage reads from it. Throws
  /// ArtifactError where its run has not finished, or where a file is not the one that it wrote.
  void add_input_directory(const std::filesystem::path& directory);
  /// The same for one of a teacher's anchors (methods/trajectory.h), which its run has recorded.
  void add_anchor(const std::filesystem::path& teacher, const std::filesystem::path& anchor);
  /// One sha256 over the contents of all inputs noted so far, wherever they lie.
  std::string inputs_digest() const;
  /// What the computation ran on, for run.json.
  void set_machine(const std::string& device, const std::string& precision,
                   const std::string& description, int threads);
  /// Writes run.json and, last, metrics.json with `metrics` and timing.total_seconds; the directory
  /// is then finished and, with --overwrite, swapped in.
  void finish(base::Json metrics);
  double seconds() const;

 private:
  struct Prepared {};
  RunDirectory(Prepared, std::string command, const base::OptionList& options,
               const RunOptions& run);
  void check_unchanged(const std::filesystem::path& directory) const;
  void check_unchanged(const std::filesystem::path& directory, const RunRecord& record,
                       const std::string& name) const;
  void write_run_json(const base::Json& outputs = {}) const;

  struct LogFile;
  std::string command_;
  base::Json options_;
  base::Json usual_options_;  // their defaults
  bool resume_;
  bool in_place_;
  OutputDirectory output_;
  base::Json inputs_ = base::Json::object();
  base::Json machine_ = base::Json::object();
  double start_;
  std::unique_ptr<LogFile> log_;
};

}  // namespace reaugkd::run
