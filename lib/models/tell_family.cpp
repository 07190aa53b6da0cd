#include "models/tell_family.h"

#include <algorithm>
#include <fstream>
#include <vector>

#include "base/error.h"
#include "models/families.h"
#include "models/shard_index.h"

namespace reaugkd::models {
namespace {

namespace fs = std::filesystem;
using base::ArtifactError;
using base::Json;

std::vector<const Family*> all_families() {
  std::vector<const Family*> families;
  for (const auto& name : supported_model_types()) families.push_back(find_family(name));
  return families;
}

/// Whether a class of Python's transformers is one of this family: BertModel, TFBertForMaskedLM.
bool is_class_of(const Family& family, std::string name) {
  const std::string own = family.architecture();
  const std::string stem = own.substr(0, own.find("ForSequenceClassification"));
  for (const std::string other : {"TF", "Flax"}) {
    if (name.starts_with(other)) name.erase(0, other.size());
  }
  if (!name.starts_with(stem)) return false;
  const std::string rest = name.substr(stem.size());
  return rest == "Model" || rest == "LMHeadModel" || rest == "PreTrainedModel" ||
         rest.starts_with("For");
}

/// The names in a safetensors header; none where the file is not one, which its loading says.
std::vector<std::string> names_in(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::uint64_t size = 0;
  std::error_code error;
  const auto whole = fs::file_size(path, error);
  if (!file.read(reinterpret_cast<char*>(&size), sizeof size) || error || size > whole) return {};
  std::string text(size, ' ');
  if (!file.read(text.data(), static_cast<std::streamsize>(size))) return {};
  const auto header = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!header.is_object()) return {};
  std::vector<std::string> names;
  for (const auto& item : header.items()) names.push_back(item.key());
  return names;
}

std::vector<std::string> tensor_names(const fs::path& directory) {
  const fs::path index = directory / "model.safetensors.index.json";
  if (fs::exists(directory / "model.safetensors") || !fs::exists(index)) {
    return names_in(directory / "model.safetensors");
  }
  std::vector<std::string> names;
  for (const auto& shard : read_shard_index(index)) {
    names.insert(names.end(), shard.second.begin(), shard.second.end());
  }
  return names;
}

/// Whether the name is of one of the family's layers, and spelled as the family does, with its
/// prefix or bare.
bool is_of_layer(const Family& family, const std::string& name) {
  const std::string ours = family.our_name(name);
  return ours.starts_with(family.layer_prefix()) &&
         ("." + family.published_name(ours)).ends_with("." + name);
}

/// Whether the family's encoder could have tensors of these names and sizes of this config.json.
bool fits(const Family& family, const std::vector<std::string>& names, const Json& config) {
  const bool has_layers = std::ranges::any_of(
      names, [&](const std::string& name) { return is_of_layer(family, name); });
  if (!has_layers) return false;
  try {
    family.read_config(config, "");
    return true;
  } catch (const ArtifactError&) {
    return false;
  }
}

std::vector<std::string> model_types(const std::vector<const Family*>& families) {
  std::vector<std::string> names;
  for (const auto* family : families) names.push_back(family->model_type());
  return names;
}

}  // namespace

const Family& tell_family(const Json& config, const fs::path& directory, std::string& told_from) {
  const std::string where = (directory / "config.json").string();
  const auto classes = base::json_value(config, "architectures", std::vector<std::string>(), where);
  for (const auto& name : classes) {
    for (const auto* family : all_families()) {
      if (!is_class_of(*family, name)) continue;
      told_from = "its architectures, " + name;
      return *family;
    }
  }
  const auto names = tensor_names(directory);
  std::vector<const Family*> fitting;
  for (const auto* family : all_families()) {
    if (fits(*family, names, config)) fitting.push_back(family);
  }
  if (fitting.size() == 1) {
    told_from = "the names of its tensors";
    return *fitting.front();
  }
  if (fitting.empty()) {
    throw ArtifactError(
        "{}: the key \"model_type\" is missing, and neither \"architectures\" ({}) nor the names "
        "of "
        "the tensors are of a family that is supported: add it, one of {}",
        where, classes.empty() ? "none" : fmt::format("{}", fmt::join(classes, ", ")),
        fmt::join(supported_model_types(), ", "));
  }
  throw ArtifactError(
      "{}: the key \"model_type\" is missing, and the names of the tensors fit {}: add the one "
      "that it is",
      where, fmt::join(model_types(fitting), ", "));
}

}  // namespace reaugkd::models
