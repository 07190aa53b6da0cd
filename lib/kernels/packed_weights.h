// Products of states and a layer's weights by oneDNN: in fp32, or with both rounded to 8 bits.
#pragma once

#include <cstdint>
#include <memory>

namespace reaugkd::kernels {

enum class Format {
  kFp32,
  /// Each row of W and of x rounded to the 255 whole numbers -127 .. 127 times a factor of its own.
  /// Sums of products are exact: a row's product does not depend on the other rows.
  kInt8,
};

/// Whether there are such products: oneDNN is the one that LibTorch uses, and the processor has
/// AVX-512; for kInt8 AVX512-VNNI, and no AMX, on which they were not tried.
bool can_pack(Format format);

/// y (m, n) = x (m, k) W^T of W (n, k), without a copy: for many rows. In fp32, by OpenMP's
/// threads. Only where can_pack(Format::kFp32).
void product_of_rows(std::int64_t m, std::int64_t n, std::int64_t k, const float* x, const float* w,
                     float* y);

/// Whether that is faster than OpenBLAS: on Intel's processors.
bool favors_product_of_rows();

/// A copy of W (n, k) in the order that oneDNN's products want. A product of few rows takes less
/// time than this copying, which other libraries do for each product. Only where can_pack(format).
class PackedWeights {
 public:
  PackedWeights(Format format, std::int64_t n, std::int64_t k, const float* w);
  ~PackedWeights();
  PackedWeights(const PackedWeights&) = delete;
  PackedWeights& operator=(const PackedWeights&) = delete;

  /// y (m, n) = x (m, k) W^T, by OpenMP's threads. Throws std::bad_alloc.
  void product(std::int64_t m, const float* x, float* y) const;

 private:
  struct Packed;
  std::unique_ptr<Packed> packed_;
};

}  // namespace reaugkd::kernels
