// The safetensors format (Hugging Face): eight bytes of header length, a JSON header, raw tensors.
// How models, projections, cached features and knowledge bases are stored.
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <map>
#include <string>

namespace reaugkd::tensor {

using TensorMap = std::map<std::string, torch::Tensor>;

/// Every tensor of the file, on the CPU, in the dtype it is stored in (F64, F32, F16, BF16, I64,
/// I32, I16, I8, U8, BOOL). The tensors are views of a private memory map of the file. Throws
/// IoError, or ArtifactError naming what is wrong: a truncated file, a header that is not JSON,
/// an unknown dtype, offsets that overlap, leave holes or do not fit the shape.
TensorMap load_safetensors(const std::filesystem::path& path);

/// The header's __metadata__, empty where it has none. Throws as load_safetensors.
std::map<std::string, std::string> load_metadata(const std::filesystem::path& path);

/// Writes `tensors` (any device, made contiguous) atomically, the widest dtypes first, each in the
/// order of their names, with `metadata` as the header's __metadata__. Same tensors, same bytes.
/// Throws IoError.
void save_safetensors(const std::filesystem::path& path, const TensorMap& tensors,
                      const std::map<std::string, std::string>& metadata = {});

/// tensors[name] with this dtype and shape (-1: any size). Throws ArtifactError naming `where`.
torch::Tensor take(const TensorMap& tensors, const std::string& name, torch::ScalarType dtype,
                   torch::IntArrayRef shape, const std::string& where);
/// The same in F32; throws where a value is not finite, too.
torch::Tensor take_finite(const TensorMap& tensors, const std::string& name,
                          torch::IntArrayRef shape, const std::string& where);

}  // namespace reaugkd::tensor
