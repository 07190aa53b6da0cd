#include "tensor/safetensors.h"

#include <torch/torch.h>

#include <cstring>
#include <fstream>
#include <random>

#include "base/error.h"
#include "base/file.h"
#include "catch.h"
#include "temporary_directory.h"

namespace base = reaugkd::base;
namespace tensor = reaugkd::tensor;
using reaugkd::tests::TemporaryDirectory;

namespace {

std::string file_of(const std::string& header, const std::string& data) {
  const std::uint64_t size = header.size();
  std::string bytes(sizeof size, '\0');
  std::memcpy(bytes.data(), &size, sizeof size);
  return bytes + header + data;
}

}  // namespace

TEST_CASE("every dtype survives a round trip, bit by bit", "[safetensors]") {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "a.safetensors";
  torch::manual_seed(1);
  const tensor::TensorMap written = {
      {"f32", torch::randn({3, 5})},
      {"f16", torch::randn({7}).to(torch::kFloat16)},
      {"bf16", torch::randn({2, 2, 2}).to(torch::kBFloat16)},
      {"f64", torch::randn({1}, torch::kFloat64)},
      {"i64", torch::arange(4)},
      {"u8", torch::arange(3).to(torch::kUInt8)},
      {"bool", torch::tensor({true, false})},
      {"scalar", torch::tensor(2.5F)},
      {"empty", torch::empty({0, 4})},
      {"transposed", torch::randn({4, 3}).t()},
  };
  tensor::save_safetensors(path, written, {{"format", "pt"}});
  const auto read = tensor::load_safetensors(path);
  REQUIRE(read.size() == written.size());
  for (const auto& [name, value] : written) {
    INFO(name);
    CHECK(read.at(name).scalar_type() == value.scalar_type());
    CHECK(torch::equal(read.at(name), value));
  }
  const std::string first = base::read_file(path);
  tensor::save_safetensors(path, read, {{"format", "pt"}});
  CHECK(base::read_file(path) == first);
}

TEST_CASE("a file as the reference library writes it is read", "[safetensors]") {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "a.safetensors";
  const float values[2] = {1.5F, -2.0F};
  const std::string data(reinterpret_cast<const char*>(values), sizeof values);
  const std::string entry = R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  base::write_file(path, file_of(entry, data));  // a header of odd length: nothing is aligned
  CHECK(torch::equal(tensor::load_safetensors(path).at("x"), torch::tensor({1.5F, -2.0F})));
}

TEST_CASE("a broken file is refused with what is wrong", "[safetensors]") {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "a.safetensors";
  const auto message = [&](const std::string& bytes) -> std::string {
    base::write_file(path, bytes);
    try {
      tensor::load_safetensors(path);
    } catch (const base::ArtifactError& error) {
      return error.what();
    }
    return "accepted";
  };
  const std::string data(8, 'x');
  const auto entry = [](const std::string& dtype, const std::string& shape,
                        const std::string& offsets) {
    return R"({"x":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" +
           offsets + "}}";
  };
  CHECK_THAT(message(""), ContainsSubstring("too few"));
  CHECK_THAT(message(file_of(entry("F32", "[2]", "[0,8]"), "xxxx")),
             ContainsSubstring("truncated"));
  CHECK_THAT(message(std::string(8, '\xff')), ContainsSubstring("truncated or not"));
  CHECK_THAT(message(file_of("[1]", "")), ContainsSubstring("not a JSON object"));
  CHECK_THAT(message(file_of("{\"x\":", "")), ContainsSubstring("not a JSON object"));
  CHECK_THAT(message(file_of(entry("F8", "[2]", "[0,8]"), data)), ContainsSubstring("dtype F8"));
  CHECK_THAT(message(file_of(entry("F32", "[3]", "[0,8]"), data)), ContainsSubstring("need 12"));
  CHECK_THAT(message(file_of(entry("F32", "[-2]", "[0,8]"), data)),
             ContainsSubstring("shape is [-2], expected whole numbers"));
  CHECK_THAT(message(file_of(entry("F32", "[2.5]", "[0,8]"), data)),
             ContainsSubstring("shape is [2.5], expected whole numbers"));
  CHECK_THAT(message(file_of(entry("F32", "[0,4611686018427387904,4]", "[0,0]"), "")),
             ContainsSubstring("impossible"));
  CHECK_THAT(
      message(file_of(entry("F32", "[4611686018427387904,4611686018427387904]", "[0,8]"), data)),
      ContainsSubstring("impossible"));
  CHECK_THAT(message(file_of(entry("F32", "[1]", "[4,8]"), data)), ContainsSubstring("hole"));
  CHECK_THAT(message(file_of(entry("F32", "[1]", "[0,4]"), data)), ContainsSubstring("follow"));
  CHECK_THAT(message(file_of(entry("F32", "[2]", "[8,0]"), data)), ContainsSubstring("no range"));
  CHECK_THAT(message(file_of(R"({"x":3})", "")), ContainsSubstring("x"));
  CHECK_THROWS_AS(tensor::load_safetensors(directory.path() / "none"), base::IoError);
  CHECK_THROWS_AS(tensor::load_safetensors(directory.path()), base::IoError);
}

TEST_CASE("take checks dtype and shape", "[safetensors]") {
  const tensor::TensorMap tensors = {{"x", torch::zeros({2, 3})}};
  CHECK(tensor::take(tensors, "x", torch::kFloat32, {-1, 3}, "f").size(0) == 2);
  CHECK_THROWS_AS(tensor::take(tensors, "y", torch::kFloat32, {2, 3}, "f"), base::ArtifactError);
  CHECK_THROWS_AS(tensor::take(tensors, "x", torch::kFloat16, {2, 3}, "f"), base::ArtifactError);
  CHECK_THROWS_AS(tensor::take(tensors, "x", torch::kFloat32, {2, 4}, "f"), base::ArtifactError);
}

TEST_CASE("a file with bytes changed at random is read or refused, never more", "[safetensors]") {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "a.safetensors";
  tensor::save_safetensors(path, {{"a", torch::ones({2, 3})}, {"b", torch::arange(4)}},
                           {{"format", "pt"}});
  const std::string good = base::read_file(path);
  const auto header_bytes = 8 + static_cast<std::size_t>(static_cast<unsigned char>(good[0]));
  std::mt19937_64 draw(7);
  int refused = 0;
  for (int trial = 0; trial < 500; ++trial) {
    std::string bytes = good;
    for (auto changes = 1 + draw() % 3; changes > 0; --changes) {
      bytes[draw() % header_bytes] = static_cast<char>(draw());
    }
    if (trial % 5 == 0) bytes.resize(draw() % bytes.size());
    std::ofstream(path, std::ios::binary) << bytes;
    try {
      for (const auto& [name, value] : tensor::load_safetensors(path)) value.clone();
    } catch (const base::ArtifactError&) {
      ++refused;
    }
  }
  CHECK(refused > 250);
}
