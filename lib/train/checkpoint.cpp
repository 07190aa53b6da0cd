#include "train/checkpoint.h"

#include <spdlog/spdlog.h>

#include "core/error.h"
#include "core/run_record.h"

namespace reaugkd::train {
namespace {

using core::Json;

constexpr int kFormat = 2;                          // 1 had no "updates"
constexpr const char* kKey = "reaugkd_checkpoint";  // of the file's metadata

Json header_of(const CheckpointOptions& options) {
  const auto metadata = tensor::load_metadata(options.path);
  const auto found = metadata.find(kKey);
  const Json header = found == metadata.end()
                          ? Json()
                          : Json::parse(found->second, nullptr, /*allow_exceptions=*/false);
  const std::string where = options.path.string();
  if (!header.is_object()) throw core::ArtifactError("{}: is not a checkpoint", where);
  const auto format = core::json_at<std::int64_t>(header, "format", where);
  if (format != kFormat) {
    throw core::ArtifactError(
        "{}: has format {}, this version reads {}; start again with --overwrite", where, format,
        kFormat);
  }
  return header;
}

}  // namespace

void save_checkpoint(const CheckpointOptions& options, const Checkpoint& checkpoint) {
  const Json header = {{"format", kFormat},
                       {"identity", options.identity},
                       {"surroundings", options.surroundings},
                       {"progress", checkpoint.progress}};
  tensor::save_safetensors(options.path, checkpoint.tensors, {{kKey, header.dump()}});
}

std::optional<Checkpoint> load_checkpoint(const CheckpointOptions& options) {
  if (!options.resume || options.path.empty() || !std::filesystem::exists(options.path)) return {};
  const Json header = header_of(options);
  const std::string where = options.path.string();
  const auto differing =
      core::differences(core::with_real_paths(header.value("identity", Json::object())),
                        core::with_real_paths(options.identity));
  if (!differing.empty()) {
    throw core::ConfigError(
        "--resume: {} was written with other options or inputs ({}); put them back, or start again "
        "with --overwrite",
        where, fmt::join(differing, "; "));
  }
  const auto other =
      core::differences(header.value("surroundings", Json::object()), options.surroundings);
  if (!other.empty()) {
    spdlog::warn(
        "{} was written elsewhere ({}): the result may not be that of a run that was not stopped",
        where, fmt::join(other, "; "));
  }
  return Checkpoint{header.value("progress", Json::object()),
                    tensor::load_safetensors(options.path)};
}

}  // namespace reaugkd::train
