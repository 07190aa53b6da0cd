#include "models/model_directory.h"

#include <ATen/CPUGeneratorImpl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "base/random.h"
#include "base/sha256.h"
#include "models/family.h"
#include "models/shard_index.h"
#include "tensor/safetensors.h"

namespace reaugkd::models {
namespace {

namespace fs = std::filesystem;
using base::ArtifactError;

constexpr const char* kWeightsFile = "model.safetensors";
constexpr const char* kShardIndexFile = "model.safetensors.index.json";
constexpr const char* kQueryFile = "query.safetensors";
constexpr const char* kQueryPrefix = "query.";

/// Renames encoder layer layers[i] to i and drops the others. Other keys stay.
std::string picked_key(const std::string& key, const std::string& prefix,
                       const std::vector<std::int64_t>& layers) {
  if (layers.empty() || !key.starts_with(prefix)) return key;
  const std::size_t begin = prefix.size();
  const std::size_t end = key.find('.', begin);
  const std::string number = key.substr(begin, end - begin);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (number == std::to_string(layers[i])) {
      return prefix + std::to_string(i) + key.substr(end);
    }
  }
  return "";
}

/// The part of the head that depends on the number of classes.
bool is_output(const std::string& name) {
  return name.starts_with("classifier.");
}

bool is_head(const Family& family, const std::string& name) {
  return is_output(name) || family.is_head(name);
}

/// As BERT was initialised: N(0, initializer_range) for matrices, 0 for biases, 1 for the weights
/// of norms, which have one dimension.
void draw_parameter(const std::string& name, torch::Tensor& parameter, const ModelConfig& config,
                    std::uint64_t seed) {
  if (name.ends_with(".bias")) {
    parameter.zero_();
  } else if (parameter.dim() == 1) {
    parameter.fill_(1);
  } else {
    auto generator = at::detail::createCPUGenerator(base::stream_seed(seed, "init " + name));
    parameter.normal_(0, config.initializer_range, generator);
    if (config.family->is_word_embedding(name) && config.pad_token_id < parameter.size(0) &&
        config.pad_token_id >= 0) {
      parameter[config.pad_token_id].zero_();
    }
  }
}

[[noreturn]] void refuse_without_weights(const fs::path& directory) {
  if (fs::exists(directory / "pytorch_model.bin") ||
      fs::exists(directory / "pytorch_model.bin.index.json")) {
    throw ArtifactError(
        "{}: there is a pytorch_model.bin but no model.safetensors, and only safetensors are read; "
        "run data/convert_checkpoint.py {} of the source tree (it needs Python's torch)",
        directory.string(), directory.string());
  }
  throw ArtifactError(
      "{}: is missing; a model directory holds config.json, model.safetensors (or its shards and "
      "{}) and a vocabulary (random weights only with `init` random)",
      (directory / kWeightsFile).string(), kShardIndexFile);
}

/// All shards' tensors in one map.
tensor::TensorMap load_shards(const fs::path& directory) {
  const fs::path index = directory / kShardIndexFile;
  const auto shards = read_shard_index(index);
  std::vector<std::string> absent;
  for (const auto& [file, names] : shards) {
    if (!fs::exists(directory / file)) absent.push_back(file);
  }
  if (!absent.empty()) {
    throw ArtifactError("{}: {} of the {} shards it names are not beside it: {}; copy them there",
                        index.string(), absent.size(), shards.size(), fmt::join(absent, ", "));
  }
  tensor::TensorMap weights;
  for (const auto& [file, names] : shards) {
    auto shard = tensor::load_safetensors(directory / file);
    for (const auto& name : names) {
      if (shard.count(name) == 0) {
        throw ArtifactError("{}: the tensor {} is to be in {}, which does not hold it",
                            index.string(), name, file);
      }
    }
    weights.merge(shard);
  }
  return weights;
}

/// Where the directory's weights stand; throws where there are none.
fs::path weights_path(const fs::path& directory) {
  for (const char* name : {kWeightsFile, kShardIndexFile}) {
    if (fs::exists(directory / name)) return directory / name;
  }
  refuse_without_weights(directory);
}

/// The checkpoint's tensors under our names, only the wanted layers.
tensor::TensorMap read_weights(const fs::path& path, const Family& family,
                               const std::vector<std::int64_t>& layers) {
  const bool whole = path.filename() == kWeightsFile;
  tensor::TensorMap weights;
  for (const auto& [key, value] :
       whole ? tensor::load_safetensors(path) : load_shards(path.parent_path())) {
    const std::string ours = family.our_name(key);
    const std::string name = ours.empty() || family.shares_layers()
                                 ? ours
                                 : picked_key(ours, family.layer_prefix(), layers);
    if (name.empty()) continue;
    if (!weights.emplace(name, value).second) {
      throw ArtifactError("{}: two tensors stand for {}", path.string(),
                          family.published_name(name));
    }
  }
  return weights;
}

/// Before memory is taken: a config.json with a digit too many would have the system end this and
/// other processes.
void check_fits_in_memory(const ModelConfig& config, const fs::path& directory) {
  const double bytes = 4 * config.family->number_of_weights(config);
  const double memory = static_cast<double>(::sysconf(_SC_PHYS_PAGES)) *
                        static_cast<double>(::sysconf(_SC_PAGE_SIZE));
  if (bytes <= memory) return;
  throw ArtifactError(
      "{}: its sizes make {:.3g} weights, {:.1f} GB; this machine has {:.1f} GB of memory: check "
      "vocab_size, hidden_size, intermediate_size and the number of layers",
      (directory / "config.json").string(), bytes / 4, bytes / 1e9, memory / 1e9);
}

std::string shape_text(torch::IntArrayRef sizes) {
  return fmt::format("({})", fmt::join(sizes, ", "));
}

/// Copies `weights` into the model; returns what is missing. Throws on anything that does not fit.
std::vector<std::string> assign(Classifier& model, const Family& family, tensor::TensorMap weights,
                                bool head_may_be_missing, const std::string& where) {
  std::vector<std::string> missing;
  std::vector<std::string> problems;
  std::size_t of_head = 0;  // of the problems
  bool has_output = false;
  for (auto& item : model->named_parameters()) {
    auto found = weights.find(item.key());
    const std::string published = family.published_name(item.key());
    if (found != weights.end() && head_may_be_missing && is_output(item.key()) &&
        found->second.sizes() != item.value().sizes()) {
      spdlog::warn("{}: {} is {}, of another task: drawn anew as {}", where, published,
                   shape_text(found->second.sizes()), shape_text(item.value().sizes()));
      weights.erase(found);
      found = weights.end();
    }
    if (found == weights.end()) {
      missing.push_back(item.key());
      const bool allowed =
          family.may_be_zero(item.key()) || (head_may_be_missing && is_head(family, item.key()));
      if (!allowed) problems.push_back("missing " + published);
      if (!allowed && is_head(family, item.key())) ++of_head;
      continue;
    }
    has_output = has_output || is_output(item.key());
    if (!found->second.is_floating_point() || found->second.sizes() != item.value().sizes()) {
      problems.push_back(fmt::format("{} is {}, expected {}", published,
                                     shape_text(found->second.sizes()),
                                     shape_text(item.value().sizes())));
    } else {
      item.value().copy_(found->second);
      if (!torch::isfinite(item.value()).all().item<bool>()) {
        problems.push_back(published + " holds values that are not finite");
      }
    }
    weights.erase(found);
  }
  for (const auto& [name, value] : weights) {
    problems.push_back("extra " + family.published_name(name));
  }
  if (of_head > 0 && of_head == problems.size() && !has_output) {
    throw ArtifactError(
        "{}: has no classifier ({}): it is a pretrained model; fine-tune it first (reaugkd "
        "teacher-finetune, or distill)",
        where, fmt::join(problems, "; "));
  }
  if (!problems.empty()) {
    throw ArtifactError(
        "{}: {} tensors do not fit config.json or are damaged: {}; copy both files again from "
        "where "
        "they belong together",
        where, problems.size(), fmt::join(problems, "; "));
  }
  return missing;
}

void check_layers(const std::vector<std::int64_t>& layers, std::int64_t num_hidden_layers,
                  const fs::path& directory) {
  for (const auto layer : layers) {
    if (layer < 0 || layer >= num_hidden_layers) {
      throw base::ConfigError(
          "`student_layers`: there is no layer {} in {}, its layers are 0 to {}", layer,
          directory.string(), num_hidden_layers - 1);
    }
    if (std::count(layers.begin(), layers.end(), layer) > 1) {
      throw base::ConfigError("`student_layers`: layer {} is named twice", layer);
    }
  }
}

/// Draws what the checkpoint lacks, or everything; token types it lacks become zeros, which is what
/// their absence means. Notes the published names.
void fill_missing(LoadedModel& loaded, const std::vector<std::string>& missing,
                  const LoadOptions& options) {
  for (auto& item : loaded.model->named_parameters()) {
    const bool drawn = options.random_init ||
                       std::find(missing.begin(), missing.end(), item.key()) != missing.end();
    if (!drawn) continue;
    const std::string published = loaded.config.family->published_name(item.key());
    if (!options.random_init && loaded.config.family->may_be_zero(item.key())) {
      item.value().zero_();
      loaded.zeroed.push_back(published);
    } else {
      draw_parameter(item.key(), item.value(), loaded.config, options.seed);
      loaded.initialised.push_back(published);
    }
  }
}

/// The query head of `directory`, where it has one.
void load_query_head(Classifier& model, const ModelConfig& config, const fs::path& directory) {
  const fs::path path = directory / kQueryFile;
  if (!fs::exists(path)) return;
  const auto tensors = tensor::load_safetensors(path);
  const auto weight =
      tensor::take_finite(tensors, "query.weight", {-1, config.hidden_size}, path.string());
  const auto bias = tensor::take_finite(tensors, "query.bias", {weight.size(0)}, path.string());
  torch::nn::Linear head(config.hidden_size, weight.size(0));
  head->weight.copy_(weight);
  head->bias.copy_(bias);
  head->eval();
  model->set_query_head(head);
}

}  // namespace

LoadedModel load_classifier(const fs::path& directory, ModelConfig config,
                            const LoadOptions& options) {
  check_layers(options.layers, config.num_hidden_layers, directory);
  if (!options.layers.empty()) {
    config.num_hidden_layers = static_cast<std::int64_t>(options.layers.size());
  }
  const torch::NoGradGuard no_grad;
  LoadedModel loaded;
  loaded.config = config;
  check_fits_in_memory(config, directory);
  loaded.model = Classifier(config);
  loaded.model->eval();
  std::vector<std::string> missing;
  if (!options.random_init) {
    const fs::path path = weights_path(directory);
    missing =
        assign(loaded.model, *config.family, read_weights(path, *config.family, options.layers),
               options.head_may_be_missing, path.string());
  }
  fill_missing(loaded, missing, options);
  if (options.query_head) load_query_head(loaded.model, config, directory);
  return loaded;
}

void save_classifier(const Classifier& model, const ModelConfig& config,
                     const fs::path& directory) {
  tensor::TensorMap weights, query;
  for (const auto& item : model->named_parameters()) {
    const auto value = item.value().detach().to(torch::kFloat32);
    if (item.key().starts_with(kQueryPrefix)) {
      query[item.key()] = value;
    } else {
      weights[config.family->published_name(item.key())] = value;
    }
  }
  if (!query.empty()) tensor::save_safetensors(directory / kQueryFile, query);
  tensor::save_safetensors(directory / kWeightsFile, weights, {{"format", "pt"}});
  save_config(config, directory);
}

std::vector<std::string> weight_files(const fs::path& directory) {
  const fs::path path = weights_path(directory);
  if (path.filename() == kWeightsFile) return {kWeightsFile};
  std::vector<std::string> names = {kShardIndexFile};
  for (const auto& shard : read_shard_index(path)) names.push_back(shard.first);
  return names;
}

std::string digest_of_weights(const fs::path& directory) {
  const auto names = weight_files(directory);
  if (names.size() == 1) return base::sha256_of_file(directory / names.front());
  std::string digests;
  for (const auto& name : names) digests += base::sha256_of_file(directory / name);
  return base::sha256(digests);
}

std::string digest_of_queries(const fs::path& directory) {
  std::string weights = digest_of_weights(directory);
  if (!fs::exists(directory / kQueryFile)) return weights;
  return base::sha256(weights + base::sha256_of_file(directory / kQueryFile));
}

}  // namespace reaugkd::models
