#include "train/checkpoint.h"

#include <spdlog/spdlog.h>

#include "base/error.h"
#include "parallel/ranks.h"
#include "run/run_record.h"

namespace reaugkd::train {
namespace {

using base::Json;

constexpr int kFormat = 2;                          // 1 had no "updates"
constexpr const char* kKey = "reaugkd_checkpoint";  // of the file's metadata

Json header_of(const run::CheckpointPlace& place) {
  const auto metadata = tensor::load_metadata(place.path);
  const auto found = metadata.find(kKey);
  const Json header = found == metadata.end()
                          ? Json()
                          : Json::parse(found->second, nullptr, /*allow_exceptions=*/false);
  const std::string where = place.path.string();
  if (!header.is_object()) throw base::ArtifactError("{}: is not a checkpoint", where);
  const auto format = base::json_at<std::int64_t>(header, "format", where);
  if (format != kFormat) {
    throw base::ArtifactError(
        "{}: has format {}, this version reads {}; start again with `overwrite`", where, format,
        kFormat);
  }
  const Json identity = header.value("identity", Json::object());
  if (!identity.is_null() &&  // of a caller that gives none
      (!identity.is_object() || !identity.value("options", Json::object()).is_object())) {
    throw base::ArtifactError("{}: its options are no object", where);
  }
  return header;
}

}  // namespace

void save_checkpoint(const run::CheckpointPlace& place, const Checkpoint& checkpoint) {
  const Json header = {{"format", kFormat},
                       {"identity", place.identity},
                       {"surroundings", place.surroundings},
                       {"progress", checkpoint.progress}};
  tensor::save_safetensors(place.path, checkpoint.tensors, {{kKey, header.dump()}});
}

std::optional<Checkpoint> load_checkpoint(const run::CheckpointPlace& place) {
  if (!place.resume || place.path.empty() || !std::filesystem::exists(place.path)) return {};
  const Json header = header_of(place);
  const std::string where = place.path.string();
  Json identity = header.value("identity", Json::object());
  for (const auto& [name, value] : place.usual_options.items()) {
    Json& options = identity["options"];
    if (!options.contains(name)) options[name] = value;
  }
  const auto differing =
      base::differences(run::with_real_paths(identity), run::with_real_paths(place.identity));
  if (!differing.empty()) {
    throw base::ConfigError(
        "`resume`: {} was written with other options or inputs ({}); put them back, or start again "
        "with `overwrite`",
        where, fmt::join(differing, "; "));
  }
  const auto other =
      base::differences(header.value("surroundings", Json::object()), place.surroundings);
  if (!other.empty()) {
    spdlog::warn(
        "{} was written elsewhere ({}): the result may not be that of a run that was not stopped",
        where, fmt::join(other, "; "));
  }
  return Checkpoint{header.value("progress", Json::object()), tensor::load_safetensors(place.path)};
}

std::optional<Checkpoint> of_first_rank(std::optional<Checkpoint> own) {
  if (parallel::size() == 1) return own;
  Json header = Json::array();
  if (own) {
    header.push_back(own->progress);
    for (const auto& [name, tensor] : own->tensors) {
      header.push_back({name, static_cast<int>(tensor.scalar_type()), tensor.sizes().vec()});
    }
  }
  header = Json::parse(parallel::text_of_first(header.dump()));
  if (header.empty()) return {};
  Checkpoint checkpoint{header[0], {}};
  for (std::size_t i = 1; i < header.size(); ++i) {
    const auto name = header[i][0].get<std::string>();
    const auto dtype = static_cast<torch::ScalarType>(header[i][1].get<int>());
    auto tensor = own ? own->tensors.at(name)
                      : torch::empty(header[i][2].get<std::vector<std::int64_t>>(), dtype);
    parallel::copy_of_first(tensor);
    checkpoint.tensors[name] = tensor;
  }
  return checkpoint;
}

}  // namespace reaugkd::train
