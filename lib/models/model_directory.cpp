#include "models/model_directory.h"

#include <ATen/CPUGeneratorImpl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "base/names.h"
#include "base/random.h"
#include "base/sha256.h"
#include "models/checkpoint_tensors.h"
#include "models/family.h"
#include "models/shard_index.h"
#include "tensor/safetensors.h"

namespace reaugkd::models {
namespace {

namespace fs = std::filesystem;
using base::ArtifactError;

constexpr const char* kQueryFile = "query.safetensors";
constexpr const char* kQueryPrefix = "query.";

bool is_head(const Family& family, const std::string& name) {
  return is_output(name) || family.is_head(name);
}

/// As BERT was initialised: N(0, initializer_range) for matrices, 0 for biases, 1 for the weights
/// of norms, which have one dimension.
void draw_parameter(const std::string& name, torch::Tensor& parameter, const ModelConfig& config,
                    std::uint64_t seed) {
  if (name.ends_with("bias")) {
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

/// What of a model's parameters a checkpoint does not give, and why it does not fit.
struct Misfits {
  std::vector<std::string> missing;   // our names
  std::vector<std::string> problems;  // in published names
  std::size_t of_head = 0;            // how many of these are parts of the head that are missing
  bool has_output = false;
};

void copy_into(torch::Tensor& parameter, const torch::Tensor& value, const std::string& published,
               Misfits& misfits) {
  if (!value.is_floating_point() || value.sizes() != parameter.sizes()) {
    misfits.problems.push_back(fmt::format("{} is {}, expected {}", published,
                                           shape_text(value.sizes()),
                                           shape_text(parameter.sizes())));
    return;
  }
  parameter.copy_(value);
  if (!torch::isfinite(parameter).all().item<bool>()) {
    misfits.problems.push_back(published + " holds values that are not finite");
  }
}

/// Copies `weights` into the model.
Misfits copy_weights(Classifier& model, const Family& family, tensor::TensorMap weights,
                     bool head_may_be_missing, const std::string& where) {
  Misfits misfits;
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
      misfits.missing.push_back(item.key());
      const bool of_head = is_head(family, item.key());
      if (family.may_be_zero(item.key()) || (head_may_be_missing && of_head)) continue;
      misfits.problems.push_back("missing " + published);
      if (of_head) ++misfits.of_head;
      continue;
    }
    misfits.has_output = misfits.has_output || is_output(item.key());
    copy_into(item.value(), found->second, published, misfits);
    weights.erase(found);
  }
  for (const auto& [name, value] : weights) {
    if (family.may_be_left_over(name)) continue;
    misfits.problems.push_back("extra " + family.published_name(name));
  }
  return misfits;
}

/// Copies the checkpoint's tensors into the model; returns what is missing. Throws on anything that
/// does not fit.
std::vector<std::string> assign(Classifier& model, const Family& family,
                                const CheckpointTensors& tensors, bool head_may_be_missing,
                                const std::string& where) {
  auto misfits = copy_weights(model, family, tensors.weights, head_may_be_missing, where);
  const auto& problems = misfits.problems;
  if (problems.empty()) return std::move(misfits.missing);
  if (misfits.of_head == problems.size() && !misfits.has_output) {
    throw ArtifactError(
        "{}: has no classifier ({}): it is a pretrained model{}; fine-tune it first (reaugkd "
        "teacher-finetune, or distill)",
        where, fmt::join(problems, "; "),
        tensors.other_heads.empty() ? "" : " with a head for " + purposes(tensors));
  }
  throw ArtifactError(
      "{}: {} tensors do not fit config.json or are damaged: {}; copy both files again from where "
      "they belong together",
      where, problems.size(), fmt::join(problems, "; "));
}

/// A classifier that lacks what stands between the encoder and it is not one for texts: heads for
/// tokens have no pooler.
void leave_out_lone_classifier(CheckpointTensors& tensors, const Classifier& model,
                               const Family& family) {
  const auto parameters = model->named_parameters();
  const bool lone = std::ranges::any_of(parameters.keys(), [&](const std::string& name) {
    return family.is_head(name) && !tensors.weights.contains(name);
  });
  if (lone) leave_out_classifier(tensors, family, "tokens");
}

/// Says what is left out of a checkpoint. Throws where the classifier is, and must not be.
void tell_other_heads(const CheckpointTensors& tensors, bool head_may_be_missing,
                      const std::string& where) {
  if (tensors.other_heads.empty()) return;
  if (tensors.other_classifier && !head_may_be_missing) {
    throw ArtifactError(
        "{}: its classifier is for {}, expected one that gives a text one label or score: "
        "fine-tune the model first (reaugkd teacher-finetune, or distill), which draws another "
        "classifier",
        where, purposes(tensors));
  }
  std::vector<std::string> names;
  for (const auto& head : tensors.other_heads) {
    names.insert(names.end(), head.second.begin(), head.second.end());
  }
  spdlog::info("{}: its head for {} is left out: {}", where, purposes(tensors),
               base::few_names(names));
}

/// Loads the directory's weights into the model; returns what is missing.
std::vector<std::string> load_weights(Classifier& model, const ModelConfig& config,
                                      const fs::path& directory, const LoadOptions& options) {
  const fs::path path = weights_path(directory);
  auto tensors = read_tensors(path, config, options.layers);
  if (options.head_may_be_missing) leave_out_lone_classifier(tensors, model, *config.family);
  tell_other_heads(tensors, options.head_may_be_missing, path.string());
  return assign(model, *config.family, tensors, options.head_may_be_missing, path.string());
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
  if (!options.layers.empty()) config = config.family->with_layers(config, options.layers);
  if (!config.told_from.empty()) {
    spdlog::info("{}: has no model_type: taken for {}, by {}", (directory / "config.json").string(),
                 config.family->model_type(), config.told_from);
  }
  const torch::NoGradGuard no_grad;
  LoadedModel loaded;
  loaded.config = config;
  check_fits_in_memory(config, directory);
  loaded.model = Classifier(config);
  loaded.model->eval();
  std::vector<std::string> missing;
  if (!options.random_init) missing = load_weights(loaded.model, config, directory, options);
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
