// What this machine can do at most: the rate of one BERT layer's dense matrix products, forward and
// backward, through LibTorch, and that of copying memory. Prints JSON.
//
//   bench_ceilings --hidden 256 768 --tokens 4096 --threads 2
#include <torch/torch.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <vector>

#include "reaugkd/library_environment.h"
#include "tensor/device.h"

namespace {

constexpr int kRounds = 5;

double median_seconds(const std::function<void()>& work) {
  work();
  std::vector<double> seconds;
  for (int i = 0; i < kRounds; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[kRounds / 2];
}

/// y = x W^T, dx = dy W, dW = dy^T x of every dense matrix of a layer: floating point operations a
/// second over all of them together.
double dense_rate(std::int64_t hidden, std::int64_t tokens, torch::Dtype dtype) {
  struct Dense {
    std::int64_t from, to;
    int count;
  };
  const std::vector<Dense> layer = {
      {hidden, hidden, 4}, {hidden, 4 * hidden, 1}, {4 * hidden, hidden, 1}};
  double operations = 0;
  double seconds = 0;
  for (const auto& [from, to, count] : layer) {
    const auto x = torch::randn({tokens, from}).to(dtype);
    const auto dy = torch::randn({tokens, to}).to(dtype);
    const auto weight = torch::randn({to, from}).to(dtype);
    const auto product = 2.0 * static_cast<double>(tokens * from * to);
    operations += 3 * product * count;
    seconds += count * median_seconds([&] { torch::mm(x, weight.t()); });
    seconds += count * median_seconds([&] { torch::mm(dy, weight); });
    seconds += count * median_seconds([&] { torch::mm(dy.t(), x); });
  }
  return operations / seconds;
}

/// Bytes read and written a second.
double copy_rate() {
  constexpr std::int64_t kBytes = 256 << 20;
  const auto from = torch::ones({kBytes}, torch::kUInt8);
  auto to = torch::zeros({kBytes}, torch::kUInt8);
  return 2.0 * kBytes / median_seconds([&] { to.copy_(from); });
}

}  // namespace

int main(int argc, char** argv) {
  reaugkd::apps::start_again_with_library_environment(argv);
  std::vector<std::int64_t> widths = {256, 768};
  std::int64_t tokens = 4096;
  int threads = 0;
  CLI::App app("The machine's own rates: dense products of a BERT layer and memory copy");
  app.add_option("--hidden", widths, "hidden sizes");
  app.add_option("--tokens", tokens, "rows of a product: batch x length")->capture_default_str();
  app.add_option("--threads", threads, "0: one a core");
  CLI11_PARSE(app, argc, argv);

  const torch::NoGradGuard no_grad;
  reaugkd::tensor::set_threads(threads);
  nlohmann::json json;
  json["threads"] = torch::get_num_threads();
  json["tokens"] = tokens;
  json["openblas_core"] = reaugkd::tensor::openblas_core();
  json["copy_bytes_per_second"] = copy_rate();
  for (const auto hidden : widths) {
    const auto name = std::to_string(hidden);
    json["flops_per_second"]["fp32"][name] = dense_rate(hidden, tokens, torch::kFloat32);
    json["flops_per_second"]["bf16"][name] = dense_rate(hidden, tokens, torch::kBFloat16);
  }
  std::cout << json.dump() << '\n';
}
