// A product of oneDNN's that is made once and used for any memory of its kind. For the kernels that
// call oneDNN alone: its headers are no other module's.
#pragma once

#include <new>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

namespace reaugkd::kernels {

inline const dnnl::engine& onednn_engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

inline bool onednn_has(dnnl::cpu_isa isa) {
  const auto bits = static_cast<unsigned>(isa);
  return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & bits) == bits;
}

inline dnnl::matmul::primitive_desc product_description(const dnnl::memory::desc& x,
                                                        const dnnl::memory::desc& w,
                                                        const dnnl::memory::desc& y) {
  return {{x, w, y}, onednn_engine()};
}

/// y (m, n) = x (m, k) w (k, n); of one thread.
class OneDnnProduct {
 public:
  OneDnnProduct(const dnnl::memory::desc& x, const dnnl::memory::desc& w,
                const dnnl::memory::desc& y)
      : primitive_(product_description(x, w, y)),
        x_(x, onednn_engine(), DNNL_MEMORY_NONE),
        w_(w, onednn_engine(), DNNL_MEMORY_NONE),
        y_(y, onednn_engine(), DNNL_MEMORY_NONE),
        arguments_{{DNNL_ARG_SRC, x_}, {DNNL_ARG_WEIGHTS, w_}, {DNNL_ARG_DST, y_}} {}

  bool is_of(const dnnl::memory::desc& w) const { return w_.get_desc() == w; }

  void operator()(const void* x, const void* w, void* y) {
    x_.set_data_handle(const_cast<void*>(x));
    w_.set_data_handle(const_cast<void*>(w));
    y_.set_data_handle(y);
    primitive_.execute(stream_, arguments_);
    stream_.wait();
  }

 private:
  dnnl::matmul primitive_;
  dnnl::stream stream_{onednn_engine()};
  dnnl::memory x_, w_, y_;
  std::unordered_map<int, dnnl::memory> arguments_;
};

/// work(), with oneDNN's lack of memory as C++ says it.
template <typename Work>
void call_onednn(const Work& work) {
  try {
    work();
  } catch (const dnnl::error& error) {
    if (error.status == dnnl_out_of_memory) throw std::bad_alloc();
    throw;
  }
}

}  // namespace reaugkd::kernels
