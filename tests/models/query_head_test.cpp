// The query head: Q s~ + b beside what the classifier reads, in one piece or in slices; its file.
#include <ATen/Parallel.h>

#include "base/error.h"
#include "base/sha256.h"
#include "catch.h"
#include "models/golden.h"
#include "models/model_directory.h"
#include "models/thread_parallel.h"
#include "temporary_directory.h"

namespace reaugkd::models {
namespace {

using tests::kGoldenBert;
using tests::largest_difference;

LoadedModel with_query(const std::filesystem::path& directory = kGoldenBert) {
  LoadOptions options;
  options.query_head = true;
  return load_classifier(directory, load_config(directory), options);
}

torch::nn::Linear drawn_head(std::int64_t dimension) {
  torch::manual_seed(5);
  return torch::nn::Linear(32, dimension);
}

EncoderInput four_texts() {
  torch::manual_seed(3);
  return {torch::randint(5, 50, {4, 6}, torch::kInt64), torch::zeros({4, 6}, torch::kInt64),
          torch::ones({4, 6}, torch::kInt64)};
}

TEST_CASE("without a head the query is the embedding, with one Q s~ + b", "[query_head]") {
  const torch::NoGradGuard no_grad;
  auto model = with_query().model;
  const auto before = model->forward(four_texts(), Pooling::kMean);
  CHECK(model->query_dimension() == 32);
  CHECK(before.query.is_same(before.embedding));
  const auto q = drawn_head(7);
  model->set_query_head(q);
  CHECK(model->query_dimension() == 7);
  const auto after = model->forward(four_texts(), Pooling::kMean);
  CHECK(torch::equal(after.logits, before.logits));
  CHECK(torch::equal(after.embedding, before.embedding));
  const auto expected = torch::matmul(before.embedding, q->weight.t()) + q->bias;
  CHECK(largest_difference(after.query, expected) < 1e-6);
}

TEST_CASE("a batch in slices has the same queries and gradients of the head", "[query_head]") {
  auto model = with_query().model;
  model->set_query_head(drawn_head(7));
  const int before = at::get_num_threads();
  std::vector<torch::Tensor> queries, gradients;
  for (const int threads : {1, 3}) {
    at::set_num_threads(threads);
    model->zero_grad();
    const auto output = forward_on_threads(model, four_texts(), Pooling::kCls);
    output.query.square().sum().backward();
    queries.push_back(output.query.detach());
    gradients.push_back(model->query_head()->weight.grad().clone());
  }
  at::set_num_threads(before);
  CHECK(largest_difference(queries[0], queries[1]) < 1e-5);
  CHECK(gradients[0].abs().max().item<double>() > 0.1);
  CHECK(largest_difference(gradients[0], gradients[1]) < 1e-4);
}

TEST_CASE("the query head has a file of its own and leaves model.safetensors as it is",
          "[query_head]") {
  const torch::NoGradGuard no_grad;
  const tests::TemporaryDirectory plain, headed;
  auto loaded = with_query();
  save_classifier(loaded.model, loaded.config, plain.path());
  CHECK(!std::filesystem::exists(plain.path() / "query.safetensors"));
  CHECK(!with_query(plain.path()).model->has_query_head());
  loaded.model->set_query_head(drawn_head(7));
  save_classifier(loaded.model, loaded.config, headed.path());
  CHECK(base::sha256_of_file(plain.path() / "model.safetensors") ==
        base::sha256_of_file(headed.path() / "model.safetensors"));
  CHECK(digest_of_queries(plain.path()) ==
        base::sha256_of_file(plain.path() / "model.safetensors"));
  CHECK(digest_of_queries(headed.path()) != digest_of_queries(plain.path()));
  auto again = with_query(headed.path());
  CHECK(torch::equal(again.model->query_head()->weight, loaded.model->query_head()->weight));
  CHECK(torch::equal(again.model->query_head()->bias, loaded.model->query_head()->bias));
  // To be trained anew, a model begins without it.
  CHECK(!load_classifier(headed.path(), loaded.config, {}).model->has_query_head());
}

TEST_CASE("a query head that does not fit is refused", "[query_head]") {
  const tests::TemporaryDirectory directory;
  auto loaded = with_query();
  save_classifier(loaded.model, loaded.config, directory.path());
  const auto path = directory.path() / "query.safetensors";
  tensor::save_safetensors(
      path, {{"query.weight", torch::ones({4, 31})}, {"query.bias", torch::ones({4})}});
  CHECK_THROWS_AS(with_query(directory.path()), base::ArtifactError);
  tensor::save_safetensors(
      path, {{"query.weight", torch::ones({4, 32})}, {"query.bias", torch::ones({5})}});
  CHECK_THROWS_AS(with_query(directory.path()), base::ArtifactError);
}

}  // namespace
}  // namespace reaugkd::models
