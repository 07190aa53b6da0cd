#include "retrieval/hnsw_codes.h"

#include <torch/torch.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "catch.h"
#include "retrieval/embeddings.h"
#include "retrieval/inner_product_kernel.h"

namespace reaugkd::retrieval {
namespace {

float by_codes(const torch::Tensor& s, const torch::Tensor& z) {
  const auto dimension = static_cast<std::size_t>(s.numel());
  std::vector<char> query(query_code_bytes(dimension));
  std::vector<char> row(row_code_bytes(dimension) + 1);
  encode_query(s.data_ptr<float>(), dimension, query.data());
  encode_row(z.data_ptr<float>(), dimension, row.data() + 1);  // anywhere in memory
  return inner_product_of_codes(query.data(), row.data() + 1, dimension);
}

TEST_CASE("the inner product of bytes of any length and sign is exact") {
  std::vector<std::uint8_t> a(1100);
  std::vector<std::int8_t> b(1100);
  for (std::size_t i = 0; i < a.size(); ++i) {
    a[i] = static_cast<std::uint8_t>(i % 3 == 0 ? 255 : i * 37 % 256);
    b[i] = static_cast<std::int8_t>(i % 5 == 0 ? -128 : static_cast<int>(i * 101 % 256) - 128);
  }
  std::int32_t expected = 0;
  for (std::size_t n = 0; n <= a.size(); ++n) {
    CHECK(inner_product(a.data(), b.data(), static_cast<std::int64_t>(n)) == expected);
    if (n < a.size()) expected += int{a[n]} * int{b[n]};
  }
}

TEST_CASE("a code is within half a step of its vector") {
  const auto z = tests::unit_rows(1, 97, 3);
  std::vector<char> code(row_code_bytes(97));
  encode_row(z.data_ptr<float>(), 97, code.data());
  const float scale = z.abs().max().item<float>() / 127;
  for (std::int64_t i = 0; i < 97; ++i) {
    const float decoded = scale * static_cast<float>(static_cast<signed char>(code[i]));
    CHECK(std::abs(decoded - z[0][i].item<float>()) <= scale * 0.5001F);
  }
}

TEST_CASE("codes of unit vectors have nearly their inner product") {
  for (const std::int64_t dimension : {1, 3, 64, 257, 768}) {
    const auto s = tests::unit_rows(50, dimension, 1);
    const auto z = tests::unit_rows(50, dimension, 2);
    double squares = 0;
    for (std::int64_t i = 0; i < 50; ++i) {
      const double expected = (s[i] * z[i]).sum().item<double>();
      squares += std::pow(by_codes(s[i].contiguous(), z[i].contiguous()) - expected, 2);
    }
    const double steps =
        (s.abs().max().square() + z.abs().max().square()).sqrt().item<double>() / 127;
    CHECK(std::sqrt(squares / 50) <= steps / std::sqrt(12.0) + 1e-6);
  }
  const auto zero = torch::zeros({8});
  CHECK(by_codes(zero, torch::ones({8})) == 0);
  CHECK(by_codes(torch::ones({8}), zero) == 0);
  CHECK(by_codes(torch::full({8}, 1e-38F), torch::ones({8})) == 0);
}

}  // namespace
}  // namespace reaugkd::retrieval
