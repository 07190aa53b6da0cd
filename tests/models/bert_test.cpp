// BERT against an independent implementation's outputs (tests/golden/random-bert-l2-h32), and its
// properties: no influence of padding or of the batch, the published names, errors that list names.
#include "models/bert.h"

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
using reaugkd::tests::kGoldenBert;
using reaugkd::tests::largest_difference;
using reaugkd::tests::TemporaryDirectory;

namespace {

models::LoadedModel golden_model() {
  return models::load_classifier(kGoldenBert, models::load_config(kGoldenBert), {});
}

/// The golden directory copied, with one edit of config.json.
void copy_with_config(const fs::path& to, const std::string& key, const base::Json& value) {
  fs::copy(kGoldenBert, to, fs::copy_options::recursive);
  auto config = base::read_json(kGoldenBert / "config.json");
  config[key] = value;
  base::write_json(to / "config.json", config);
}

}  // namespace

TEST_CASE("outputs equal an independent implementation's to 1e-5", "[bert][golden]") {
  const torch::NoGradGuard no_grad;
  const auto expected = tensor::load_safetensors(kGoldenBert / "expected.safetensors");
  auto loaded = golden_model();
  const auto input = input_of(expected);
  const auto states = loaded.model->encode(input);
  const auto mask = input.attention_mask.unsqueeze(-1);
  CHECK(largest_difference(states.last_hidden_state * mask,
                           expected.at("last_hidden_state") * mask) < 1e-5);
  CHECK(largest_difference(states.pooler_output, expected.at("pooler_output")) < 1e-5);
  const auto output = loaded.model->forward(input, models::Pooling::kCls);
  CHECK(largest_difference(output.logits, expected.at("logits")) < 1e-5);
  CHECK(torch::equal(output.embedding, states.last_hidden_state.select(1, 0)));
}

TEST_CASE("neither padding nor the batch changes a row", "[bert]") {
  const torch::NoGradGuard no_grad;
  const auto expected = tensor::load_safetensors(kGoldenBert / "expected.safetensors");
  auto loaded = golden_model();
  const auto batch = input_of(expected);
  for (const auto embedding :
       {models::Pooling::kCls, models::Pooling::kMean, models::Pooling::kPooler}) {
    const auto together = loaded.model->forward(batch, embedding);
    for (std::int64_t row = 0; row < batch.input_ids.size(0); ++row) {
      const auto length = batch.attention_mask[row].sum().item<std::int64_t>();
      const auto alone = [&](const torch::Tensor& x) {
        return x.slice(0, row, row + 1).slice(1, 0, length);
      };
      const auto single = loaded.model->forward(
          {alone(batch.input_ids), alone(batch.token_type_ids), alone(batch.attention_mask)},
          embedding);
      CHECK(largest_difference(single.logits[0], together.logits[row]) < 1e-5);
      CHECK(largest_difference(single.embedding[0], together.embedding[row]) < 1e-5);
    }
  }
}

TEST_CASE("what a forward without gradients keeps follows the parameters", "[bert]") {
  auto loaded = golden_model();
  loaded.model->eval();
  const auto input = input_of(tensor::load_safetensors(kGoldenBert / "expected.safetensors"));
  const auto kept = [&] {
    const torch::NoGradGuard no_grad;
    return loaded.model->forward(input, models::Pooling::kCls).logits;
  };
  const auto fresh = [&] { return loaded.model->forward(input, models::Pooling::kCls).logits; };
  CHECK(torch::equal(kept(), fresh()));
  const auto before = kept();
  {
    const torch::NoGradGuard no_grad;
    for (auto& item : loaded.model->named_parameters()) {
      if (item.key().find("attention.self.value") != item.key().npos) item.value().mul_(2);
    }
  }
  CHECK(torch::equal(kept(), fresh()));
  CHECK_FALSE(torch::equal(kept(), before));
}

TEST_CASE("bf16 autocast stays near fp32", "[bert]") {
  const torch::NoGradGuard no_grad;
  auto loaded = golden_model();
  const auto input = input_of(tensor::load_safetensors(kGoldenBert / "expected.safetensors"));
  const auto exact = loaded.model->forward(input, models::Pooling::kCls);
  const tensor::AutocastGuard autocast(torch::kCPU, tensor::Precision::kBf16);
  const auto rounded = loaded.model->forward(input, models::Pooling::kCls);
  CHECK(rounded.logits.scalar_type() == torch::kFloat32);
  const double difference = largest_difference(rounded.logits, exact.logits);
  CHECK(difference > 0);    // it did compute in bf16
  CHECK(difference < 0.1);  // measured 0.057 with LibTorch 1.13 on AVX2; not derived
}

TEST_CASE("a model that answers gives what it gave, and follows its weights", "[bert][packed]") {
  auto loaded = golden_model();
  loaded.model->eval();
  const auto input = input_of(tensor::load_safetensors(kGoldenBert / "expected.safetensors"));
  loaded.model->prepare_to_answer({});
  CHECK(loaded.model->is_packed() == reaugkd::kernels::can_pack(reaugkd::kernels::Format::kFp32));
  const auto packed = [&] {
    const torch::NoGradGuard no_grad;
    return loaded.model->forward(input, models::Pooling::kCls).logits;
  };
  const auto plain = [&] { return loaded.model->forward(input, models::Pooling::kCls).logits; };
  for (const char* layer :
       {"attention.self.value", "attention.output.dense", "intermediate.dense", "1.output.dense"}) {
    INFO(layer);
    const auto before = packed();
    CHECK(largest_difference(before, plain()) < 1e-5);
    {
      const torch::NoGradGuard no_grad;
      for (auto& item : loaded.model->named_parameters()) {
        if (item.key().find(layer) != item.key().npos) item.value().mul_(2);
      }
    }
    CHECK(largest_difference(packed(), plain()) < 1e-5);
    CHECK(largest_difference(packed(), before) > 1e-3);
  }
}

TEST_CASE("activations are the published ones", "[bert]") {
  const torch::NoGradGuard no_grad;
  const auto input = input_of(tensor::load_safetensors(kGoldenBert / "expected.safetensors"));
  const auto gelu = golden_model().model->forward(input, models::Pooling::kCls).logits;
  auto config = models::load_config(kGoldenBert);
  config.hidden_act = models::Activation::kGeluNew;
  const auto gelu_new = models::load_classifier(kGoldenBert, config, {})
                            .model->forward(input, models::Pooling::kCls)
                            .logits;
  config.hidden_act = models::Activation::kRelu;
  const auto relu = models::load_classifier(kGoldenBert, config, {})
                        .model->forward(input, models::Pooling::kCls)
                        .logits;
  CHECK(largest_difference(gelu, gelu_new) > 0);
  CHECK(largest_difference(gelu, gelu_new) < 1e-2);  // an approximation of the same function
  CHECK(largest_difference(gelu, relu) > 1e-4);
}

TEST_CASE("a model survives saving, in every dtype and prefix", "[checkpoint]") {
  const torch::NoGradGuard no_grad;
  const auto input = input_of(tensor::load_safetensors(kGoldenBert / "expected.safetensors"));
  auto loaded = golden_model();
  const auto logits = loaded.model->forward(input, models::Pooling::kCls).logits;
  const TemporaryDirectory directory;
  models::save_classifier(loaded.model, loaded.config, directory.path());
  auto again = models::load_classifier(directory.path(), models::load_config(directory.path()), {});
  CHECK(torch::equal(again.model->forward(input, models::Pooling::kCls).logits, logits));
  const auto saved = tensor::load_safetensors(directory.path() / "model.safetensors");
  CHECK(saved.count("bert.encoder.layer.1.attention.self.query.weight") == 1);
  CHECK(saved.count("classifier.bias") == 1);

  for (const auto dtype : {torch::kFloat16, torch::kBFloat16}) {
    tensor::TensorMap other;
    for (const auto& [name, value] : saved) {
      // Bare keys and the older spelling of LayerNorm, as some published checkpoints have them.
      std::string key = name.rfind("bert.", 0) == 0 ? name.substr(5) : name;
      if (key.find("LayerNorm.weight") != key.npos) key.replace(key.size() - 6, 6, "gamma");
      if (key.find("LayerNorm.bias") != key.npos) key.replace(key.size() - 4, 4, "beta");
      other[key] = value.to(dtype);
    }
    other["cls.predictions.bias"] = torch::zeros({120});
    other["embeddings.position_ids"] = torch::arange(40);
    tensor::save_safetensors(directory.path() / "model.safetensors", other);
    auto rounded = models::load_classifier(directory.path(), loaded.config, {});
    CHECK(largest_difference(rounded.model->forward(input, models::Pooling::kCls).logits, logits) <
          0.05);
  }
}

TEST_CASE("a checkpoint that does not fit lists names", "[checkpoint]") {
  const TemporaryDirectory directory;
  auto weights = tensor::load_safetensors(kGoldenBert / "model.safetensors");
  fs::copy(kGoldenBert / "config.json", directory.path() / "config.json");
  const auto config = models::load_config(kGoldenBert);
  const auto file = directory.path() / "model.safetensors";
  CHECK_THROWS_WITH(models::load_classifier(directory.path(), config, {}),
                    ContainsSubstring("is missing"));
  base::write_file(directory.path() / "pytorch_model.bin", "x");
  CHECK_THROWS_WITH(models::load_classifier(directory.path(), config, {}),
                    ContainsSubstring("convert_checkpoint.py"));

  auto broken = weights;
  broken.erase("bert.embeddings.LayerNorm.weight");
  broken["bert.surprise"] = torch::zeros({1});
  broken["classifier.weight"] = torch::zeros({5, 32});
  tensor::save_safetensors(file, broken);
  try {
    models::load_classifier(directory.path(), config, {});
    FAIL("was accepted");
  } catch (const base::ArtifactError& error) {
    CHECK_THAT(error.what(), ContainsSubstring("missing bert.embeddings.LayerNorm.weight"));
    CHECK_THAT(error.what(), ContainsSubstring("extra bert.surprise"));
    CHECK_THAT(error.what(), ContainsSubstring("classifier.weight is (5, 32), expected (3, 32)"));
  }
}

TEST_CASE("a missing head is drawn, seeded, and named", "[checkpoint]") {
  const TemporaryDirectory directory;
  auto weights = tensor::load_safetensors(kGoldenBert / "model.safetensors");
  fs::copy(kGoldenBert / "config.json", directory.path() / "config.json");
  for (const char* name : {"bert.pooler.dense.weight", "bert.pooler.dense.bias",
                           "classifier.weight", "classifier.bias"}) {
    weights.erase(name);
  }
  tensor::save_safetensors(directory.path() / "model.safetensors", weights);
  const auto config = models::load_config(kGoldenBert);
  CHECK_THROWS_AS(models::load_classifier(directory.path(), config, {}), base::ArtifactError);
  models::LoadOptions options;
  options.head_may_be_missing = true;
  options.seed = 3;
  const auto first = models::load_classifier(directory.path(), config, options);
  const auto second = models::load_classifier(directory.path(), config, options);
  options.seed = 4;
  const auto third = models::load_classifier(directory.path(), config, options);
  CHECK(first.initialised.size() == 4);
  const auto weight = [](const models::LoadedModel& loaded) {
    return loaded.model->named_parameters()["classifier.weight"];
  };
  CHECK(torch::equal(weight(first), weight(second)));
  CHECK_FALSE(torch::equal(weight(first), weight(third)));
  CHECK(weight(first).std().item<double>() == Approx(0.02).epsilon(0.3));
  CHECK(first.model->named_parameters()["classifier.bias"].abs().max().item<double>() == 0);
}

TEST_CASE("the head of another number of classes is drawn anew where one may be missing",
          "[checkpoint]") {
  const TemporaryDirectory directory;
  auto config = models::load_config(kGoldenBert);
  config.id2label = {"a", "b", "c", "d", "e"};
  CHECK_THROWS_AS(models::load_classifier(kGoldenBert, config, {}), base::ArtifactError);
  models::LoadOptions options;
  options.head_may_be_missing = true;
  const auto loaded = models::load_classifier(kGoldenBert, config, options);
  CHECK(loaded.initialised == std::vector<std::string>{"classifier.weight", "classifier.bias"});
  CHECK(loaded.model->named_parameters()["classifier.weight"].size(0) == 5);
}

TEST_CASE("layers are picked in the order given", "[checkpoint]") {
  models::LoadOptions options;
  options.layers = {1};
  const auto config = models::load_config(kGoldenBert);
  const auto picked = models::load_classifier(kGoldenBert, config, options);
  CHECK(picked.config.num_hidden_layers == 1);
  const auto whole = golden_model();
  CHECK(torch::equal(picked.model->named_parameters()["bert.encoder.layer.0.output.dense.weight"],
                     whole.model->named_parameters()["bert.encoder.layer.1.output.dense.weight"]));
  options.layers = {2};
  CHECK_THROWS_AS(models::load_classifier(kGoldenBert, config, options), base::ConfigError);
  options.layers = {1, 1};
  CHECK_THROWS_AS(models::load_classifier(kGoldenBert, config, options), base::ConfigError);
}

TEST_CASE("config.json is checked and survives", "[config]") {
  const TemporaryDirectory directory;
  models::ModelConfig config = models::load_config(kGoldenBert);
  CHECK(config.num_labels() == 3);
  config.reaugkd = {{"task", "sst2"}};
  config.id2label = {"no", "yes"};
  models::save_config(config, directory.path());
  const auto again = models::load_config(directory.path());
  CHECK(again.id2label == config.id2label);
  CHECK(again.reaugkd == config.reaugkd);
  CHECK(again.hidden_size == config.hidden_size);

  int copy = 0;
  const auto refused = [&](const std::string& key, const base::Json& value) {
    const fs::path path = directory.path() / std::to_string(++copy);
    copy_with_config(path, key, value);
    CHECK_THROWS_AS(models::load_config(path), base::ArtifactError);
  };
  refused("model_type", "gpt2");
  refused("hidden_act", "swish");
  refused("hidden_size", 30);  // 4 heads
  refused("hidden_size", -32);
  refused("vocab_size", "many");
  refused("hidden_dropout_prob", 1.5);
  refused("position_embedding_type", "relative_key");
  refused("id2label", {{"1", "a"}});
}
