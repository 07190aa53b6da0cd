// Every model family against an independent calculation (tests/golden/families.py), and what each
// must do besides: published names when saved, layers picked, errors that speak its names. BERT's
// own checkpoints in their published varieties: shards, without token types.
#include "models/families.h"
#include "models/bert_variants.h"

#include <torch/torch.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "catch.h"
#include "models/golden.h"
#include "models/model_directory.h"
#include "temporary_directory.h"
#include "tensor/device.h"
#include "tensor/safetensors.h"

namespace base = reaugkd::base;
namespace tensor = reaugkd::tensor;
namespace models = reaugkd::models;
namespace fs = std::filesystem;
using reaugkd::tests::input_of;
using reaugkd::tests::kGolden;
using reaugkd::tests::kGoldenBert;
using reaugkd::tests::largest_difference;
using reaugkd::tests::TemporaryDirectory;

namespace {

const std::vector<std::string> kFamilies = {"distilbert", "roberta", "electra",    "albert",
                                            "mpnet",      "deberta", "deberta-v2", "modernbert"};
const std::vector<std::string> kKinOfBert = {"distilbert", "roberta", "electra", "albert", "mpnet"};

fs::path golden(const std::string& family) {
  return kGolden / "families" / family;
}

tensor::TensorMap expected_of(const std::string& family) {
  return tensor::load_safetensors(golden(family) / "expected.safetensors");
}

models::LoadedModel load(const fs::path& directory, const models::LoadOptions& options = {}) {
  return models::load_classifier(directory, models::load_config(directory), options);
}

torch::Tensor logits_of(models::LoadedModel loaded, const models::EncoderInput& input) {
  const torch::NoGradGuard no_grad;
  return loaded.model->forward(input, models::Pooling::kCls).logits;
}

void edit_config(const fs::path& directory, const std::string& key, const base::Json& value) {
  auto config = base::read_json(directory / "config.json");
  config[key] = value;
  base::write_json(directory / "config.json", config);
}

/// The golden BERT in a directory of its own, its weights handed in.
void write_bert(const fs::path& directory, const tensor::TensorMap& weights) {
  fs::copy(kGoldenBert / "config.json", directory / "config.json",
           fs::copy_options::overwrite_existing);
  tensor::save_safetensors(directory / "model.safetensors", weights);
}

}  // namespace

TEST_CASE("each family's outputs equal its published definition's to 1e-5", "[family][golden]") {
  const torch::NoGradGuard no_grad;
  for (const auto& family : kFamilies) {
    INFO(family);
    const auto expected = expected_of(family);
    auto loaded = load(golden(family));
    CHECK(loaded.initialised.empty());
    CHECK(loaded.zeroed.empty());
    const auto input = input_of(expected);
    const auto states = loaded.model->encode(input);
    const auto mask = input.attention_mask.unsqueeze(-1);
    CHECK(largest_difference(states.last_hidden_state * mask, expected.at("last_hidden_state")) <
          1e-5);
    CHECK(largest_difference(states.pooler_output, expected.at("head_state")) < 1e-5);
    const auto output = loaded.model->forward(input, models::Pooling::kPooler);
    CHECK(largest_difference(output.logits, expected.at("logits")) < 1e-5);
    CHECK(torch::equal(output.embedding, states.pooler_output));
  }
}

TEST_CASE("each family answers from packed weights, and with 8 bits nearly the same",
          "[family][packed]") {
  const torch::NoGradGuard no_grad;
  for (const auto& family : kFamilies) {
    INFO(family);
    const auto expected = expected_of(family);
    const auto input = input_of(expected);
    const auto& exact = expected.at("last_hidden_state");
    const auto off = [&](models::LoadedModel& loaded) {
      const auto states =
          loaded.model->encode(input).last_hidden_state * input.attention_mask.unsqueeze(-1);
      return (states - exact).norm().item<double>() / exact.norm().item<double>();
    };
    auto in_fp32 = load(golden(family));
    in_fp32.model->prepare_to_answer({});
    CHECK(off(in_fp32) < 1e-6);
    if (!reaugkd::kernels::can_pack(reaugkd::kernels::Format::kInt8)) continue;
    auto in_int8 = load(golden(family));
    in_int8.model->prepare_to_answer({torch::kCPU, tensor::Precision::kInt8, 1});
    CHECK(off(in_int8) > 1e-4);  // it did round
    CHECK(off(in_int8) < 0.05);
    const auto row = [&](const torch::Tensor& x) { return x.slice(0, 1, 2).slice(1, 0, 5); };
    const auto together = in_int8.model->forward(input, models::Pooling::kMean).embedding[1];
    const auto alone =
        in_int8.model
            ->forward({row(input.input_ids), row(input.token_type_ids), row(input.attention_mask)},
                      models::Pooling::kMean)
            .embedding[0];
    CHECK(largest_difference(alone, together) < 1e-2);
    if (family == "roberta") CHECK(largest_difference(alone, together) < 1e-5);
  }
}

TEST_CASE("in no family does padding change a row", "[family]") {
  const torch::NoGradGuard no_grad;
  for (const auto& family : kFamilies) {
    INFO(family);
    const auto expected = expected_of(family);
    auto loaded = load(golden(family));
    const auto input = input_of(expected);
    const auto row = [&](const torch::Tensor& x) { return x.slice(0, 1, 2).slice(1, 0, 5); };
    for (const auto embedding : {models::Pooling::kCls, models::Pooling::kMean,
                                 models::Pooling::kMax, models::Pooling::kPooler}) {
      const auto together = loaded.model->forward(input, embedding);
      const auto alone = loaded.model->forward(
          {row(input.input_ids), row(input.token_type_ids), row(input.attention_mask)}, embedding);
      CHECK(largest_difference(alone.logits[0], together.logits[1]) < 1e-5);
      CHECK(largest_difference(alone.embedding[0], together.embedding[1]) < 1e-5);
    }
  }
}

TEST_CASE("each family is saved under its published names and keys", "[family]") {
  for (const auto& family : kFamilies) {
    INFO(family);
    const TemporaryDirectory directory;
    auto loaded = load(golden(family));
    models::save_classifier(loaded.model, loaded.config, directory.path());
    const auto before = tensor::load_safetensors(golden(family) / "model.safetensors");
    const auto after = tensor::load_safetensors(directory.path() / "model.safetensors");
    CHECK(after.size() == before.size());
    for (const auto& [name, value] : before) {
      INFO(name);
      REQUIRE(after.count(name) == 1);
      CHECK(torch::equal(after.at(name), value));
    }
    const auto config = base::read_json(golden(family) / "config.json");
    const auto saved = base::read_json(directory.path() / "config.json");
    for (const auto& [key, value] : config.items()) {
      // Python's classes have the same defaults for these.
      if (key == "bos_token_id" || key == "eos_token_id" || key == "sinusoidal_pos_embds") continue;
      INFO(key);
      REQUIRE(saved.contains(key));
      CHECK(nlohmann::json(saved[key]) == nlohmann::json(value));  // in any order
    }
    if (family == "distilbert") {
      CHECK_FALSE(saved.contains("hidden_size"));
      CHECK_FALSE(saved.contains("type_vocab_size"));
    }
  }
}

TEST_CASE("the encoder of each kin of BERT alone, without prefix or head, can be trained",
          "[family]") {
  for (const auto& family : kKinOfBert) {
    INFO(family);
    const TemporaryDirectory directory;
    fs::copy(golden(family) / "config.json", directory.path() / "config.json");
    const auto config = models::load_config(directory.path());
    const auto& variant = *std::ranges::find_if(models::bert_variants(), [&](const auto& one) {
      return one.model_type == config.family->model_type();
    });
    tensor::TensorMap bare;
    for (const auto& [name, value] :
         tensor::load_safetensors(golden(family) / "model.safetensors")) {
      const std::string prefix = variant.prefix;
      if (name.starts_with(prefix)) bare[name.substr(prefix.size())] = value;
    }
    for (const char* ignored : variant.ignored) {
      bare[std::string(ignored) + "dense.weight"] = torch::zeros({2});
    }
    tensor::save_safetensors(directory.path() / "model.safetensors", bare);
    const bool has_pooler = family == "albert";
    CHECK_THROWS_WITH(load(directory.path()),
                      ContainsSubstring(family == "distilbert" || has_pooler
                                            ? "missing classifier.weight"
                                            : "missing classifier.out_proj.weight"));
    auto loaded = load(directory.path(), {.head_may_be_missing = true});
    CHECK(loaded.initialised.size() == (has_pooler ? 2 : 4));
    const auto input = input_of(expected_of(family));
    CHECK(largest_difference(
              loaded.model->encode(input).last_hidden_state * input.attention_mask.unsqueeze(-1),
              expected_of(family).at("last_hidden_state")) < 1e-5);
  }
}

TEST_CASE("layers are picked in every kin of BERT", "[family]") {
  for (const auto& family : kKinOfBert) {
    INFO(family);
    auto picked = load(golden(family), {.layers = {1}});
    CHECK(picked.config.num_hidden_layers == 1);
    const auto whole = load(golden(family));
    const std::string query = ".attention.self.query.weight";
    // ALBERT's layers are one layer: picking n of them applies it n times.
    const std::string source = family == "albert" ? "0" : "1";
    CHECK(torch::equal(picked.model->named_parameters()["bert.encoder.layer.0" + query],
                       whole.model->named_parameters()["bert.encoder.layer." + source + query]));
    CHECK(largest_difference(logits_of(picked, input_of(expected_of(family))),
                             expected_of(family).at("logits")) > 1e-3);
    CHECK_THROWS_AS(load(golden(family), {.layers = {3}}), base::ConfigError);
  }
}

TEST_CASE("each family trains under bf16 autocast", "[family]") {
  for (const auto& family : kFamilies) {
    INFO(family);
    const auto expected = expected_of(family);
    auto loaded = load(golden(family));
    loaded.model->train();
    const tensor::AutocastGuard autocast(torch::kCPU, tensor::Precision::kBf16);
    const auto output = loaded.model->forward(input_of(expected), models::Pooling::kCls);
    CHECK(output.logits.scalar_type() == torch::kFloat32);
    output.logits.square().sum().backward();
    for (const auto& item : loaded.model->named_parameters()) {
      INFO(item.key());
      CHECK(reaugkd::tests::gradient_of(item.value()).isfinite().all().item<bool>());
    }
    CHECK(loaded.model->round_weights() == 0);
    const torch::NoGradGuard no_grad;
    for (auto& parameter : loaded.model->parameters()) parameter.mul_(2);
    CHECK(loaded.model->round_weights() > 0);
    CHECK(loaded.model->round_weights() == 0);
  }
}

TEST_CASE("every family can start from random weights", "[family]") {
  for (const auto& family : kFamilies) {
    INFO(family);
    const auto drawn = load(golden(family), {.random_init = true, .seed = 1});
    CHECK(drawn.initialised.size() == drawn.model->named_parameters().size());
    CHECK(logits_of(drawn, input_of(expected_of(family))).isfinite().all().item<bool>());
  }
}

TEST_CASE("dropout is where the family has it", "[family]") {
  // In training mode every family's dropout probabilities of zero give what evaluation gives.
  for (const auto& family : kFamilies) {
    INFO(family);
    auto config = models::load_config(golden(family));
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0;
    config.classifier_dropout = 0;
    auto loaded = models::load_classifier(golden(family), config, {});
    const auto input = input_of(expected_of(family));
    loaded.model->train();
    CHECK(largest_difference(logits_of(loaded, input), expected_of(family).at("logits")) < 1e-5);
    config.classifier_dropout = 0.5;
    auto dropping = models::load_classifier(golden(family), config, {});
    dropping.model->train();
    const torch::NoGradGuard no_grad;
    const auto output = dropping.model->forward(input, models::Pooling::kPooler);
    CHECK(largest_difference(output.logits, expected_of(family).at("logits")) > 1e-3);
    const bool before_head = family == "roberta" || family == "electra" || family == "mpnet";
    CHECK((largest_difference(output.embedding, expected_of(family).at("head_state")) > 1e-3) ==
          before_head);
  }
}

TEST_CASE("RoBERTa's positions begin after the padding's", "[family]") {
  const auto config = models::load_config(golden("roberta"));
  CHECK(config.first_position == 2);
  CHECK(config.max_tokens() == 18);
  CHECK(models::load_config(golden("electra")).max_tokens() == 20);
  const TemporaryDirectory directory;
  fs::copy(golden("roberta") / "config.json", directory.path() / "config.json");
  edit_config(directory.path(), "pad_token_id", 19);
  CHECK_THROWS_WITH(models::load_config(directory.path()), ContainsSubstring("no position"));
}

TEST_CASE("XLM-R is RoBERTa's encoder under its own model_type", "[family]") {
  const TemporaryDirectory directory;
  fs::copy(golden("roberta"), directory.path(), fs::copy_options::recursive);
  edit_config(directory.path(), "model_type", "xlm-roberta");
  const auto loaded = load(directory.path());
  const auto expected = expected_of("roberta");
  CHECK(largest_difference(logits_of(loaded, input_of(expected)), expected.at("logits")) < 1e-5);
  const TemporaryDirectory saved;
  models::save_classifier(loaded.model, loaded.config, saved.path());
  const auto config = base::read_json(saved.path() / "config.json");
  CHECK(config["model_type"] == "xlm-roberta");
  CHECK(config["architectures"][0] == "XLMRobertaForSequenceClassification");
  CHECK(logits_of(load(saved.path()), input_of(expected))
            .equal(logits_of(loaded, input_of(expected))));
}

TEST_CASE("a family's error messages speak its names", "[family]") {
  const TemporaryDirectory directory;
  fs::copy(golden("distilbert"), directory.path(), fs::copy_options::recursive);
  auto weights = tensor::load_safetensors(golden("distilbert") / "model.safetensors");
  const auto copy = directory.path() / "model.safetensors";
  weights.erase("distilbert.transformer.layer.0.ffn.lin1.weight");
  weights["distilbert.surprise"] = torch::zeros({1});
  fs::remove(copy);
  tensor::save_safetensors(copy, weights);
  CHECK_THROWS_WITH(load(directory.path()),
                    ContainsSubstring("missing distilbert.transformer.layer.0.ffn.lin1.weight"));
  CHECK_THROWS_WITH(load(directory.path()), ContainsSubstring("extra distilbert.surprise"));
  edit_config(directory.path(), "n_heads", 3);
  CHECK_THROWS_WITH(models::load_config(directory.path()),
                    ContainsSubstring("dim 16 is not divisible by n_heads 3"));
  edit_config(directory.path(), "activation", "swish");
  edit_config(directory.path(), "n_heads", 2);
  CHECK_THROWS_WITH(models::load_config(directory.path()),
                    ContainsSubstring("activation \"swish\""));
  edit_config(directory.path(), "model_type", "gpt2");
  CHECK_THROWS_WITH(
      models::load_config(directory.path()),
      ContainsSubstring("bert, distilbert, roberta, xlm-roberta, electra, albert, mpnet"));
}

TEST_CASE("ALBERT with several groups of layers is refused", "[family]") {
  const TemporaryDirectory directory;
  fs::copy(golden("albert") / "config.json", directory.path() / "config.json");
  edit_config(directory.path(), "num_hidden_groups", 2);
  CHECK_THROWS_WITH(models::load_config(directory.path()),
                    ContainsSubstring("num_hidden_groups is 2; only 1 is supported"));
}

TEST_CASE("a checkpoint in shards is the checkpoint whole", "[family][shards]") {
  const TemporaryDirectory directory;
  const auto weights = tensor::load_safetensors(kGoldenBert / "model.safetensors");
  const fs::path index = directory.path() / "model.safetensors.index.json";
  const std::vector<std::string> files = {"model-00001-of-00002.safetensors",
                                          "model-00002-of-00002.safetensors"};
  std::vector<tensor::TensorMap> shards(2);
  base::Json map = base::Json::object();
  std::size_t count = 0;
  for (const auto& [name, value] : weights) {
    const std::size_t shard = count++ % 2;
    shards[shard][name] = value;
    map[name] = files[shard];
  }
  fs::copy(kGoldenBert / "config.json", directory.path() / "config.json");
  base::write_json(index, {{"metadata", {{"total_size", 1}}}, {"weight_map", map}});
  tensor::save_safetensors(directory.path() / files[0], shards[0]);
  CHECK_THROWS_WITH(load(directory.path()),
                    ContainsSubstring("1 of the 2 shards") && ContainsSubstring(files[1]));
  tensor::save_safetensors(directory.path() / files[1], shards[1]);
  const auto input = input_of(tensor::load_safetensors(kGoldenBert / "expected.safetensors"));
  CHECK(
      torch::equal(logits_of(load(directory.path()), input), logits_of(load(kGoldenBert), input)));

  shards[1].erase(shards[1].begin()->first);
  tensor::save_safetensors(directory.path() / files[1], shards[1]);
  CHECK_THROWS_WITH(load(directory.path()), ContainsSubstring("does not hold it"));
  map["classifier.bias"] = "../elsewhere.safetensors";
  base::write_json(index, {{"weight_map", map}});
  CHECK_THROWS_WITH(load(directory.path()), ContainsSubstring("elsewhere"));
  base::write_json(index, {{"weight_map", 3}});
  CHECK_THROWS_AS(load(directory.path()), base::ArtifactError);
  base::write_json(index, base::Json::object());
  CHECK_THROWS_AS(load(directory.path()), base::ArtifactError);
}

TEST_CASE("BERT without token types is BERT with types of zeros", "[family]") {
  const TemporaryDirectory directory;
  const std::string table = "bert.embeddings.token_type_embeddings.weight";
  auto weights = tensor::load_safetensors(kGoldenBert / "model.safetensors");
  const auto input = input_of(tensor::load_safetensors(kGoldenBert / "expected.safetensors"));
  weights[table] = torch::zeros_like(weights[table]);
  write_bert(directory.path(), weights);
  const auto expected = logits_of(load(directory.path()), input);

  weights.erase(table);
  write_bert(directory.path(), weights);
  const auto absent = load(directory.path());
  CHECK(absent.zeroed == std::vector<std::string>{table});
  CHECK(absent.initialised.empty());
  CHECK(torch::equal(logits_of(absent, input), expected));

  edit_config(directory.path(), "type_vocab_size", 0);
  const auto none = load(directory.path());
  CHECK(none.config.type_vocab_size == 1);
  CHECK(torch::equal(logits_of(none, input), expected));
  auto config = base::read_json(directory.path() / "config.json");
  config.erase("type_vocab_size");
  base::write_json(directory.path() / "config.json", config);
  CHECK(torch::equal(logits_of(load(directory.path()), input), expected));
}
