// A family of published models: its model_type, how its config.json is read, what its checkpoints
// call our parameters, and the encoder that it makes. families.h has the table of all;
// docs/developer/adding-an-encoder.md shows how to add one.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "models/model_config.h"

namespace reaugkd::models {

class Encoder;

class Family {
 public:
  virtual ~Family() = default;

  virtual std::string model_type() const = 0;    // config.json's
  virtual std::string architecture() const = 0;  // the class of Python's transformers

  /// The hyper-parameters of config.json. Throws ArtifactError naming `where`.
  virtual ModelConfig read_config(const base::Json& json, const std::string& where) const = 0;
  /// config.json's keys for these hyper-parameters, but those of the head (id2label and so on).
  virtual base::Json write_config(const ModelConfig& config) const = 0;

  /// The encoder, with its weights as LibTorch draws them.
  virtual std::shared_ptr<Encoder> make_encoder(const ModelConfig& config) const = 0;
  /// What the encoder is called in the classifier: the beginning of our parameters' names.
  virtual std::string encoder_name() const = 0;

  /// Our name of a checkpoint's tensor; empty for what we have no use for. A name that the family
  /// does not have comes back as it is.
  virtual std::string our_name(std::string published) const { return published; }
  /// The inverse: what save_classifier writes.
  virtual std::string published_name(const std::string& ours) const { return ours; }

  /// The hyper-parameters with `layers` of the encoder alone, in this order. Throws ConfigError
  /// where the family cannot have them so.
  virtual ModelConfig with_layers(ModelConfig config,
                                  const std::vector<std::int64_t>& layers) const {
    config.num_hidden_layers = static_cast<std::int64_t>(layers.size());
    return config;
  }

  /// What our names of a layer's parameters begin with, before the layer's number: "bert.encoder.
  /// layer.". Layers can be picked by it.
  virtual std::string layer_prefix() const = 0;
  /// Whether one layer's parameters serve all layers.
  virtual bool shares_layers() const { return false; }
  /// Whether this parameter is a part of the head (beside the classifier), which a pretrained
  /// checkpoint may lack.
  virtual bool is_head(const std::string& ours) const = 0;
  /// Whether a checkpoint may lack this parameter, which is then zeros.
  virtual bool may_be_zero(const std::string& ours) const { return (void)ours, false; }
  /// Whether a checkpoint may hold this tensor although the encoder has no such parameter.
  virtual bool may_be_left_over(const std::string& ours) const { return (void)ours, false; }
  /// Whether this parameter is the table of word embeddings, whose padding row is drawn as zeros.
  virtual bool is_word_embedding(const std::string& ours) const { return (void)ours, false; }
  /// How far a token of this layer sees to either side; the largest number: to all tokens.
  virtual std::int64_t attention_window(const ModelConfig& config, std::int64_t layer) const {
    return (void)config, (void)layer, std::numeric_limits<std::int64_t>::max();
  }
  /// Values of all matrices but the head's, to be told before memory is taken.
  virtual double number_of_weights(const ModelConfig& config) const = 0;
};

}  // namespace reaugkd::models
