#include "distill/query_head.h"

#include <spdlog/spdlog.h>

#include <cmath>

#include "base/random.h"

namespace reaugkd::distill {

torch::nn::Linear make_query_head(std::int64_t dimension, std::int64_t hidden_size,
                                  std::uint64_t seed) {
  const torch::NoGradGuard no_grad;
  torch::nn::Linear head(hidden_size, dimension);
  head->bias.zero_();
  if (dimension == hidden_size) {
    head->weight.copy_(torch::eye(dimension));
  } else {
    torch::manual_seed(base::stream_seed(seed, "init query"));
    head->weight.copy_(torch::randn({dimension, hidden_size}) / std::sqrt(hidden_size));
  }
  return head;
}

bool add_query_head(train::Model& student, const std::string& choice, std::int64_t dimension,
                    std::uint64_t seed, const torch::Device& device) {
  const auto hidden_size = student.config.hidden_size;
  if (choice == "none" || (choice == "auto" && dimension == hidden_size)) return false;
  auto head = make_query_head(dimension, hidden_size, seed);
  head->to(device);
  student.classifier->set_query_head(head);
  spdlog::info("the student's query is a linear map of its embedding: {} to {}", hidden_size,
               dimension);
  return true;
}

}  // namespace reaugkd::distill
