#include "kernels/packed_weights.h"

#include <algorithm>
#include <array>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>
#include <utility>
#include <vector>

#include "kernels/int8.h"

namespace reaugkd::kernels {
namespace {

using dnnl::memory;

// oneDNN compiles code for each number of rows: so many at most, and in one more call the rest.
constexpr std::int64_t kBlock = 64;

const dnnl::engine& engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

memory::desc row_major(std::int64_t rows, std::int64_t columns, memory::data_type type) {
  return {{rows, columns}, type, memory::format_tag::ab};
}

dnnl::matmul::primitive_desc description(const memory::desc& x, const memory::desc& w,
                                         const memory::desc& y) {
#if DNNL_VERSION_MAJOR >= 3
  return {engine(), x, w, y};
#else
  return {{x, w, y}, engine()};
#endif
}

/// y (m, n) = x (m, k) w, ready for any memory of such kinds; of one thread.
class Product {
 public:
  Product(const memory::desc& x, const memory::desc& w, const memory::desc& y)
      : primitive_(description(x, w, y)),
        x_(x, engine(), DNNL_MEMORY_NONE),
        w_(w, engine(), DNNL_MEMORY_NONE),
        y_(y, engine(), DNNL_MEMORY_NONE),
        arguments_{{DNNL_ARG_SRC, x_}, {DNNL_ARG_WEIGHTS, w_}, {DNNL_ARG_DST, y_}} {}

  void operator()(const void* x, const void* w, void* y) {
    x_.set_data_handle(const_cast<void*>(x));
    w_.set_data_handle(const_cast<void*>(w));
    y_.set_data_handle(y);
    primitive_.execute(stream_, arguments_);
    stream_.wait();
  }

 private:
  dnnl::matmul primitive_;
  dnnl::stream stream_{engine()};
  memory x_, w_, y_;
  std::unordered_map<int, memory> arguments_;
};

/// A thread's products of m rows, by n and k.
class Products {
 public:
  template <typename Make>
  Product& of(std::int64_t m, std::int64_t n, std::int64_t k, const Make& make) {
    const auto key = (n << 40) + (k << 16) + m;
    const auto known = all_.find(key);
    if (known != all_.end()) return known->second;
    return all_.emplace(key, make()).first->second;
  }

 private:
  std::unordered_map<std::int64_t, Product> all_;  // kBlock for each size of layer at most
};

}  // namespace

bool has_int8_products() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl");
#else
  return false;
#endif
}

struct PackedWeights::Packed {
  Format format;
  std::int64_t n, k;
  memory weights;             // (k, n)
  std::vector<float> scales;  // (n), of kInt8

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
        description(rows_in(kBlock), {{k, n}, type(), memory::format_tag::any}, rows_out(kBlock))
            .weights_desc();
    memory given({{k, n}, type(), memory::format_tag::ba}, engine(), from);
    weights = memory(wanted, engine());
    dnnl::stream stream(engine());
    dnnl::reorder(given, weights).execute(stream, given, weights);
    stream.wait();
  }

  void product(Products& products, std::int64_t m, const void* x, void* y) const {
    products.of(m, n, k, [&] { return Product(rows_in(m), weights.get_desc(), rows_out(m)); })(
        x, weights.get_data_handle(), y);
  }
};

PackedWeights::PackedWeights(Format format, std::int64_t n, std::int64_t k, const float* w)
    : packed_(new Packed{format, n, k, {}, {}}) {
  if (format == Format::kFp32) {
    packed_->pack(const_cast<float*>(w));
    return;
  }
  std::vector<std::int8_t> rounded(static_cast<std::size_t>(n * k));
  packed_->scales.resize(static_cast<std::size_t>(n));
  round_to_int8(n, k, w, rounded.data(), packed_->scales.data());
  packed_->pack(rounded.data());
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
}

}  // namespace reaugkd::kernels
