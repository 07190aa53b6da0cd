#include "run/run_directory.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <set>

#include "base/error.h"
#include "base/progress.h"
#include "base/sha256.h"
#include "base/version.h"
#include "run/run_files.h"

namespace reaugkd::run {
namespace {

namespace fs = std::filesystem;

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

OutputMode mode_of(const RunOptions& run) {
  if (run.resume && run.overwrite) {
    throw base::ConfigError("`resume` and `overwrite` exclude one another");
  }
  if (run.resume) return OutputMode::kResume;
  return run.overwrite ? OutputMode::kOverwrite : OutputMode::kFresh;
}

/// The options without those of one start of the command: a run.json given to --config must not
/// replace or resume what another run has written.
base::Json repeatable_options(const base::OptionList& options) {
  base::Json kept = options.to_json();
  kept.erase("resume");
  kept.erase("overwrite");
  return kept;
}

/// Options that change what a stage computes. Not the device: a run may go on on another GPU, and
/// CheckpointPlace::surroundings says so.
base::Json computing_options(const base::Json& options) {
  base::Json kept = options;
  for (const char* key :
       {"resume", "overwrite", "output", "device", "token_cache", "save_steps", "save_minutes"}) {
    kept.erase(key);
  }
  return kept;
}

/// What later stages read of a run's `directory`, or of a folder in it ("trajectory/anchor-1/"), as
/// run.json names it.
std::vector<std::string> files_read_of(const fs::path& directory, const std::string& folder = "") {
  std::vector<std::string> names;
  for (const char* name : kReadByStages) {
    if (fs::exists(directory / (folder + name))) names.push_back(folder + name);
  }
  return names;
}

std::string folder_of(const fs::path& anchor) {
  return "trajectory/" + anchor.filename().string() + "/";
}

/// Those that a result depends on: how a teacher was logged, and where, is in its run.json too.
base::Json computing_inputs(const base::Json& inputs) {
  base::Json result = base::Json::object();
  for (const auto& [path, digest] : inputs.items()) {
    if (fs::path(path).filename() != kTeacherRunFile) result[path] = digest;
  }
  return result;
}

}  // namespace

void RunOptions::add_fields(base::OptionList& list, std::vector<std::string> precisions) {
  list.add({"output", "Run", &output, "directory to write", {}, {}, true});
  list.add({"seed", "Run", &seed, "seed of weights, batch order and dropout", base::kNotNegative});
  list.add({"device", "Run", &device, "auto, cpu, cuda or cuda:n"});
  std::string about = "auto: bf16 for training where the hardware is fast at it";
  if (std::ranges::count(precisions, "int8") > 0) about += "; int8: for CPUs with AVX512-VNNI";
  list.add({"precision", "Run", &precision, about, {}, std::move(precisions)});
  list.add({"threads", "Run", &threads,
            "compute threads, 0: OMP_NUM_THREADS, or one a core that the process may use",
            base::Range{0, 512}});
  list.add({"token-cache", "Run", &token_cache,
            "folder that keeps the rows' token ids for later stages and runs"});
  list.add({"resume", "Run", &resume,
            "start, go on where an earlier run was stopped, or do nothing if it has finished"});
  list.add(
      {"overwrite", "Run", &overwrite, "replace what is in --output, once the new run is done"});
}

bool already_finished(const std::string& command, const base::OptionList& options,
                      const base::OptionList& defaults, const RunOptions& run) {
  mode_of(run);  // throws where the flags exclude one another
  const fs::path directory = run.output;
  if (!run.resume) return false;
  const auto before = run_record(directory);
  if (!before) return false;
  const bool finished = is_finished(directory);
  base::Json options_before = defaults.to_json();  // those that its version did not know
  options_before.update(before->options);
  const auto differing = base::differences(
      {{"command", before->command},
       {"options", with_real_paths(computing_options(options_before))}},
      {{"command", command}, {"options", with_real_paths(computing_options(options.to_json()))}});
  if (!differing.empty()) {
    throw base::ConfigError(
        "`resume`: {} holds {} run with other options ({}); use them, or `overwrite`, or another "
        "`output`",
        run.output, finished ? "a finished" : "an unfinished", fmt::join(differing, "; "));
  }
  if (!finished) return false;
  if (const auto changed = changed_inputs(computing_inputs(before->inputs)); !changed.empty()) {
    throw base::ConfigError(
        "`resume`: {} holds a finished run of other inputs ({}); put them back, or `overwrite`, or "
        "another `output`",
        run.output, fmt::join(changed, "; "));
  }
  std::error_code ignored;
  fs::remove(directory / kCheckpointFile, ignored);  // of a run that was killed as it finished
  clear_lock(directory);
  spdlog::info("{} is already finished with these options and inputs: nothing to do", run.output);
  return true;
}

/// run.log as one more sink of the process's logger, for as long as the stage runs.
struct RunDirectory::LogFile {
  LogFile(const fs::path& path, bool append)
      : sink(std::make_shared<spdlog::sinks::basic_file_sink_mt>(path.string(),
                                                                 /*truncate=*/!append)) {
    sink->set_pattern("%Y-%m-%d %H:%M:%S  %l  %v");
    spdlog::default_logger()->flush_on(spdlog::level::info);  // a killed run has its log too
    spdlog::default_logger()->sinks().push_back(sink);
  }
  ~LogFile() {
    auto& sinks = spdlog::default_logger()->sinks();
    sinks.erase(std::remove(sinks.begin(), sinks.end(), sink), sinks.end());
  }
  std::shared_ptr<spdlog::sinks::sink> sink;
};

RunDirectory::RunDirectory(Prepared, std::string command, const base::OptionList& options,
                           const RunOptions& run)
    : command_(std::move(command)),
      options_(repeatable_options(options)),
      resume_(run.resume),
      in_place_(run.in_place),
      output_(run.output, mode_of(run),
              [this](const fs::path& directory) { check_replaceable(command_, directory); }),
      start_(now_seconds()) {}

// The other constructor has made an object, so ~RunDirectory cleans up where this throws.
RunDirectory::RunDirectory(std::string command, const base::OptionList& options,
                           const base::OptionList& defaults, const RunOptions& run)
    : RunDirectory(Prepared{}, std::move(command), options, run) {
  usual_options_ = computing_options(defaults.to_json());
  try {
    log_ = std::make_unique<LogFile>(path() / kLogFile, /*append=*/resume_);
  } catch (const spdlog::spdlog_ex& error) {
    throw base::IoError("{}: cannot be written: {}", (path() / kLogFile).string(), error.what());
  }
  spdlog::info("reaugkd {}{}", command_, options.flags_beside(defaults));
  write_run_json();
}

RunDirectory::~RunDirectory() {
  log_.reset();
  output_.remove_if_only({kRunFile, kLogFile});
}

void RunDirectory::add_input(const fs::path& file, const std::string& sha256) {
  std::error_code error;
  const fs::path whole = fs::weakly_canonical(file, error);
  const fs::path& target = output_.final_path();
  if (output_.replaces() && !in_place_ && !error &&
      std::mismatch(target.begin(), target.end(), whole.begin(), whole.end()).first ==
          target.end()) {
    throw base::ConfigError(
        "`overwrite`: `output` {} holds {}, which this run reads: name another `output`",
        target.string(), file.string());
  }
  inputs_[base::json_text(file.string())] = sha256.empty() ? base::sha256_of_file(file) : sha256;
}

void RunDirectory::add_input_directory(const fs::path& directory) {
  require_finished(directory);
  for (const std::string& folder : {std::string(), std::string(kPretrainedFolder) + "/"}) {
    for (const auto& name : files_read_of(directory, folder)) add_input(directory / name);
  }
  check_unchanged(directory);
  if (!fs::exists(directory / "model.safetensors.index.json")) return;
  std::set<fs::path> shards;  // in order of name
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().filename().string().starts_with("model-")) shards.insert(entry.path());
  }
  for (const auto& shard : shards) add_input(shard);
}

void RunDirectory::add_anchor(const fs::path& teacher, const fs::path& anchor) {
  const auto record = run_record(teacher);
  for (const auto& name : files_read_of(teacher, folder_of(anchor))) {
    add_input(teacher / name);
    if (record) check_unchanged(teacher, *record, name);
  }
}

void RunDirectory::check_unchanged(const fs::path& directory) const {
  const auto record = run_record(directory);
  if (!record) return;  // a model from elsewhere
  for (const std::string name : kReadByStages) {
    check_unchanged(directory, *record, name);
    check_unchanged(directory, *record, std::string(kPretrainedFolder) + "/" + name);
  }
}

void RunDirectory::check_unchanged(const fs::path& directory, const RunRecord& record,
                                   const std::string& name) const {
  if (!record.outputs.contains(name)) return;
  const std::string where = (directory / kRunFile).string();
  const auto written = base::json_at<std::string>(record.outputs, name, where + ": outputs");
  const base::Json& found =
      inputs_.value(base::json_text((directory / name).string()), base::Json());
  if (found == written) return;
  throw base::ArtifactError(
      "{}: {}, but {} says that it was written with sha256 {}: the file was changed or did not "
      "arrive whole; copy the directory again, or run its stage again",
      (directory / name).string(),
      found.is_null() ? "is missing" : "has sha256 " + found.get<std::string>(), where, written);
}

std::string RunDirectory::inputs_digest() const {
  std::string digests;
  for (const auto& [path, digest] : inputs_.items()) digests += digest.get<std::string>() + '\n';
  return base::sha256(digests);
}

void RunDirectory::set_machine(const std::string& device, const std::string& precision,
                               const std::string& description, int threads) {
  machine_["device"] = device;
  machine_["precision"] = precision;
  machine_["description"] = description;
  machine_["threads"] = threads;
  spdlog::info("computes on {} in {} ({})", device, precision, description);
}

CheckpointPlace RunDirectory::checkpoint_place() const {
  CheckpointPlace checkpoint;
  // A run that replaces an older one keeps nothing when it is stopped: it starts over.
  if (!output_.replaces()) checkpoint.path = path() / kCheckpointFile;
  checkpoint.resume = resume_;
  checkpoint.identity = {{"options", computing_options(options_)}, {"inputs", inputs_}};
  checkpoint.usual_options = usual_options_;
  checkpoint.surroundings = {{"version", base::version()}, {"machine", machine_}};
  return checkpoint;
}

void RunDirectory::write_run_json(const base::Json& outputs) const {
  base::Json run;
  run["format"] = base::kRunFormat;
  run["command"] = command_;
  run["version"] = base::version();
  std::error_code gone;
  run["working_directory"] = base::json_text(fs::current_path(gone).string());
  run["options"] = options_;
  run["machine"] = machine_;
  run["inputs"] = inputs_;
  if (!outputs.is_null()) run["outputs"] = outputs;
  base::write_json(path() / kRunFile, run);
}

void RunDirectory::finish(base::Json metrics) {
  base::Json outputs = base::Json::object();
  const auto record = [&](const std::string& folder) {
    for (const auto& name : files_read_of(path(), folder)) {
      outputs[name] = base::sha256_of_file(path() / name);
    }
  };
  record("");
  record(std::string(kPretrainedFolder) + "/");
  std::error_code none;
  std::set<fs::path> anchors;  // in order of name
  for (const auto& anchor : fs::directory_iterator(path() / "trajectory", none)) {
    anchors.insert(anchor.path());
  }
  for (const auto& anchor : anchors) record(folder_of(anchor));
  write_run_json(outputs);
  metrics["timing"]["total_seconds"] = seconds();
  base::write_json(path() / kMetricsFile, metrics);
  std::error_code ignored;
  fs::remove(path() / kCheckpointFile, ignored);
  output_.finish();
  spdlog::info("{} finished in {}: {}", command_, base::duration_text(seconds()),
               output_.final_path().string());
}

double RunDirectory::seconds() const {
  return now_seconds() - start_;
}

}  // namespace reaugkd::run
