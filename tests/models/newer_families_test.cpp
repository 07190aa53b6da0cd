// MPNet, DeBERTa and ModernBERT against transformers' values (tests/golden/newer_families.py), and
// what each must do besides: layers picked, slices, bare encoders, refusals that name the key.
#include <torch/torch.h>

#include <ATen/Parallel.h>

#include <filesystem>

#include "base/error.h"
#include "base/json.h"
#include "catch.h"
#include "models/families.h"
#include "models/golden.h"
#include "models/model_directory.h"
#include "models/thread_parallel.h"
#include "temporary_directory.h"
#include "tensor/device.h"
#include "tensor/safetensors.h"

namespace reaugkd::models {
namespace {

namespace fs = std::filesystem;
using tests::input_of;
using tests::largest_difference;
using tests::TemporaryDirectory;

const std::vector<std::string> kNewer = {"mpnet", "deberta", "deberta-v2", "modernbert"};

fs::path golden_of(const std::string& family) {
  return tests::kGolden / "families" / family;
}

tensor::TensorMap expected_values(const std::string& family) {
  return tensor::load_safetensors(golden_of(family) / "expected.safetensors");
}

LoadedModel load_model(const fs::path& directory, const LoadOptions& options = {}) {
  return load_classifier(directory, load_config(directory), options);
}

/// The golden directory's config.json with one key changed (null: left out), and its weights.
void copy_changed(const std::string& family, const fs::path& to, const std::string& key,
                  const base::Json& value) {
  fs::copy(golden_of(family), to,
           fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  auto config = base::read_json(golden_of(family) / "config.json");
  config[key] = value;
  base::write_json(to / "config.json", config);
}

torch::Tensor logits_by(LoadedModel loaded, const EncoderInput& input) {
  const torch::NoGradGuard no_grad;
  return loaded.model->forward(input, Pooling::kCls).logits;
}

/// Gradients of the golden loss, by our names.
std::map<std::string, torch::Tensor> golden_gradients(LoadedModel& loaded,
                                                      const tensor::TensorMap& expected) {
  EncoderTrace trace;
  loaded.model->zero_grad();
  const auto output =
      forward_on_threads(loaded.model, input_of(expected), Pooling::kPooler, &trace);
  ((output.logits * expected.at("logits_slope")).sum() +
   (trace.hidden_states.back() * expected.at("state_slope")).sum())
      .backward();
  std::map<std::string, torch::Tensor> gradients;
  for (const auto& item : loaded.model->named_parameters()) {
    gradients[item.key()] = tests::gradient_of(item.value()).clone();
  }
  return gradients;
}

TEST_CASE("gradients equal transformers' to 1e-5, with any number of threads", "[newer][golden]") {
  const int threads = GENERATE(1, 2, 3);
  const int before = at::get_num_threads();
  at::set_num_threads(threads);
  for (const auto& family : kNewer) {
    INFO(family << ", threads " << threads);
    const auto expected = expected_values(family);
    const auto gradients = tensor::load_safetensors(golden_of(family) / "gradients.safetensors");
    auto loaded = load_model(golden_of(family));
    const auto found = golden_gradients(loaded, expected);
    CHECK(found.size() == gradients.size());
    for (const auto& [name, gradient] : found) {
      const auto published = loaded.config.family->published_name(name);
      INFO(published);
      REQUIRE(gradients.contains(published));
      const double scale = std::max(1.0, gradients.at(published).abs().max().item<double>());
      CHECK(largest_difference(gradient, gradients.at(published)) < 1e-5 * scale);
    }
  }
  at::set_num_threads(before);
}

TEST_CASE("an encoder alone, without prefix or head, can be trained", "[newer]") {
  for (const std::string family : {"deberta", "deberta-v2", "modernbert"}) {
    INFO(family);
    const TemporaryDirectory directory;
    fs::copy(golden_of(family) / "config.json", directory.path() / "config.json");
    const std::string prefix = family == "modernbert" ? "model." : "deberta.";
    tensor::TensorMap bare;
    for (const auto& [name, value] :
         tensor::load_safetensors(golden_of(family) / "model.safetensors")) {
      if (name.starts_with(prefix)) bare[name.substr(prefix.size())] = value;
    }
    for (const char* name : {"lm_predictions.lm_head.bias", "cls.predictions.bias"}) {
      if (family != "modernbert") bare[name] = torch::zeros({2});
    }
    if (family == "modernbert") bare["decoder.bias"] = torch::zeros({2});
    tensor::save_safetensors(directory.path() / "model.safetensors", bare);
    CHECK_THROWS_WITH(load_model(directory.path()), ContainsSubstring("missing classifier.weight"));
    auto loaded = load_model(directory.path(), {.head_may_be_missing = true});
    CHECK(loaded.initialised.size() == 4);
    const auto expected = expected_values(family);
    const auto states = loaded.model->encode(input_of(expected)).last_hidden_state;
    CHECK(largest_difference(states * expected.at("attention_mask").unsqueeze(-1),
                             expected.at("last_hidden_state")) < 1e-5);
  }
}

TEST_CASE("a table of positions that the model does not add is left out", "[newer]") {
  const TemporaryDirectory directory;
  fs::copy(golden_of("deberta"), directory.path(), fs::copy_options::recursive);
  auto weights = tensor::load_safetensors(golden_of("deberta") / "model.safetensors");
  weights["deberta.embeddings.position_embeddings.weight"] = torch::zeros({24, 16});
  fs::remove(directory.path() / "model.safetensors");
  tensor::save_safetensors(directory.path() / "model.safetensors", weights);
  const auto expected = expected_values("deberta");
  CHECK(largest_difference(logits_by(load_model(directory.path()), input_of(expected)),
                           expected.at("logits")) < 1e-5);
}

TEST_CASE("layers are picked with what is theirs", "[newer]") {
  for (const auto& family : kNewer) {
    INFO(family);
    const auto input = input_of(expected_values(family));
    auto picked = load_model(golden_of(family), {.layers = {0, 2}});
    CHECK(picked.config.num_hidden_layers == 2);
    const TemporaryDirectory saved;
    save_classifier(picked.model, picked.config, saved.path());
    CHECK(torch::equal(logits_by(load_model(saved.path()), input), logits_by(picked, input)));
    CHECK(largest_difference(logits_by(picked, input), expected_values(family).at("logits")) >
          1e-3);
  }
  // A local layer of ModernBERT stays local wherever it is put.
  const auto config = load_config(golden_of("modernbert"));
  const auto picked = config.family->with_layers(config, {1, 2});
  CHECK(picked.family->attention_window(picked, 0) == 4);
  CHECK(config.family->attention_window(config, 0) > 1000);
  CHECK_NOTHROW(load_model(golden_of("modernbert"), {.layers = {1, 2}}));
  CHECK_THROWS_WITH(load_model(golden_of("modernbert"), {.layers = {1, 0}}),
                    ContainsSubstring("layer 0 of ModernBERT has no norm"));
}

TEST_CASE("the upper layers go on from a state of the lower ones", "[newer]") {
  const torch::NoGradGuard no_grad;
  for (const auto& family : kNewer) {
    INFO(family);
    const auto expected = expected_values(family);
    auto loaded = load_model(golden_of(family));
    EncoderTrace trace;
    loaded.model->forward(input_of(expected), Pooling::kCls, &trace);
    REQUIRE(trace.hidden_states.size() == 4);
    const auto logits =
        loaded.model->continue_from(1, trace.hidden_states[1], expected.at("attention_mask"));
    CHECK(largest_difference(logits, expected.at("logits")) < 1e-5);
  }
}

TEST_CASE("what an evaluation keeps of positions follows the parameters", "[newer]") {
  for (const std::string family : {"deberta", "deberta-v2"}) {
    INFO(family);
    auto loaded = load_model(golden_of(family));
    const auto input = input_of(expected_values(family));
    const auto fresh = [&] { return loaded.model->forward(input, Pooling::kCls).logits; };
    CHECK(torch::equal(logits_by(loaded, input), fresh()));
    const auto before = logits_by(loaded, input);
    for (const char* changed : {"rel_embeddings", "LayerNorm", "key_proj", "pos_proj"}) {
      const torch::NoGradGuard no_grad;
      for (auto& item : loaded.model->named_parameters()) {
        if (item.key().find(changed) != item.key().npos) item.value().mul_(1.5);
      }
      const torch::AutoGradMode gradients(true);
      CHECK(torch::equal(logits_by(loaded, input), fresh()));
    }
    CHECK(largest_difference(logits_by(loaded, input), before) > 1e-3);
    // A text of another length, of the same number of rows in the table or not.
    const auto part = [&](const torch::Tensor& x) { return x.slice(1, 0, 7); };
    const EncoderInput shorter{part(input.input_ids), part(input.token_type_ids),
                               part(input.attention_mask)};
    CHECK(torch::equal(logits_by(loaded, shorter),
                       loaded.model->forward(shorter, Pooling::kCls).logits));
    const auto exact = logits_by(loaded, input);
    {
      const tensor::AutocastGuard autocast(torch::kCPU, tensor::Precision::kBf16);
      CHECK(largest_difference(logits_by(loaded, input), exact) > 0);
    }
    CHECK(torch::equal(logits_by(loaded, input), exact));
  }
}

TEST_CASE("traced scores give the weights that the model used", "[newer]") {
  // With scores noted, softmax of them within the window times the values is what a layer adds: the
  // scores must hold positions, and the values must be by head.
  const torch::NoGradGuard no_grad;
  for (const auto& family : kNewer) {
    INFO(family);
    const auto expected = expected_values(family);
    auto loaded = load_model(golden_of(family));
    EncoderTrace all{0}, last{2};
    loaded.model->forward(input_of(expected), Pooling::kCls, &all);
    loaded.model->forward(input_of(expected), Pooling::kCls, &last);
    REQUIRE(all.attention_scores.size() == 3);
    REQUIRE(last.attention_scores.size() == 1);
    CHECK(all.attention_scores[0].sizes() == torch::IntArrayRef({3, 2, 19, 19}));
    CHECK(all.values.sizes() == torch::IntArrayRef({3, 2, 19, 8}));
    CHECK(torch::equal(all.attention_scores[2], last.attention_scores[0]));
    CHECK(torch::equal(all.values, last.values));
  }
}

TEST_CASE("what is not supported is refused with the key's name", "[newer]") {
  const auto refuses = [](const std::string& family, const std::string& key,
                          const base::Json& value, const std::string& says) {
    INFO(family << " " << key);
    const TemporaryDirectory directory;
    copy_changed(family, directory.path(), key, value);
    CHECK_THROWS_WITH(load_config(directory.path()), ContainsSubstring(says));
    CHECK_THROWS_AS(load_config(directory.path()), base::ArtifactError);
  };
  refuses("mpnet", "relative_attention_num_buckets", 8, "expected at least 32");
  refuses("mpnet", "max_position_embeddings", 2, "leaves no position");
  refuses("deberta", "talking_head", true, "talking_head is true; only false");
  refuses("deberta", "pos_att_type", {"p2p"}, "pos_att_type has \"p2p\"");
  refuses("deberta-v2", "pos_att_type", "c2p|p2q", "pos_att_type has \"p2q\"");
  refuses("deberta-v2", "norm_rel_ebd", "batch_norm", "norm_rel_ebd has \"batch_norm\"");
  refuses("deberta-v2", "pooler_hidden_size", 8, "pooler_hidden_size is 8; only 16");
  refuses("deberta-v2", "attention_head_size", 4, "attention_head_size is 4; only 8");
  refuses("deberta-v2", "conv_kernel_size", 2, "conv_kernel_size is 2, expected an odd number");
  refuses("deberta-v2", "conv_groups", 3, "conv_groups 3");
  refuses("deberta-v2", "position_buckets", 2, "position_buckets is 2");
  refuses("deberta-v2", "pooler_hidden_act", "swish", "pooler_hidden_act \"swish\"");
  refuses("deberta-v2", "pooler_dropout", 1.5, "pooler_dropout is 1.5");
  refuses("modernbert", "num_attention_heads", 16, "need an even number");
  refuses("modernbert", "layer_types", {"full_attention"}, "layer_types names 1 layers");
  refuses("modernbert", "layer_types", {"full_attention", "chunked", "full_attention"},
          "layer_types has \"chunked\"");
  refuses("modernbert", "rope_scaling", {{"type", "yarn"}}, "rope_scaling");
  refuses("modernbert", "rope_parameters", {{"full_attention", {{"rope_type", "yarn"}}}},
          "rope_type is \"yarn\"; only \"default\"");
  refuses("modernbert", "rope_parameters", {{"sliding_attention", {{"rope_theta", -1}}}},
          "theta of sliding_attention is -1");
  refuses("modernbert", "classifier_pooling", "max", "classifier_pooling is \"max\"");
}

TEST_CASE("config.json may leave out or null what has a default", "[newer]") {
  for (const auto& family : kNewer) {
    INFO(family);
    const TemporaryDirectory directory;
    fs::copy(golden_of(family), directory.path(), fs::copy_options::recursive);
    auto config = base::read_json(golden_of(family) / "config.json");
    for (const char* key : {"pooler_dropout", "pooler_hidden_act", "pooler_hidden_size",
                            "embedding_dropout", "classifier_activation", "rope_parameters",
                            "max_relative_positions", "relative_attention_num_buckets"}) {
      if (config.contains(key)) config[key] = nullptr;
    }
    if (family == "modernbert") config.erase("layer_types");  // every third is global
    base::write_json(directory.path() / "config.json", config);
    const auto expected = expected_values(family);
    CHECK(largest_difference(logits_by(load_model(directory.path()), input_of(expected)),
                             expected.at("logits")) < 1e-5);
  }
}

}  // namespace
}  // namespace reaugkd::models
