// A teacher's outputs as named arrays (.safetensors, .npz, .npy), checked. Used by
// teacher_outputs.cpp alone.
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <vector>

#include "data/answer_file.h"
#include "data/task.h"

namespace reaugkd::distill {

struct OutputArrays {
  torch::Tensor embeddings;           // (n, d) fp32; undefined: none
  torch::Tensor logits;               // (n, C) fp32; undefined: none
  std::vector<base::ExampleId> rows;  // n, no row twice
};

/// Whether `path` is of one of these formats.
bool holds_arrays(const std::filesystem::path& path);

/// Throws as TeacherOutputs does.
OutputArrays read_output_arrays(const std::filesystem::path& path, const data::Task& task,
                                const std::vector<data::AnsweredFile>& files);

}  // namespace reaugkd::distill
