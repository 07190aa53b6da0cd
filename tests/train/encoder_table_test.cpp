// The table of families is open: an encoder registered here is loaded from a directory, trained and
// saved by code that has never heard of it.
#include <torch/torch.h>

#include "base/error.h"
#include "base/json.h"
#include "catch.h"
#include "models/classifier.h"
#include "models/families.h"
#include "models/model_directory.h"
#include "temporary_directory.h"
#include "tensor/safetensors.h"
#include "train/optimizer.h"

namespace reaugkd::models {
namespace {

/// A bag of words: the mean of word vectors, through one layer.
class BagImpl : public Encoder {
 public:
  explicit BagImpl(const ModelConfig& config)
      : words_(
            register_module("words", torch::nn::Embedding(config.vocab_size, config.hidden_size))),
        layer_(
            register_module("layer", torch::nn::Linear(config.hidden_size, config.hidden_size))) {}

  EncoderOutput forward(const EncoderInput& input, EncoderTrace* trace) override {
    return continue_from(0, words_(input.input_ids), input.attention_mask, trace);
  }
  EncoderOutput continue_from(std::int64_t, const torch::Tensor& hidden, const torch::Tensor& mask,
                              EncoderTrace* trace) override {
    const auto weights = mask.to(torch::kFloat32).unsqueeze(-1);
    const auto states = torch::tanh(layer_(hidden));
    if (trace != nullptr) trace->hidden_states = {hidden, states};
    return {states, (states * weights).sum(1) / weights.sum(1)};
  }

 private:
  torch::nn::Embedding words_;
  torch::nn::Linear layer_;
};

class BagFamily : public Family {
 public:
  std::string model_type() const override { return "bag"; }
  std::string architecture() const override { return "BagForSequenceClassification"; }
  ModelConfig read_config(const base::Json& json, const std::string& where) const override {
    ModelConfig config;
    config.vocab_size = base::json_at<std::int64_t>(json, "words", where);
    config.hidden_size = base::json_at<std::int64_t>(json, "width", where);
    config.num_hidden_layers = 1;
    config.num_attention_heads = 1;
    return config;
  }
  base::Json write_config(const ModelConfig& config) const override {
    return {{"words", config.vocab_size}, {"width", config.hidden_size}};
  }
  std::shared_ptr<Encoder> make_encoder(const ModelConfig& config) const override {
    return std::make_shared<BagImpl>(config);
  }
  std::string encoder_name() const override { return "bag"; }
  std::string our_name(std::string published) const override {
    return published == "vectors" ? "bag.words.weight" : published;
  }
  std::string published_name(const std::string& ours) const override {
    return ours == "bag.words.weight" ? "vectors" : ours;
  }
  std::string layer_prefix() const override { return "bag.layers."; }
  bool is_head(const std::string&) const override { return false; }
  double number_of_weights(const ModelConfig& config) const override {
    return static_cast<double>(config.vocab_size * config.hidden_size);
  }
};

TEST_CASE("an encoder of another's is loaded, trained and saved", "[families]") {
  if (find_family("bag") == nullptr) add_family(std::make_unique<BagFamily>());
  CHECK(supported_model_types().back() == "bag");
  const tests::TemporaryDirectory directory;
  base::write_json(directory.path() / "config.json",
                   {{"model_type", "bag"}, {"words", 7}, {"width", 4}});
  auto config = load_config(directory.path());
  CHECK(config.published["words"] == 7);
  config.id2label = {"no", "yes"};
  LoadOptions random;
  random.random_init = true;
  random.seed = 3;
  auto drawn = load_classifier(directory.path(), config, random);

  const EncoderInput batch{torch::tensor({{1, 2, 3}, {4, 0, 0}}, torch::kInt64),
                           torch::zeros({2, 3}, torch::kInt64),
                           torch::tensor({{1, 1, 1}, {1, 0, 0}}, torch::kInt64)};
  train::AdamW optimizer(train::decay_groups(*drawn.model, 0.05, 0.01));
  const auto loss = [&] {
    const auto logits = drawn.model->forward(batch, Pooling::kMean).logits;
    return torch::nn::functional::cross_entropy(logits, torch::tensor({0, 1}, torch::kInt64));
  };
  const double before = loss().item<double>();
  for (int i = 0; i < 40; ++i) {
    loss().backward();
    optimizer.step(1, torch::tensor(1.0F));
  }
  CHECK(loss().item<double>() < before / 4);

  save_classifier(drawn.model, drawn.config, directory.path());
  CHECK(tensor::load_safetensors(directory.path() / "model.safetensors").contains("vectors"));
  auto again = load_classifier(directory.path(), load_config(directory.path()), {});
  CHECK(torch::equal(again.model->forward(batch, Pooling::kPooler).logits,
                     drawn.model->forward(batch, Pooling::kPooler).logits));
  CHECK(torch::equal(pooled(again.model->encode(batch), batch.attention_mask, Pooling::kMean),
                     again.model->forward(batch, Pooling::kMean).embedding));
}

}  // namespace
}  // namespace reaugkd::models
