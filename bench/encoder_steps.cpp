// Times an encoder on batches that bench/encoders.py describes, one at a time, so that another
// program can take turns with it. Prints one JSON object for each line read:
//
//   bench_encoder_steps --model DIR --threads 2     then lines "forward|step BATCH TOKENS TIMES"
//
// forward: logits without gradients, in eval mode. step: forward in training mode, the way back,
// clipping and AdamW. Token ids are random, of two lengths: half of the texts have 3/4 of TOKENS.
#include <torch/torch.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "models/model_directory.h"
#include "models/thread_parallel.h"
#include "reaugkd/library_environment.h"
#include "tensor/device.h"
#include "train/optimizer.h"

namespace {

using namespace reaugkd;

models::EncoderInput random_batch(std::int64_t batch, std::int64_t tokens,
                                  std::int64_t vocabulary) {
  const auto lengths = torch::full({batch, 1}, tokens, torch::kInt64);
  lengths.slice(0, batch / 2).fill_(std::max<std::int64_t>(1, 3 * tokens / 4));
  const auto mask = (torch::arange(tokens).unsqueeze(0) < lengths).to(torch::kInt64);
  return {torch::randint(5, vocabulary, {batch, tokens}, torch::kInt64) * mask,
          torch::zeros({batch, tokens}, torch::kInt64), mask};
}

class Steps {
 public:
  explicit Steps(const std::string& directory) {
    auto config = models::load_config(directory);
    loaded_ = models::load_classifier(directory, config, {});
    optimizer_ = std::make_unique<train::AdamW>(train::decay_groups(*loaded_.model, 2e-5, 0.01));
  }

  /// Seconds of each time.
  std::vector<double> run(const std::string& what, std::int64_t batch, std::int64_t tokens,
                          int times) {
    const auto input = random_batch(batch, tokens, loaded_.config.vocab_size);
    std::vector<double> seconds;
    for (int i = 0; i < times; ++i) {
      const auto start = std::chrono::steady_clock::now();
      what == "step" ? step(input) : forward(input);
      seconds.push_back(
          std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return seconds;
  }

 private:
  void forward(const models::EncoderInput& input) {
    const torch::NoGradGuard no_grad;
    loaded_.model->eval();
    const tensor::SmallBatchGuard guard(torch::kCPU, tensor::Precision::kFp32,
                                        input.input_ids.numel() * loaded_.config.hidden_size);
    models::forward_on_threads(loaded_.model, input, models::Pooling::kPooler);
  }

  void step(const models::EncoderInput& input) {
    loaded_.model->train();
    const auto logits =
        models::forward_on_threads(loaded_.model, input, models::Pooling::kPooler).logits;
    const auto labels = torch::arange(input.input_ids.size(0)) % logits.size(1);
    torch::nn::functional::cross_entropy(logits, labels).backward();
    optimizer_->step(1, train::clip_factor(optimizer_->gradient_norm(), 1));
  }

  models::LoadedModel loaded_;
  std::unique_ptr<train::AdamW> optimizer_;
};

}  // namespace

int main(int argc, char** argv) {
  apps::start_again_with_library_environment(argv);
  std::string model;
  int threads = 0;
  CLI::App app("Times an encoder's forward pass and training step");
  app.add_option("--model", model, "a classifier's directory")->required();
  app.add_option("--threads", threads, "0: one a core");
  CLI11_PARSE(app, argc, argv);
  tensor::set_threads(threads);
  Steps steps(model);
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string what;
    std::int64_t batch = 0;
    std::int64_t tokens = 0;
    int times = 0;
    words >> what >> batch >> tokens >> times;
    std::cout << nlohmann::json{{"seconds", steps.run(what, batch, tokens, times)}} << std::endl;
  }
  return 0;
}
