#include "kernels/packed_weights.h"

#ifdef REAUGKD_ONEDNN
#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>
#include <vector>

#include "kernels/int8.h"
#include "kernels/onednn.h"

namespace reaugkd::kernels {
namespace {

using dnnl::memory;

// oneDNN compiles code for each number of rows, so there are no more than these.
constexpr std::int64_t kBlock = 64;

memory::desc row_major(std::int64_t rows, std::int64_t columns, memory::data_type type) {
  return {{rows, columns}, type, memory::format_tag::ab};
}

/// A thread's products of m rows by weights (n, k); kBlock at most for each size of layer.
using Products = std::unordered_map<std::int64_t, OneDnnProduct>;

}  // namespace

bool can_pack(Format format) {
  if (format == Format::kFp32) return onednn_has(dnnl::cpu_isa::avx512_core);
  return onednn_has(dnnl::cpu_isa::avx512_core_vnni) && !onednn_has(dnnl::cpu_isa::avx512_core_amx);
}

void product_of_rows(std::int64_t m, std::int64_t n, std::int64_t k, const float* x, const float* w,
                     float* y) {
  call_onednn([&] {
    const auto status = dnnl_sgemm('N', 'T', m, n, k, 1, x, k, w, k, 0, y, n);
    if (status != dnnl_success) throw dnnl::error(status, "dnnl_sgemm");
  });
}

bool favors_product_of_rows() {
#if defined(__x86_64__)
  return __builtin_cpu_is("intel");
#else
  return false;
#endif
}

struct PackedWeights::Packed {
  Format format;
  std::int64_t n, k;
  memory weights = {};             // (k, n)
  std::vector<float> scales = {};  // (n), of kInt8

  memory::data_type type() const {
    return format == Format::kInt8 ? memory::data_type::s8 : memory::data_type::f32;
  }
  memory::data_type type_of_sums() const {
    return format == Format::kInt8 ? memory::data_type::s32 : memory::data_type::f32;
  }
  memory::desc rows_in(std::int64_t m) const { return row_major(m, k, type()); }
  memory::desc rows_out(std::int64_t m) const { return row_major(m, n, type_of_sums()); }

  /// `from` (n, k) of type() into the order that products of kBlock rows want.
  void pack(void* from) {
    const auto wanted =
        product_description(rows_in(kBlock), {{k, n}, type(), memory::format_tag::any},
                            rows_out(kBlock))
            .weights_desc();
    memory given({{k, n}, type(), memory::format_tag::ba}, onednn_engine(), from);
    weights = memory(wanted, onednn_engine());
    dnnl::stream stream(onednn_engine());
    dnnl::reorder(given, weights).execute(stream, given, weights);
    stream.wait();
  }

  void product(Products& products, std::int64_t m, const void* x, void* y) const {
    const std::int64_t size = (n << 40) + (k << 16) + m;
    auto known = products.find(size);
    if (known == products.end() || !known->second.is_of(weights.get_desc())) {
      OneDnnProduct made(rows_in(m), weights.get_desc(), rows_out(m));
      known = products.insert_or_assign(size, std::move(made)).first;
    }
    known->second(x, weights.get_data_handle(), y);
  }
};

PackedWeights::PackedWeights(Format format, std::int64_t n, std::int64_t k, const float* w)
    : packed_(std::make_unique<Packed>(format, n, k)) {
  call_onednn([&] {
    if (format == Format::kFp32) {
      packed_->pack(const_cast<float*>(w));
      return;
    }
    std::vector<std::int8_t> rounded(static_cast<std::size_t>(n * k));
    packed_->scales.resize(static_cast<std::size_t>(n));
    round_to_int8(n, k, w, rounded.data(), packed_->scales.data());
    packed_->pack(rounded.data());
  });
}

PackedWeights::~PackedWeights() = default;

void PackedWeights::product(std::int64_t m, const float* x, float* y) const {
  thread_local Products in_fp32;
  thread_local Products in_int8;
  thread_local std::vector<std::int8_t> rounded;
  thread_local std::vector<std::int32_t> sums;
  const std::int64_t n = packed_->n;
  const std::int64_t k = packed_->k;
  const bool rounds = packed_->format == Format::kInt8;
  if (rounds) {
    const auto most = static_cast<std::size_t>(std::min(m, kBlock));
    rounded.resize(std::max(rounded.size(), most * static_cast<std::size_t>(k)));
    sums.resize(std::max(sums.size(), most * static_cast<std::size_t>(n)));
  }
  std::array<float, kBlock> scales;
  call_onednn([&] {
    for (std::int64_t row = 0; row < m; row += kBlock, x += kBlock * k, y += kBlock * n) {
      const std::int64_t rows = std::min(kBlock, m - row);
      if (!rounds) {
        packed_->product(in_fp32, rows, x, y);
        continue;
      }
      round_to_int8(rows, k, x, rounded.data(), scales.data());
      packed_->product(in_int8, rows, rounded.data(), sums.data());
      scale_sums(rows, n, sums.data(), scales.data(), packed_->scales.data(), y);
    }
  });
}

}  // namespace reaugkd::kernels

#else

#include <stdexcept>

namespace reaugkd::kernels {

void product_of_rows(std::int64_t, std::int64_t, std::int64_t, const float*, const float*, float*) {
  throw std::logic_error("this build has no oneDNN");
}

bool favors_product_of_rows() {
  return false;
}

struct PackedWeights::Packed {};

bool can_pack(Format) {
  return false;
}

PackedWeights::PackedWeights(Format, std::int64_t, std::int64_t, const float*) {
  throw std::logic_error("this build has no oneDNN");
}

PackedWeights::~PackedWeights() = default;

void PackedWeights::product(std::int64_t, const float*, float*) const {}

}  // namespace reaugkd::kernels
#endif
