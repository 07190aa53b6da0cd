// A model directory as training and evaluation use it: classifier, tokenizer and settings together,
// loaded for training or for prediction, and written back.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/task_settings.h"
#include "models/model_directory.h"
#include "retrieval/provenance.h"
#include "tensor/device.h"
#include "text/encoded_dataset.h"
#include "text/tokenizer.h"
#include "train/predict.h"

namespace reaugkd::train {

struct Model {
  models::ModelConfig config;
  models::Classifier classifier{nullptr};
  std::shared_ptr<const text::Tokenizer> tokenizer;
  models::Pooling pooling = models::Pooling::kCls;
  std::optional<retrieval::KeySpace> trained_towards;  // of a student of equation 4

  text::EncodedDataset encode(const data::Dataset& dataset, const data::TaskSettings& settings,
                              const tensor::Compute& compute) const;
  PredictOptions predict_options(const tensor::Compute& compute, const data::TaskSettings& settings,
                                 std::int64_t batch_size) const;
};

struct TrainingInit {
  std::string init = "pretrained";  // or random
  std::vector<std::int64_t> layers = {};
  std::int64_t vocab_size = 0;     // train a sentencepiece model of this size if there is none
  std::string embedding = "auto";  // else models::parse_pooling's
  std::uint64_t seed = 0;
  bool reorder_classes = false;  // of a loaded classifier: its rows into the task's order
};

/// A model to be trained on the task: head and pooler may be missing; config gets the task's
/// classes and settings. Throws ArtifactError also where the vocabulary is larger than the
/// embedding matrix, ConfigError where max_seq_length is than its positions.
Model load_for_training(const std::filesystem::path& directory, const data::TaskData& data,
                        const TrainingInit& init);

/// A fine-tuned classifier for the task; `embedding` as in TrainingInit. Throws ArtifactError where
/// its head has other classes.
Model load_trained(const std::filesystem::path& directory, const data::TaskSettings& settings,
                   const std::string& embedding = "auto");

/// Throws ArtifactError where the vocabulary is larger than the embedding matrix.
void check_vocabulary(const Model& model, const std::filesystem::path& directory);

/// Writes config.json, model.safetensors, with a query head query.safetensors, the tokenizer's
/// files, and what makes it a folder of sentence-transformers. Throws IoError.
void save_model(const Model& model, const data::TaskSettings& settings,
                const std::filesystem::path& directory);

}  // namespace reaugkd::train
