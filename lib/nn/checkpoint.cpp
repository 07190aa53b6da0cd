#include "nn/checkpoint.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/random.h"
#include "tensor/safetensors.h"

namespace reaugkd::nn {
namespace {

namespace fs = std::filesystem;
using core::ArtifactError;

constexpr const char* kLayerPrefix = "bert.encoder.layer.";

bool starts_with(const std::string& text, const std::string& prefix) {
  return text.rfind(prefix, 0) == 0;
}

bool ends_with(const std::string& text, const std::string& suffix) {
  return text.size() >= suffix.size() &&
         text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0;
}

/// A checkpoint's key as our module names it; empty for what we have no use for.
std::string normalised_key(std::string key) {
  if (starts_with(key, "cls.") || ends_with(key, "position_ids")) return "";
  if (ends_with(key, ".gamma")) key.replace(key.size() - 5, 5, "weight");  // older checkpoints
  if (ends_with(key, ".beta")) key.replace(key.size() - 4, 4, "bias");
  const bool bare = starts_with(key, "embeddings.") || starts_with(key, "encoder.") ||
                    starts_with(key, "pooler.");
  return bare ? "bert." + key : key;
}

/// Renames encoder layer layers[i] to i and drops the others. Other keys stay.
std::string picked_key(const std::string& key, const std::vector<std::int64_t>& layers) {
  if (layers.empty() || !starts_with(key, kLayerPrefix)) return key;
  const std::size_t begin = std::string(kLayerPrefix).size();
  const std::size_t end = key.find('.', begin);
  const std::string number = key.substr(begin, end - begin);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (number == std::to_string(layers[i])) {
      return kLayerPrefix + std::to_string(i) + key.substr(end);
    }
  }
  return "";
}

bool is_head(const std::string& name) {
  return starts_with(name, "bert.pooler.") || starts_with(name, "classifier.");
}

/// As BERT was initialised: N(0, initializer_range) for matrices, 0 for biases, 1 for LayerNorm.
void draw_parameter(const std::string& name, torch::Tensor& parameter, const BertConfig& config,
                    std::uint64_t seed) {
  if (ends_with(name, ".bias")) {
    parameter.zero_();
  } else if (ends_with(name, "LayerNorm.weight")) {
    parameter.fill_(1);
  } else {
    auto generator = at::detail::createCPUGenerator(core::stream_seed(seed, "init " + name));
    parameter.normal_(0, config.initializer_range, generator);
    if (ends_with(name, "word_embeddings.weight") && config.pad_token_id < parameter.size(0) &&
        config.pad_token_id >= 0) {
      parameter[config.pad_token_id].zero_();
    }
  }
}

/// The file's tensors under our names, only the wanted layers.
tensor::TensorMap read_weights(const fs::path& directory, const std::vector<std::int64_t>& layers) {
  const fs::path path = directory / "model.safetensors";
  if (!fs::exists(path)) {
    if (fs::exists(directory / "pytorch_model.bin")) {
      throw ArtifactError(
          "{}: there is a pytorch_model.bin but no model.safetensors; convert it on a machine with "
          "Python's torch and safetensors (save_file(torch.load(\"pytorch_model.bin\"), "
          "\"model.safetensors\"))",
          directory.string());
    }
    throw ArtifactError(
        "{}: is missing; a model directory holds config.json, model.safetensors and a vocabulary "
        "(random weights only with --init random)",
        path.string());
  }
  tensor::TensorMap weights;
  for (const auto& [key, value] : tensor::load_safetensors(path)) {
    const std::string ours = normalised_key(key);
    const std::string name = ours.empty() ? "" : picked_key(ours, layers);
    if (name.empty()) continue;
    if (!weights.emplace(name, value).second) {
      throw ArtifactError("{}: two tensors stand for {}", path.string(), name);
    }
  }
  return weights;
}

std::string shape_text(torch::IntArrayRef sizes) {
  return fmt::format("({})", fmt::join(sizes, ", "));
}

/// Copies `weights` into the model; returns what is missing. Throws on anything that does not fit.
std::vector<std::string> assign(BertForSequenceClassification& model, tensor::TensorMap weights,
                                bool head_may_be_missing, const std::string& where) {
  std::vector<std::string> missing;
  std::vector<std::string> problems;
  for (auto& item : model->named_parameters()) {
    const auto found = weights.find(item.key());
    if (found == weights.end()) {
      missing.push_back(item.key());
      if (!head_may_be_missing || !is_head(item.key())) problems.push_back("missing " + item.key());
      continue;
    }
    if (!found->second.is_floating_point() || found->second.sizes() != item.value().sizes()) {
      problems.push_back(fmt::format("{} is {}, expected {}", item.key(),
                                     shape_text(found->second.sizes()),
                                     shape_text(item.value().sizes())));
    } else {
      item.value().copy_(found->second);
    }
    weights.erase(found);
  }
  for (const auto& [name, value] : weights) problems.push_back("extra " + name);
  if (!problems.empty()) {
    throw ArtifactError("{}: {} tensors do not fit config.json: {}", where, problems.size(),
                        fmt::join(problems, "; "));
  }
  return missing;
}

}  // namespace

LoadedModel load_classifier(const fs::path& directory, BertConfig config,
                            const LoadOptions& options) {
  for (const auto layer : options.layers) {
    if (layer < 0 || layer >= config.num_hidden_layers) {
      throw core::ConfigError(
          "--student-layers: there is no layer {} in {}, its layers are 0 to {}", layer,
          directory.string(), config.num_hidden_layers - 1);
    }
    if (std::count(options.layers.begin(), options.layers.end(), layer) > 1) {
      throw core::ConfigError("--student-layers: layer {} is named twice", layer);
    }
  }
  if (!options.layers.empty()) {
    config.num_hidden_layers = static_cast<std::int64_t>(options.layers.size());
  }
  const torch::NoGradGuard no_grad;
  LoadedModel loaded;
  loaded.config = config;
  loaded.model = BertForSequenceClassification(config);
  loaded.model->eval();
  if (options.random_init) {
    for (const auto& item : loaded.model->named_parameters()) {
      loaded.initialised.push_back(item.key());
    }
  } else {
    loaded.initialised =
        assign(loaded.model, read_weights(directory, options.layers), options.head_may_be_missing,
               (directory / "model.safetensors").string());
  }
  for (auto& item : loaded.model->named_parameters()) {
    if (std::find(loaded.initialised.begin(), loaded.initialised.end(), item.key()) !=
        loaded.initialised.end()) {
      draw_parameter(item.key(), item.value(), config, options.seed);
    }
  }
  return loaded;
}

void save_classifier(const BertForSequenceClassification& model, const BertConfig& config,
                     const fs::path& directory) {
  tensor::TensorMap weights;
  for (const auto& item : model->named_parameters()) {
    weights[item.key()] = item.value().detach().to(torch::kFloat32);
  }
  tensor::save_safetensors(directory / "model.safetensors", weights, {{"format", "pt"}});
  save_config(config, directory);
}

}  // namespace reaugkd::nn
