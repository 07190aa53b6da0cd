// A model directory as the stages use it: classifier, tokenizer and settings together, loaded for
// training or for prediction, and written back.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "nn/checkpoint.h"
#include "stages/stage_run.h"
#include "stages/task_data.h"
#include "tensor/device.h"
#include "text/encoded_dataset.h"
#include "text/tokenizer.h"
#include "train/predict.h"

namespace reaugkd::stages {

/// Device and precision of a stage, resolved.
struct Compute {
  torch::Device device = torch::kCPU;
  tensor::Precision precision = tensor::Precision::kFp32;
  int threads = 1;
};

/// Resolves --device, --precision and --threads and notes them in the run.
Compute start_compute(const RunOptions& options, bool training, StageRun& run);

struct Model {
  nn::BertConfig config;
  nn::BertForSequenceClassification classifier{nullptr};
  std::shared_ptr<const text::Tokenizer> tokenizer;
  nn::Embedding embedding = nn::Embedding::kCls;

  text::EncodedDataset encode(const data::Dataset& dataset, const TaskSettings& settings,
                              int threads) const;
  train::PredictOptions predict_options(const Compute& compute, const TaskSettings& settings,
                                        std::int64_t batch_size) const;
};

/// Key in config.reaugkd: the embedding_space that a student was distilled towards.
inline constexpr const char* kTrainedTowards = "trained_towards";

/// Key in a knowledge base's provenance: sha256 of the student whose s are its embeddings.
inline constexpr const char* kKeysSha256 = "keys_sha256";

/// Which embeddings a knowledge base holds: the sha256 of teacher and projection in its provenance,
/// or of the student. Those of another space do not compare with a student's s.
core::Json embedding_space(const core::Json& provenance);

struct TrainingInit {
  std::string init = "pretrained";  // or random
  std::vector<std::int64_t> layers = {};
  std::int64_t vocab_size = 0;  // train a sentencepiece model of this size if there is none
  std::string embedding = "cls";
  std::uint64_t seed = 0;
  bool reorder_classes = false;  // of a loaded classifier: its rows into the task's order
};

/// A model to be trained on the task: head and pooler may be missing; config gets the task's
/// classes and settings. Throws ArtifactError also where the vocabulary is larger than the
/// embedding matrix, ConfigError where max_seq_length is than its positions.
Model load_for_training(const std::filesystem::path& directory, const TaskData& data,
                        const TrainingInit& init);

/// A fine-tuned classifier for the task. Throws ArtifactError where its head has other classes.
Model load_trained(const std::filesystem::path& directory, const TaskSettings& settings);

/// Writes config.json, model.safetensors and the tokenizer's files.
void save_model(const Model& model, const TaskSettings& settings,
                const std::filesystem::path& directory);

}  // namespace reaugkd::stages
