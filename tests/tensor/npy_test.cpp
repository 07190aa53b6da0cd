// Files as NumPy writes them, and damaged ones.
#include "tensor/npy.h"

#include <torch/torch.h>

#include <fstream>
#include <random>

#include "base/error.h"
#include "catch.h"
#include "temporary_directory.h"
#include "tensor/npy_header.h"

namespace reaugkd::tensor {
namespace {

/// A .npy file of version 1 with this dict.
std::string npy(const std::string& dict, const std::string& data) {
  std::string header = dict;
  header.append((64 - (header.size() + 11) % 64) % 64, ' ');
  header += '\n';
  std::string bytes = "\x93NUMPY";
  bytes += '\1';
  bytes += '\0';
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  return bytes + header + data;
}

template <typename T>
std::string raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

torch::Tensor read(const std::string& bytes) {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / "a.npy";
  std::ofstream(path, std::ios::binary) << bytes;
  return load_npy(path).clone();
}

const std::string kMatrix = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
                                raw<float>({1, 2, 3, 4, 5, 6}));

/// Little-endian bytes.
std::string number(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i, value >>= 8) text += static_cast<char>(value & 0xff);
  return text;
}

/// An archive of stored files, as numpy.savez writes it: sizes of each local header in zip64.
std::string zip(const std::vector<std::pair<std::string, std::string>>& files, int method = 0,
                int flags = 0) {
  std::string bytes, directory;
  for (const auto& [name, data] : files) {
    const auto offset = bytes.size();
    bytes += "PK\3\4" + number(45, 2) + number(flags, 2) + number(method, 2) + number(0, 8) +
             number(0xffffffff, 4) + number(0xffffffff, 4) + number(name.size(), 2) +
             number(20, 2) + name + number(1, 2) + number(16, 2) + number(data.size(), 8) +
             number(data.size(), 8) + data;
    directory += "PK\1\2" + number(45, 2) + number(45, 2) + number(flags, 2) + number(method, 2) +
                 number(0, 8) + number(data.size(), 4) + number(data.size(), 4) +
                 number(name.size(), 2) + number(0, 12) + number(offset, 4) + name;
  }
  const auto begin = bytes.size();
  return bytes + directory + "PK\5\6" + number(0, 4) + number(files.size(), 2) +
         number(files.size(), 2) + number(directory.size(), 4) + number(begin, 4) + number(0, 2);
}

TensorMap read_zip(const std::string& bytes) {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / "a.npz";
  std::ofstream(path, std::ios::binary) << bytes;
  auto arrays = load_npz(path);
  for (auto& [name, value] : arrays) value = value.clone();
  return arrays;
}

TEST_CASE("an array as numpy.save writes it", "[npy]") {
  const auto matrix = read(kMatrix);
  CHECK(matrix.scalar_type() == torch::kFloat32);
  CHECK(torch::equal(matrix, torch::arange(1, 7).view({2, 3}).to(torch::kFloat32)));
  const auto columns = read(npy("{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3), }",
                                raw<double>({1, 4, 2, 5, 3, 6})));
  CHECK(torch::equal(columns, matrix.to(torch::kFloat64)));
  const auto rows = read(npy("{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }",
                             raw<std::int64_t>({7, -1, 2})));
  CHECK(torch::equal(rows, torch::tensor({7, -1, 2}, torch::kInt64)));
  const auto half = read(npy("{'shape': (2,), 'descr': '<f2', 'fortran_order': False}",
                             raw<std::uint16_t>({0x3c00, 0xc000})));
  CHECK(torch::equal(half, torch::tensor({1.0F, -2.0F}).to(torch::kFloat16)));
  CHECK(read(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4), }", "")).size(1) == 4);
  CHECK(read(npy("{'descr': '<i4', 'fortran_order': False, 'shape': (), }", raw<int>({5})))
            .item<int>() == 5);
}

struct Wrong {
  std::string bytes;
  std::string message;
};

TEST_CASE("what is wrong with a .npy file is said", "[npy]") {
  const auto with = [](const std::string& dict) { return npy(dict, raw<float>({1, 2})); };
  auto version = kMatrix;
  version[6] = 9;
  const std::vector<Wrong> wrong = {
      {"", "is no .npy file"},
      {"PK\3\4 and more than ten bytes", "is no .npy file"},
      {version, ".npy version 9"},
      {kMatrix.substr(0, 40), "it is truncated"},
      {kMatrix.substr(0, kMatrix.size() - 1), "needs 24 bytes, the file has 23"},
      {kMatrix + "x", "needs 24 bytes, the file has 25"},
      {with("{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }"), "its dtype is '>f4'"},
      {with("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }"), "its dtype is '|O'"},
      {with("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }"),
       "its dtype is [('a', '<f4')]"},
      {with("{'descr': '<f4', 'fortran_order': 0, 'shape': (2,), }"), "fortran_order is 0"},
      {with("{'descr': '<f4', 'shape': (2,), }"), "has no fortran_order"},
      {with("{'descr': '<f4', 'fortran_order': False, 'shape': 2, }"), "its shape is 2"},
      {with("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }"), "its shape is (-2,)"},
      {with("{'descr': '<f4', 'fortran_order': False, 'shape': (2 1), }"), "its shape is (2 1)"},
      {with("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 16), }"),
       "too many"},
      {with("{'descr': '<f4'"), "its header is no dict"},
      {with("'descr'"), "its header is no dict"},
  };
  for (const auto& [bytes, message] : wrong) {
    INFO(message);
    CHECK_THROWS_WITH(read(bytes), ContainsSubstring(message));
    CHECK_THROWS_AS(read(bytes), base::ArtifactError);
  }
}

TEST_CASE("an archive as numpy.savez writes it", "[npy]") {
  const auto rows =
      npy("{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }", raw<std::int64_t>({4, 0}));
  const auto arrays = read_zip(zip({{"embeddings.npy", kMatrix}, {"rows.npy", rows}}));
  REQUIRE(arrays.size() == 2);
  CHECK(torch::equal(arrays.at("embeddings"), read(kMatrix)));
  CHECK(torch::equal(arrays.at("rows"), torch::tensor({4, 0}, torch::kInt64)));
}

TEST_CASE("what is wrong with an archive is said", "[npy]") {
  const auto good = zip({{"a.npy", kMatrix}});
  CHECK_THROWS_WITH(read_zip(zip({{"a.npy", kMatrix}}, 8)),
                    ContainsSubstring("a.npy is compressed"));
  CHECK_THROWS_WITH(read_zip(zip({{"a.npy", kMatrix}}, 0, 1)),
                    ContainsSubstring("a.npy is encrypted"));
  CHECK_THROWS_WITH(read_zip(zip({{"a.npy", kMatrix}, {"a.npy", kMatrix}})),
                    ContainsSubstring("a.npy twice"));
  CHECK_THROWS_WITH(read_zip(zip({{"a.npy", "no array"}})),
                    ContainsSubstring("a.npz: a.npy: is no"));
  for (std::size_t size = 0; size < good.size(); ++size) {
    CHECK_THROWS_AS(read_zip(good.substr(0, size)), base::ArtifactError);
  }
}

TEST_CASE("bytes changed at random are read or refused", "[npy]") {
  std::mt19937 random(1);
  const auto good = zip({{"embeddings.npy", kMatrix}, {"logits.npy", kMatrix}});
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string bytes = good;
    for (int j = 0; j < 3; ++j) bytes[random() % bytes.size()] = static_cast<char>(random());
    try {
      read_zip(bytes);
    } catch (const base::ArtifactError&) {
      ++refused;
    }
  }
  CHECK(refused > 500);
}

}  // namespace
}  // namespace reaugkd::tensor
