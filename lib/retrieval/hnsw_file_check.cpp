#include "retrieval/hnsw_file_check.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/error.h"

namespace reaugkd::retrieval {
namespace {

using base::ArtifactError;

// The file: a header; N elements of {links on level 0, vector, label}; N times {bytes of the upper
// links, the links on level 1, 2, ...}. Links are a 32-bit count and room for M (level 0: 2 M) ids.
// hnswlib's size_t and tableint are these on every platform we build for.
using Size = std::uint64_t;
using Id = std::uint32_t;

constexpr Size kHeaderBytes = 96;

template <typename T>
T read_at(std::string_view bytes, Size offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

class Checker {
 public:
  Checker(std::string_view bytes, const HnswFileExpectation& expected, const std::string& where)
      : bytes_(bytes),
        expected_(expected),
        where_(where),
        list_bytes_((1 + expected.M) * sizeof(Id)),
        list_bytes_level0_((1 + 2 * expected.M) * sizeof(Id)),
        element_bytes_(list_bytes_level0_ + expected.dimension * sizeof(float) + sizeof(Size)) {}

  void check(const VectorOfRow& vector_of) {
    check_header();
    read_levels();
    check_elements(vector_of);
    check_upper_links();
  }

 private:
  void check_header();
  void read_levels();
  Size place_of(Size label) const;
  void check_elements(const VectorOfRow& vector_of) const;
  void check_upper_links() const;
  void check_links(Size offset, Size capacity, Size element, Id level) const;

  std::string_view bytes_;
  HnswFileExpectation expected_;
  const std::string& where_;
  Size list_bytes_;
  Size list_bytes_level0_;
  Size element_bytes_;
  Size upper_start_ = 0;
  std::vector<Id> levels_;  // of each element
};

void Checker::check_header() {
  if (bytes_.size() < kHeaderBytes) {
    throw ArtifactError("{}: {} bytes are too few for an HNSW index", where_, bytes_.size());
  }
  struct Field {
    const char* name;
    Size offset;
    Size value;
  };
  const Size label_offset = element_bytes_ - sizeof(Size);
  const std::array<Field, 10> fields = {{{"offsetLevel0", 0, 0},
                                         {"max_elements", 8, expected_.elements},
                                         {"cur_element_count", 16, expected_.elements},
                                         {"size_data_per_element", 24, element_bytes_},
                                         {"label_offset", 32, label_offset},
                                         {"offsetData", 40, list_bytes_level0_},
                                         {"maxM", 56, expected_.M},
                                         {"maxM0", 64, 2 * expected_.M},
                                         {"M", 72, expected_.M},
                                         {"ef_construction", 88, expected_.ef_construction}}};
  for (const auto& field : fields) {
    const Size found = read_at<Size>(bytes_, field.offset);
    if (found != field.value) {
      throw ArtifactError(
          "{}: the header's {} is {}, expected {} for {} keys, D = {}, M = {}: the file is damaged "
          "or belongs to another knowledge base",
          where_, field.name, found, field.value, expected_.elements, expected_.dimension,
          expected_.M);
    }
  }
  const auto mult = read_at<double>(bytes_, 80);
  const double expected_mult = 1 / std::log(static_cast<double>(expected_.M));
  if (!(std::abs(mult - expected_mult) <= 1e-9)) {
    throw ArtifactError("{}: the header's mult is {}, expected {}", where_, mult, expected_mult);
  }
  Size element_part = 0;
  if (__builtin_mul_overflow(expected_.elements, element_bytes_, &element_part) ||
      element_part > bytes_.size() - kHeaderBytes) {
    throw ArtifactError("{}: {} bytes do not hold {} elements of {} bytes: the file is truncated",
                        where_, bytes_.size(), expected_.elements, element_bytes_);
  }
  upper_start_ = kHeaderBytes + element_part;
}

void Checker::read_levels() {
  const auto max_level = read_at<std::int32_t>(bytes_, 48);
  const auto entry_point = read_at<Id>(bytes_, 52);
  levels_.reserve(expected_.elements);
  Size offset = upper_start_;
  for (Size element = 0; element < expected_.elements; ++element) {
    if (bytes_.size() - offset < sizeof(Id)) {
      throw ArtifactError("{}: ends before the links of element {}: the file is truncated", where_,
                          element);
    }
    const Size size = read_at<Id>(bytes_, offset);
    offset += sizeof(Id);
    const Size level = size / list_bytes_;
    if (size % list_bytes_ != 0 || size > bytes_.size() - offset ||
        static_cast<std::int64_t>(level) > max_level) {
      throw ArtifactError(
          "{}: element {} has {} bytes of upper links, expected a multiple of {}, on at most {} "
          "levels, within the file",
          where_, element, size, list_bytes_, max_level);
    }
    levels_.push_back(static_cast<Id>(level));
    offset += size;
  }
  if (offset != bytes_.size()) {
    throw ArtifactError("{}: {} bytes follow the last element", where_, bytes_.size() - offset);
  }
  if (entry_point >= expected_.elements ||
      static_cast<std::int64_t>(levels_[entry_point]) != max_level) {
    throw ArtifactError("{}: the entry point {} is no element on the highest level, {}", where_,
                        entry_point, max_level);
  }
}

/// Where `label` stands among the expected ones, or their number.
Size Checker::place_of(Size label) const {
  if (expected_.labels.empty()) return std::min(label, expected_.elements);
  const auto& labels = expected_.labels;
  const auto found = std::lower_bound(
      labels.begin(), labels.end(), label,
      [](std::int64_t row, Size wanted) { return static_cast<Size>(row) < wanted; });
  if (found == labels.end() || static_cast<Size>(*found) != label) return expected_.elements;
  return static_cast<Size>(found - labels.begin());
}

void Checker::check_elements(const VectorOfRow& vector_of) const {
  const Size vector_bytes = expected_.dimension * sizeof(float);
  std::vector<bool> seen(expected_.elements, false);
  for (Size element = 0; element < expected_.elements; ++element) {
    const Size start = kHeaderBytes + element * element_bytes_;
    check_links(start, 2 * expected_.M, element, 0);
    const Size label = read_at<Size>(bytes_, start + list_bytes_level0_ + vector_bytes);
    const Size place = place_of(label);
    if (place == expected_.elements || seen[place]) {
      throw ArtifactError(
          "{}: the label {} of element {} is {}", where_, label, element,
          place == expected_.elements ? "no row that it should hold" : "used twice");
    }
    seen[place] = true;
    if (std::memcmp(bytes_.data() + start + list_bytes_level0_, vector_of(label), vector_bytes) !=
        0) {
      throw ArtifactError(
          "{}: the vector of row {} is not that of the embeddings: the file is damaged or belongs "
          "to another knowledge base",
          where_, label);
    }
  }
}

void Checker::check_upper_links() const {
  Size offset = upper_start_;
  for (Size element = 0; element < expected_.elements; ++element) {
    offset += sizeof(Id);
    for (Id level = 1; level <= levels_[element]; ++level) {
      check_links(offset, expected_.M, element, level);
      offset += list_bytes_;
    }
  }
}

/// The count is compared in all its 32 bits: hnswlib keeps a mark of deletion in the upper ones.
void Checker::check_links(Size offset, Size capacity, Size element, Id level) const {
  const auto count = read_at<Id>(bytes_, offset);
  if (count > capacity) {
    throw ArtifactError("{}: element {} has {:#x} links on level {}, expected at most {}", where_,
                        element, count, level, capacity);
  }
  for (Size i = 1; i <= count; ++i) {
    const auto id = read_at<Id>(bytes_, offset + i * sizeof(Id));
    if (id >= expected_.elements || (level > 0 && levels_[id] < level)) {
      throw ArtifactError("{}: element {} links to {} on level {}, where there is no such element",
                          where_, element, id, level);
    }
  }
}

}  // namespace

void check_hnsw_file(std::string_view bytes, const HnswFileExpectation& expected,
                     const VectorOfRow& vector_of, const std::string& where) {
  REAUGKD_CHECK(expected.elements >= 1 && expected.elements < (Size{1} << 31), "{} elements",
                expected.elements);
  REAUGKD_CHECK(expected.labels.empty() || expected.labels.size() == expected.elements,
                "{} labels of {} elements", expected.labels.size(), expected.elements);
  REAUGKD_CHECK(expected.M >= 2 && expected.M <= 10'000, "M is {}", expected.M);
  Checker(bytes, expected, where).check(vector_of);
}

}  // namespace reaugkd::retrieval
