#include "models/sentence_folder.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace reaugkd::models {
namespace {

namespace fs = std::filesystem;
using base::ArtifactError;
using base::Json;

constexpr const char* kModulesFile = "modules.json";
constexpr const char* kLengthFile = "sentence_bert_config.json";
constexpr const char* kPoolingFolder = "1_Pooling";

/// Its name in 1_Pooling/config.json: the key of older versions, true or false, and the value of
/// "pooling_mode" of newer ones.
struct PoolingKey {
  const char* key;
  const char* mode;
  std::optional<Pooling> pooling = std::nullopt;
};
const std::array kPoolingKeys = {
    PoolingKey{"pooling_mode_cls_token", "cls", Pooling::kCls},
    PoolingKey{"pooling_mode_mean_tokens", "mean", Pooling::kMean},
    PoolingKey{"pooling_mode_max_tokens", "max", Pooling::kMax},
    PoolingKey{"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens"},
    PoolingKey{"pooling_mode_weightedmean_tokens", "weightedmean"},
    PoolingKey{"pooling_mode_lasttoken", "lasttoken"}};

struct Module {
  std::string kind;  // "Pooling" of sentence_transformers.models.Pooling
  std::string path;
};

std::vector<Module> read_modules(const fs::path& directory) {
  const fs::path path = directory / kModulesFile;
  const std::string where = path.string();
  const Json list = Json::parse(base::read_file(path), nullptr, /*allow_exceptions=*/false);
  if (!list.is_array() || list.empty()) {
    throw ArtifactError("{}: expected a JSON list of modules", where);
  }
  std::vector<Module> modules;
  for (const auto& entry : list) {
    const auto type = base::json_at<std::string>(entry, "type", where);
    modules.push_back({type.substr(type.rfind('.') + 1),
                       base::json_value<std::string>(entry, "path", "", where)});
  }
  return modules;
}

/// The modes that are asked for, all of which the library puts side by side.
std::vector<std::string> pooling_modes(const Json& config, const std::string& where) {
  if (config.contains("pooling_mode")) {
    if (config["pooling_mode"].is_string()) return {config["pooling_mode"].get<std::string>()};
    return base::json_at<std::vector<std::string>>(config, "pooling_mode", where);
  }
  std::vector<std::string> modes;
  for (const auto& known : kPoolingKeys) {
    if (base::json_value(config, known.key, false, where)) modes.emplace_back(known.mode);
  }
  return modes.empty() ? std::vector<std::string>{"mean"} : modes;  // the library's default
}

void read_pooling(SentenceFolder& folder, const fs::path& path, const std::string& name) {
  if (!fs::exists(path)) {
    folder.missing = name;
    folder.refused = fmt::format("{} is not there", name);
    return;
  }
  const auto modes = pooling_modes(base::read_json(path), path.string());
  if (modes.size() != 1) {
    folder.refused = fmt::format("{} pools by {} at once", name, fmt::join(modes, " and "));
    return;
  }
  const auto known = std::ranges::find(kPoolingKeys, modes.front(), &PoolingKey::mode);
  if (known == kPoolingKeys.end() || !known->pooling) {
    folder.refused = fmt::format("{} pools by {}", name, modes.front());
    return;
  }
  folder.pooling = known->pooling;
}

void read_poolings(SentenceFolder& folder, const std::vector<Module>& modules,
                   const fs::path& directory) {
  for (std::size_t i = 1; i < modules.size(); ++i) {
    const auto& module = modules[i];
    if (module.kind == "Normalize" || module.kind == "Dropout") continue;
    if (module.kind == "Pooling" && !folder.pooling) {
      const std::string name = module.path + "/config.json";
      read_pooling(folder, directory / name, name);
    } else {
      folder.pooling.reset();
      folder.refused = fmt::format("{} has the module {}", kModulesFile, module.kind);
    }
    if (!folder.refused.empty()) return;
  }
  if (!folder.pooling) folder.refused = std::string(kModulesFile) + " has no Pooling";
}

/// The first version of the library called the file by the family.
fs::path length_file(const fs::path& directory) {
  for (const char* family : {"bert", "roberta", "distilbert", "albert", "xlm-roberta"}) {
    const fs::path path = directory / fmt::format("sentence_{}_config.json", family);
    if (fs::exists(path)) return path;
  }
  return "";
}

/// In new folders the tokenizer's model_max_length, which may be 1e30 for "none".
void read_length(SentenceFolder& folder, const fs::path& directory) {
  const fs::path path = length_file(directory);
  const Json config = path.empty() ? Json::object() : base::read_json(path);
  const auto is_given = [](const Json& json, const char* key) {
    return json.contains(key) && !json[key].is_null();
  };
  if (is_given(config, "do_lower_case")) {
    folder.do_lower_case = base::json_at<bool>(config, "do_lower_case", path.string());
  }
  if (is_given(config, "max_seq_length")) {
    folder.max_seq_length = base::json_at<std::int64_t>(config, "max_seq_length", path.string());
    if (*folder.max_seq_length >= 3) return;
    throw ArtifactError("{}: max_seq_length is {}, expected 3 or more tokens", path.string(),
                        *folder.max_seq_length);
  }
  const fs::path tokenizer = directory / "tokenizer_config.json";
  if (!fs::exists(tokenizer)) return;
  const Json json = base::read_json(tokenizer);
  if (!json.contains("model_max_length") || !json["model_max_length"].is_number()) return;
  const auto length = json["model_max_length"].get<double>();
  if (length >= 3 && length < 1e9) folder.max_seq_length = static_cast<std::int64_t>(length);
}

void read_prompt(SentenceFolder& folder, const fs::path& directory) {
  const fs::path path = directory / "config_sentence_transformers.json";
  if (!fs::exists(path)) return;
  const Json json = base::read_json(path);
  if (!json.contains("default_prompt_name") || !json["default_prompt_name"].is_string()) return;
  const auto prompts = base::json_value(json, "prompts", Json::object(), path.string());
  folder.default_prompt = base::json_value<std::string>(
      prompts, json["default_prompt_name"].get<std::string>(), "", path.string() + ": prompts");
}

}  // namespace

std::optional<SentenceFolder> read_sentence_folder(const fs::path& directory) {
  if (!fs::exists(directory / kModulesFile)) return std::nullopt;
  SentenceFolder folder;
  read_poolings(folder, read_modules(directory), directory);
  read_length(folder, directory);
  read_prompt(folder, directory);
  return folder;
}

void check_encoder_is_here(const fs::path& directory) {
  if (!fs::exists(directory / kModulesFile)) return;
  const auto folder = read_modules(directory).front().path;
  if (folder.empty()) return;
  throw ArtifactError(
      "{}: is a sentence-transformers folder whose model is in {}: copy the files of that folder "
      "into {}, and set the \"path\" of the first module to \"\"",
      (directory / kModulesFile).string(), folder, directory.string());
}

void save_sentence_folder(Pooling pooling, std::int64_t hidden_size, std::int64_t max_seq_length,
                          const fs::path& directory) {
  if (pooling == Pooling::kPooler) return;
  const auto module = [](int number, const char* path, const std::string& kind) {
    return Json{{"idx", number},
                {"name", std::to_string(number)},
                {"path", path},
                {"type", "sentence_transformers.models." + kind}};
  };
  std::error_code error;
  fs::create_directories(directory / kPoolingFolder, error);
  if (error) {
    throw base::IoError("{}: cannot be made: {}", (directory / kPoolingFolder).string(),
                        error.message());
  }
  Json config = {{"word_embedding_dimension", hidden_size}};
  for (const auto& known : kPoolingKeys) {
    if (known.pooling) config[known.key] = known.pooling == pooling;
  }
  base::write_json(directory / kPoolingFolder / "config.json", config);
  base::write_json(directory / kLengthFile,
                   {{"max_seq_length", max_seq_length}, {"do_lower_case", false}});
  base::write_json(directory / kModulesFile,
                   Json::array({module(0, "", "Transformer"), module(1, kPoolingFolder, "Pooling"),
                                module(2, "2_Normalize", "Normalize")}));
}

}  // namespace reaugkd::models
