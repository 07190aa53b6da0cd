#include "kernels/product_to_fp32.h"

#ifdef REAUGKD_ONEDNN
#include <array>
#include <map>

#include "kernels/onednn.h"

namespace reaugkd::kernels {

using dnnl::memory;

bool has_product_to_fp32() {
  return onednn_has(dnnl::cpu_isa::avx512_core);
}

void product_to_fp32(bool transposed, std::int64_t m, std::int64_t n, std::int64_t k,
                     const std::uint16_t* a, const std::uint16_t* b, float* c) {
  constexpr std::size_t kMost = 1024;  // sizes of a batch may never come again
  thread_local std::map<std::array<std::int64_t, 4>, OneDnnProduct> products;
  call_onednn([&] {
    const std::array<std::int64_t, 4> size = {transposed, m, n, k};
    auto known = products.find(size);
    if (known == products.end()) {
      if (products.size() >= kMost) products.clear();
      const auto in_order = memory::format_tag::ab;
      known = products
                  .emplace(size, OneDnnProduct({{m, k},
                                                memory::data_type::bf16,
                                                transposed ? memory::format_tag::ba : in_order},
                                               {{k, n}, memory::data_type::bf16, in_order},
                                               {{m, n}, memory::data_type::f32, in_order}))
                  .first;
    }
    known->second(a, b, c);
  });
}

}  // namespace reaugkd::kernels

#else

#include <stdexcept>

namespace reaugkd::kernels {

bool has_product_to_fp32() {
  return false;
}

void product_to_fp32(bool, std::int64_t, std::int64_t, std::int64_t, const std::uint16_t*,
                     const std::uint16_t*, float*) {
  throw std::logic_error("this build has no oneDNN");
}

}  // namespace reaugkd::kernels
#endif
