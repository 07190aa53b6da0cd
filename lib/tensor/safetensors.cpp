#include "tensor/safetensors.h"

#include <array>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "tensor/file_map.h"
#include "tensor/safetensors_header.h"

namespace reaugkd::tensor {
namespace {

using base::ArtifactError;

struct DtypeName {
  const char* name;
  torch::ScalarType dtype;
};
constexpr std::array<DtypeName, 10> kDtypes = {{{"F64", torch::kFloat64},
                                                {"F32", torch::kFloat32},
                                                {"F16", torch::kFloat16},
                                                {"BF16", torch::kBFloat16},
                                                {"I64", torch::kInt64},
                                                {"I32", torch::kInt32},
                                                {"I16", torch::kInt16},
                                                {"I8", torch::kInt8},
                                                {"U8", torch::kUInt8},
                                                {"BOOL", torch::kBool}}};

torch::ScalarType dtype_from_name(const std::string& name) {
  for (const auto& entry : kDtypes) {
    if (name == entry.name) return entry.dtype;
  }
  throw base::InternalError("no dtype for safetensors' {}", name);  // the header's reader knows it
}

std::string name_of_dtype(torch::ScalarType dtype) {
  for (const auto& entry : kDtypes) {
    if (dtype == entry.dtype) return entry.name;
  }
  throw base::InternalError("no safetensors name for dtype {}", torch::toString(dtype));
}

}  // namespace

TensorMap load_safetensors(const std::filesystem::path& path) {
  const auto file = std::make_shared<FileMap>(path);
  const auto header = parse_safetensors_header(file->view(), path.string());
  TensorMap tensors;
  for (const auto& entry : header.entries) {
    const std::uint64_t begin = header.data_start + entry.begin;
    char* data = file->bytes() + begin;
    const auto options = torch::TensorOptions().dtype(dtype_from_name(entry.dtype));
    if (entry.begin == entry.end) {
      tensors[entry.name] = torch::empty(entry.shape, options);
    } else if (begin % entry.item_bytes == 0) {
      tensors[entry.name] = torch::from_blob(
          data, entry.shape, [file](void*) {}, options);
    } else {  // a header of odd length: no aligned view is possible
      auto copy = torch::empty(entry.shape, options);
      std::memcpy(copy.data_ptr(), data, entry.end - entry.begin);
      tensors[entry.name] = copy;
    }
  }
  return tensors;
}

std::map<std::string, std::string> load_metadata(const std::filesystem::path& path) {
  return parse_safetensors_header(FileMap(path).view(), path.string()).metadata;
}

void save_safetensors(const std::filesystem::path& path, const TensorMap& tensors,
                      const std::map<std::string, std::string>& metadata) {
  base::Json header = base::Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  // Wide types first, as the reference writer does: every tensor stays aligned.
  std::vector<std::pair<std::string, torch::Tensor>> ordered(tensors.begin(), tensors.end());
  std::stable_sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) {
    return a.second.element_size() > b.second.element_size();
  });
  std::uint64_t offset = 0;
  for (auto& [name, value] : ordered) {
    value = value.detach().to(torch::kCPU).contiguous();
    const std::uint64_t bytes = value.numel() * value.element_size();
    header[name] = {{"dtype", name_of_dtype(value.scalar_type())},
                    {"shape", value.sizes().vec()},
                    {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  const std::uint64_t header_bytes = text.size();

  base::AtomicFile file(path);
  file.write(&header_bytes, sizeof header_bytes);
  file.write(text);
  for (const auto& [name, value] : ordered) {
    file.write(value.data_ptr(), value.numel() * value.element_size());
  }
  file.commit();
}

torch::Tensor take(const TensorMap& tensors, const std::string& name, torch::ScalarType dtype,
                   torch::IntArrayRef shape, const std::string& where) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw ArtifactError("{}: tensor {} is missing", where, name);
  const torch::Tensor& value = found->second;
  bool fits =
      value.scalar_type() == dtype && value.dim() == static_cast<std::int64_t>(shape.size());
  for (std::size_t i = 0; fits && i < shape.size(); ++i) {
    fits = shape[i] < 0 || value.size(static_cast<std::int64_t>(i)) == shape[i];
  }
  if (!fits) {
    throw ArtifactError("{}: tensor {} is {} ({}), expected {} ({})", where, name,
                        torch::toString(value.scalar_type()), fmt::join(value.sizes(), ", "),
                        torch::toString(dtype), fmt::join(shape, ", "));
  }
  return value;
}

torch::Tensor take_finite(const TensorMap& tensors, const std::string& name,
                          torch::IntArrayRef shape, const std::string& where) {
  const auto value = take(tensors, name, torch::kFloat32, shape, where);
  if (!value.isfinite().all().item<bool>()) {
    throw ArtifactError(
        "{}: tensor {} holds values that are not finite: the file is damaged; "
        "copy it again, or run its stage again",
        where, name);
  }
  return value;
}

}  // namespace reaugkd::tensor
