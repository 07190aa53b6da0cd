#include "tensor/npy.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "base/json.h"
#include "tensor/file_map.h"
#include "tensor/npy_header.h"

namespace reaugkd::tensor {
namespace {

torch::ScalarType npy_dtype(const std::string& descr) {
  if (descr == "<f2") return torch::kFloat16;
  if (descr == "<f4") return torch::kFloat32;
  if (descr == "<f8") return torch::kFloat64;
  if (descr == "<i4") return torch::kInt32;
  if (descr == "<i8") return torch::kInt64;
  throw base::InternalError("no dtype for NumPy's {}", descr);  // the header's reader knows it
}

/// The array in `size` bytes of `file` from `begin` on.
torch::Tensor array_at(const std::shared_ptr<FileMap>& file, std::uint64_t begin,
                       std::uint64_t size, const std::string& where) {
  const auto header = parse_npy_header(file->view().substr(begin, size), where);
  const auto options = torch::TensorOptions().dtype(npy_dtype(header.descr));
  auto shape = header.shape;
  if (header.fortran_order) std::reverse(shape.begin(), shape.end());  // of its transpose
  char* const data = file->bytes() + begin + header.data_start;
  torch::Tensor array;
  if ((begin + header.data_start) % header.item_bytes == 0 && size > header.data_start) {
    array = torch::from_blob(
        data, shape, [file](void*) {}, options);
  } else {  // no aligned view is possible, or nothing is there
    array = torch::empty(shape, options);
    if (size > header.data_start) std::memcpy(array.data_ptr(), data, size - header.data_start);
  }
  if (!header.fortran_order) return array;
  std::vector<std::int64_t> axes;
  for (auto axis = array.dim(); axis-- > 0;) axes.push_back(axis);
  return array.permute(axes);
}

}  // namespace

torch::Tensor load_npy(const std::filesystem::path& path) {
  const auto file = std::make_shared<FileMap>(path);
  return array_at(file, 0, file->view().size(), path.string());
}

TensorMap load_npz(const std::filesystem::path& path) {
  const auto file = std::make_shared<FileMap>(path);
  TensorMap arrays;
  for (const auto& entry : parse_zip(file->view(), path.string())) {
    std::string name = entry.name;
    if (name.ends_with(".npy")) name.resize(name.size() - 4);
    arrays[name] =
        array_at(file, entry.begin, entry.size, path.string() + ": " + base::json_text(entry.name));
  }
  return arrays;
}

}  // namespace reaugkd::tensor
