// Products of states and a layer's weights by oneDNN: in fp32, or with both rounded to 8 bits.
#pragma once

#include <cstdint>
#include <memory>

namespace reaugkd::kernels {

/// Whether the processor multiplies 8-bit numbers exactly in vectors: by AVX512-VNNI.
bool has_int8_products();

/// A copy of W (n, k) in the order that products want: where rows are few, to bring the weights
/// into it takes longer than to multiply them.
class PackedWeights {
 public:
  enum class Format {
    kFp32,
    /// Each row of W rounded to the 255 whole numbers -127 .. 127 times a factor of its own. Only
    /// where has_int8_products().
    kInt8,
  };
  PackedWeights(Format format, std::int64_t n, std::int64_t k, const float* w);
  ~PackedWeights();
  PackedWeights(const PackedWeights&) = delete;
  PackedWeights& operator=(const PackedWeights&) = delete;

  /// y (m, n) = x (m, k) W^T. With kInt8 each row of x is rounded as W's are, and sums of products
  /// are exact: a row's answer does not depend on the others.
  void product(std::int64_t m, const float* x, float* y) const;

 private:
  struct Packed;
  std::unique_ptr<Packed> packed_;
};

}  // namespace reaugkd::kernels
