#include "run/run_files.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "run/output_directory.h"
#include "run/run_record.h"

namespace reaugkd::run {
namespace {

namespace fs = std::filesystem;

/// What else stages write into --output; one '*' stands for anything.
constexpr std::array kWrittenByStages = {kRunFile,
                                         kMetricsFile,
                                         kLogFile,
                                         kCheckpointFile,
                                         ".lock",
                                         "train_log.jsonl",
                                         "kb.safetensors",
                                         "index.hnsw",
                                         "examples.tsv",
                                         "history.json",
                                         "predictions.tsv",
                                         "predictions_mismatched.tsv",
                                         "probabilities.safetensors",
                                         "classes.tsv",
                                         "classes_mismatched.tsv",
                                         "confusion.tsv",
                                         "confusion_mismatched.tsv",
                                         "sweep.tsv",
                                         "embeddings.tsv",
                                         "latency.tsv",
                                         "explain.txt",
                                         "setting.json",
                                         kPoolingFolder,
                                         "MODEL_CARD.md",
                                         "SHA256SUMS",
                                         "CoLA.tsv",
                                         "SST-2.tsv",
                                         "MRPC.tsv",
                                         "QQP.tsv",
                                         "STS-B.tsv",
                                         "MNLI-m.tsv",
                                         "MNLI-mm.tsv",
                                         "QNLI.tsv",
                                         "RTE.tsv",
                                         "WNLI.tsv",
                                         "fold-*.safetensors",
                                         "checkpoint-fold-*.safetensors",
                                         "train_log-fold-*.jsonl"};

bool matches(std::string_view name, std::string_view pattern) {
  const auto star = pattern.find('*');
  if (star == pattern.npos) return name == pattern;
  return name.size() + 1 > pattern.size() && name.starts_with(pattern.substr(0, star)) &&
         name.ends_with(pattern.substr(star + 1));
}

bool is_written_by_stages(const fs::path& relative) {
  const std::string name = relative.filename().string();
  if (name.find(base::kTemporaryMark) != name.npos) return true;
  const auto is = [&](const char* pattern) { return matches(name, pattern); };
  const bool known = std::any_of(kReadByStages.begin(), kReadByStages.end(), is) ||
                     std::any_of(kWrittenByStages.begin(), kWrittenByStages.end(), is);
  const fs::path folder = relative.parent_path();
  if (folder.filename() == kPoolingFolder)
    return name == "config.json" && is_written_by_stages(folder);
  if (folder.empty())
    return known || name == "trajectory" || name == kPretrainedFolder || name == kKbFolder;
  if (folder == kPretrainedFolder) return known || matches(name, "model-*.safetensors");
  if (folder == kKbFolder) return known;
  if (folder == "trajectory") return name.starts_with("anchor-");
  return folder.parent_path() == "trajectory" && known;
}

}  // namespace

void check_replaceable(const std::string& command, const fs::path& directory) {
  const auto refuse = [&](const std::string& why) {
    throw base::ConfigError("`overwrite`: {} {}; nothing was changed", directory.string(), why);
  };
  std::optional<RunRecord> record;
  try {
    record = run_record(directory);
  } catch (const base::Error& error) {
    refuse(fmt::format("is not known to be a run of reaugkd's ({}): name another `output`",
                       error.what()));
  }
  if (record && record->command != command) {
    refuse(fmt::format("holds a run of {}, not of {}: name another `output`, or remove it yourself",
                       record->command, command));
  }
  std::vector<std::string> foreign;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    const fs::path relative = entry.path().lexically_relative(directory);
    if (!is_written_by_stages(relative)) foreign.push_back(base::json_text(relative.string()));
  }
  if (foreign.empty()) return;
  std::sort(foreign.begin(), foreign.end());
  const std::size_t shown = std::min<std::size_t>(foreign.size(), 3);
  refuse(fmt::format(
      "holds what no run writes ({}{}): move it, or name another `output`",
      fmt::join(foreign.begin(), foreign.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
      foreign.size() > shown ? ", ..." : ""));
}

}  // namespace reaugkd::run
