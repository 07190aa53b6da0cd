// Arrays as NumPy saves them, as tensors: .npy (numpy.save) and .npz (numpy.savez).
#pragma once

#include <torch/torch.h>

#include <filesystem>

#include "tensor/safetensors.h"

namespace reaugkd::tensor {

/// The array of the file, on the CPU, in the dtype it is stored in (fp16, fp32, fp64, int32,
/// int64): a view of a private memory map of the file. Throws IoError, or ArtifactError as
/// parse_npy_header does.
torch::Tensor load_npy(const std::filesystem::path& path);

/// Each array of the archive by its name, without ".npy". Arrays that lie in the file where a
/// number of their type may are views of its map, the others are copied. Throws IoError, or
/// ArtifactError as parse_zip and parse_npy_header do.
TensorMap load_npz(const std::filesystem::path& path);

}  // namespace reaugkd::tensor
