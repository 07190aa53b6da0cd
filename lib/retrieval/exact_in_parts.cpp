// The exact search of a knowledge base that is larger than what a GPU's memory is given for it.
#include <c10/util/Exception.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "base/interrupt.h"
#include "retrieval/indexes.h"

namespace reaugkd::retrieval {
namespace {

constexpr std::int64_t kBytesOfPart = std::int64_t{1} << 30;
constexpr std::int64_t kLeftToTheModel = std::int64_t{4} << 30;  // of the device's memory

/// Each part is sent to the device, searched and forgotten: a search costs sending all of them, so
/// that many queries at once pay.
class ExactInParts final : public Index {
 public:
  ExactInParts(const Keys& keys, torch::Device device, std::int64_t rows_of_part)
      : keys_(keys.stored().detach().contiguous()),
        rows_(keys.rows.empty() ? torch::Tensor() : torch::tensor(keys.rows, torch::kInt64)),
        device_(device),
        rows_of_part_(rows_of_part) {}

  std::string kind() const override { return kExactIndex; }
  std::int64_t size() const override { return keys_.size(0); }
  std::int64_t dimension() const override { return keys_.size(1); }

  Neighbors search(const torch::Tensor& queries, std::int64_t k) const override {
    const torch::NoGradGuard no_grad;
    const auto all = checked_queries(queries, k).to(device_);  // (B, D)
    Neighbors found = Neighbors::none(all.size(0), k);
    for (std::int64_t begin = 0; begin < size(); begin += rows_of_part_) {
      base::stop_if_interrupted();
      const auto part = keys_.slice(0, begin, std::min(begin + rows_of_part_, size())).to(device_);
      const Neighbors more = make_exact_index(part)->search(all, k);
      const auto rows = torch::where(more.indices >= 0, more.indices + begin, more.indices);
      found = ranked(torch::cat({found.indices, rows}, 1),
                     torch::cat({found.similarities, more.similarities}, 1), k);
    }
    if (rows_.defined()) {
      const auto places = found.indices.clamp_min(0).flatten();
      const auto rows = rows_.index_select(0, places).view_as(found.indices);
      found.indices = torch::where(found.indices >= 0, rows, found.indices);
    }
    return found;
  }

 private:
  torch::Tensor keys_;  // (N, D), fp32 or fp16, on the CPU
  torch::Tensor rows_;  // (N) the rows that these are, ascending; undefined: 0, 1, ...
  torch::Device device_;
  std::int64_t rows_of_part_;
};

}  // namespace

std::unique_ptr<Index> make_exact_index_in_parts(const Keys& keys, torch::Device device,
                                                 std::int64_t rows_of_part) {
  return std::make_unique<ExactInParts>(keys, device, rows_of_part);
}

std::unique_ptr<Index> make_exact_index_on(const Keys& keys, torch::Device device) {
  try {
    auto index = make_exact_index({keys.embeddings.to(device), keys.rows});
    if (!device.is_cpu()) {
      torch::empty({kLeftToTheModel}, torch::TensorOptions(torch::kUInt8).device(device));
    }
    return index;
  } catch (const c10::OutOfMemoryError&) {
    if (device.is_cpu()) throw;
  }
  const auto bytes = static_cast<std::int64_t>(keys.embeddings.nbytes());
  spdlog::warn(
      "the knowledge base's keys, {:.1f} GiB, do not fit on {} beside a model: each search sends "
      "them there in parts",
      static_cast<double>(bytes) / (1 << 30), device.str());
  const std::int64_t bytes_of_row = bytes / keys.embeddings.size(0);
  return make_exact_index_in_parts(keys, device,
                                   std::max<std::int64_t>(1, kBytesOfPart / bytes_of_row));
}

}  // namespace reaugkd::retrieval
