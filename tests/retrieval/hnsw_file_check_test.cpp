#include "retrieval/hnsw_file_check.h"

#include <torch/torch.h>

#include <cstring>
#include <memory>

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "catch.h"
#include "retrieval/embeddings.h"
#include "retrieval/indexes.h"
#include "temporary_directory.h"

namespace reaugkd::retrieval {
namespace {

constexpr std::uint64_t kElements = 120;
constexpr std::uint64_t kDimension = 6;
constexpr std::uint64_t kM = 4;
constexpr std::size_t kHeaderBytes = 96;
constexpr std::size_t kListBytes = 4 + 4 * kM;
constexpr std::size_t kVectorOffset = 4 + 8 * kM;
constexpr std::size_t kLabelOffset = kVectorOffset + 4 * kDimension;
constexpr std::size_t kElementBytes = kLabelOffset + 8;
constexpr std::size_t kUpperStart = kHeaderBytes + kElements * kElementBytes;

/// A good file, and what it takes to break it.
class File {
 public:
  File() : embeddings_(tests::unit_rows(kElements, kDimension, 1)) {
    const tests::TemporaryDirectory directory;
    const IndexOptions options = {.M = kM, .ef_construction = 20, .ef_search = 10};
    build_hnsw_index(embeddings_, options)->save(directory.path() / "index.hnsw");
    bytes = base::read_file(directory.path() / "index.hnsw");
  }

  /// In a buffer of just the size, so that AddressSanitizer sees any read beyond it.
  void check() const {
    const auto copy = std::make_unique<char[]>(bytes.size());
    std::memcpy(copy.get(), bytes.data(), bytes.size());
    const float* embeddings = embeddings_.data_ptr<float>();
    check_hnsw_file(
        {copy.get(), bytes.size()}, {kElements, kDimension, kM, 20},
        [&](std::uint64_t row) { return embeddings + row * kDimension; }, "index.hnsw");
  }

  template <typename T>
  T get(std::size_t offset) const {
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
  }
  template <typename T>
  void set(std::size_t offset, T value) {
    std::memcpy(bytes.data() + offset, &value, sizeof value);
  }

  /// Where the upper-link size of the first element with `level` or more levels stands.
  std::size_t upper(std::uint32_t level) const {
    std::size_t offset = kUpperStart;
    while (get<std::uint32_t>(offset) < level * kListBytes) {
      offset += 4 + get<std::uint32_t>(offset);
    }
    return offset;
  }

  std::string bytes;

 private:
  torch::Tensor embeddings_;
};

TEST_CASE("hnswlib's own file passes") {
  const File file;
  CHECK_NOTHROW(file.check());
  REQUIRE(file.get<std::int32_t>(48) >= 1);  // there are upper levels to break below
}

TEST_CASE("the labels are the rows that are stored, each once") {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / "index.hnsw";
  const auto embeddings = tests::unit_rows(9, kDimension, 1);
  const std::vector<std::int64_t> rows = {0, 2, 3, 7};
  build_hnsw_index({embeddings, rows}, {.M = kM, .ef_construction = 20})->save(path);
  const std::string bytes = base::read_file(path);
  const auto refusal = [&](const std::vector<std::int64_t>& labels) -> std::string {
    const float* values = embeddings.data_ptr<float>();
    try {
      check_hnsw_file(
          bytes, {4, kDimension, kM, 20, labels},
          [&](std::uint64_t row) { return values + row * kDimension; }, "index.hnsw");
    } catch (const base::ArtifactError& error) {
      return error.what();
    }
    return "";
  };
  CHECK(refusal(rows).empty());
  CHECK_THAT(refusal({}), ContainsSubstring("the label 7 of element 3 is no row"));
  CHECK_THAT(refusal({0, 2, 3, 8}), ContainsSubstring("the label 7 of element 3 is no row"));
  CHECK_THAT(refusal({0, 1, 3, 7}), ContainsSubstring("the label 2 of element 1 is no row"));
  CHECK_THROWS_AS(refusal({0, 2, 3}), base::InternalError);
}

TEST_CASE("a file cut anywhere is refused") {
  File file;
  const std::string whole = file.bytes;
  for (std::size_t size = 0; size < whole.size(); size += size < 200 ? 1 : 37) {
    file.bytes = whole.substr(0, size);
    CHECK_THROWS_AS(file.check(), base::ArtifactError);
  }
  for (std::size_t missing = 1; missing < 100; ++missing) {
    file.bytes = whole.substr(0, whole.size() - missing);
    CHECK_THROWS_AS(file.check(), base::ArtifactError);
  }
  file.bytes = whole + '\0';
  CHECK_THROWS_AS(file.check(), base::ArtifactError);
}

TEST_CASE("every bit of the header but the entry point's choice matters") {
  File file;
  for (std::size_t bit = 0; bit < 8 * kHeaderBytes; ++bit) {
    if (bit / 8 >= 52 && bit / 8 < 56) continue;  // another entry of the top level would do
    // The last bits of mult are left to the platform's log().
    if (bit >= 8 * 80 && bit < 8 * 80 + 24) continue;
    const char mask = static_cast<char>(1 << (bit % 8));
    file.bytes[bit / 8] = static_cast<char>(file.bytes[bit / 8] ^ mask);
    INFO("bit " << bit);
    CHECK_THROWS_AS(file.check(), base::ArtifactError);
    file.bytes[bit / 8] = static_cast<char>(file.bytes[bit / 8] ^ mask);
  }
  CHECK_NOTHROW(file.check());
}

TEST_CASE("header values that would overflow") {
  File file;
  SECTION("element count") {
    file.set<std::uint64_t>(16, ~std::uint64_t{0});
  }
  SECTION("element size") {
    file.set<std::uint64_t>(24, ~std::uint64_t{0} / kElements + 1);
  }
  SECTION("mult NaN") {
    file.set<double>(80, std::numeric_limits<double>::quiet_NaN());
  }
  SECTION("level -1") {
    file.set<std::int32_t>(48, -1);
  }
  SECTION("level above all") {
    file.set<std::int32_t>(48, file.get<std::int32_t>(48) + 1);
  }
  SECTION("level below the highest") {
    file.set<std::int32_t>(48, file.get<std::int32_t>(48) - 1);
  }
  SECTION("entry point beyond the rows") {
    file.set<std::uint32_t>(52, kElements);
  }
  SECTION("entry point none") {
    file.set<std::uint32_t>(52, ~0U);
  }
  SECTION("entry point on a low level") {
    std::uint32_t element = 0;
    std::size_t offset = kUpperStart;
    while (file.get<std::uint32_t>(offset) != 0) {
      offset += 4 + file.get<std::uint32_t>(offset);
      ++element;
    }
    file.set<std::uint32_t>(52, element);
  }
  CHECK_THROWS_AS(file.check(), base::ArtifactError);
}

TEST_CASE("links, labels and vectors of level 0") {
  File file;
  const std::size_t last = kHeaderBytes + (kElements - 1) * kElementBytes;
  SECTION("too many links") {
    file.set<std::uint32_t>(last, 2 * kM + 1);
  }
  SECTION("a mark of deletion") {
    file.set<std::uint32_t>(last, file.get<std::uint32_t>(last) | 0x10000U);
  }
  SECTION("a link out of range") {
    file.set<std::uint32_t>(last + 4, kElements);
  }
  SECTION("the last link out of range") {
    file.set<std::uint32_t>(last + 4 * file.get<std::uint32_t>(last), 0x80000000U);
  }
  SECTION("a label out of range") {
    file.set<std::uint64_t>(last + kLabelOffset, kElements);
  }
  SECTION("a label that wraps") {
    file.set<std::uint64_t>(last + kLabelOffset, std::uint64_t{1} << 62);
  }
  SECTION("a label twice") {
    // With the vector that belongs to it, so that only the permutation is wrong.
    file.set<std::uint64_t>(last + kLabelOffset, 0);
    file.bytes.replace(last + kVectorOffset, 4 * kDimension, file.bytes,
                       kHeaderBytes + kVectorOffset, 4 * kDimension);
  }
  SECTION("a flipped bit of a vector") {
    file.bytes[last + kLabelOffset - 1] ^= 1;
  }
  CHECK_THROWS_AS(file.check(), base::ArtifactError);
}

TEST_CASE("links of upper levels") {
  File file;
  const std::size_t list = file.upper(1) + 4;
  REQUIRE(file.get<std::uint32_t>(list) >= 1);
  SECTION("too many links") {
    file.set<std::uint32_t>(list, kM + 1);
  }
  SECTION("a link out of range") {
    file.set<std::uint32_t>(list + 4, kElements);
  }
  SECTION("a link to an element that is not on this level") {
    std::uint32_t element = 0;
    std::size_t offset = kUpperStart;
    while (file.get<std::uint32_t>(offset) != 0) {
      offset += 4 + file.get<std::uint32_t>(offset);
      ++element;
    }
    file.set<std::uint32_t>(list + 4, element);
  }
  SECTION("a size that is no multiple") {
    file.set<std::uint32_t>(list - 4, file.get<std::uint32_t>(list - 4) + 1);
  }
  SECTION("a level taken away") {
    file.set<std::uint32_t>(list - 4, 0);
  }
  SECTION("a level taken away with its bytes") {
    const auto size = file.get<std::uint32_t>(list - 4);
    file.bytes.erase(list, size);
    file.set<std::uint32_t>(list - 4, 0);
  }
  SECTION("a level added with its bytes") {
    const std::size_t top = file.upper(static_cast<std::uint32_t>(file.get<std::int32_t>(48)));
    file.bytes.insert(top + 4, kListBytes, '\0');
    file.set<std::uint32_t>(top, file.get<std::uint32_t>(top) + kListBytes);
  }
  SECTION("a size beyond the file") {
    file.set<std::uint32_t>(list - 4, kListBytes * 200'000'000U);
  }
  CHECK_THROWS_AS(file.check(), base::ArtifactError);
}

TEST_CASE("an upper size that is no multiple is named as such") {
  // Other checks would stumble over what follows, but need not.
  File file;
  const std::size_t size = file.upper(1);
  file.set<std::uint32_t>(size, file.get<std::uint32_t>(size) + 1);
  CHECK_THROWS_WITH(file.check(), ContainsSubstring("expected a multiple of 20"));
}

TEST_CASE("random damage is refused or harmless") {
  const File good;
  base::Random random(1);
  const tests::TemporaryDirectory directory;
  const auto embeddings = tests::unit_rows(kElements, kDimension, 1);
  const IndexOptions options = {.M = kM, .ef_construction = 20, .ef_search = 10};
  int accepted = 0;
  for (int i = 0; i < 500; ++i) {
    File file = good;
    const bool header = i % 3 == 0;
    const std::size_t at = random.below(header ? kHeaderBytes : file.bytes.size() - 4);
    file.set<std::uint32_t>(std::min(at, file.bytes.size() - 4),
                            static_cast<std::uint32_t>(random.next() >> random.below(64)));
    try {
      file.check();
    } catch (const base::ArtifactError&) {
      continue;
    }
    // What passes can be opened and searched without harm (under AddressSanitizer).
    ++accepted;
    base::write_file(directory.path() / "index.hnsw", file.bytes);
    const auto index = load_hnsw_index(directory.path() / "index.hnsw", embeddings, options);
    CHECK(index->search(embeddings, 5).k() == 5);
  }
  CHECK(accepted > 10);  // another valid link id, an unused slot, a shorter list
}

}  // namespace
}  // namespace reaugkd::retrieval
