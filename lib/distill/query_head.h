// The query head of a student: s = norm(Q s~ + b), so that the space of the keys may be another
// than that of the vector that the classifier reads, and of another width.
#pragma once

#include <string>

#include "train/model.h"

namespace reaugkd::distill {

/// Q (D, H) and b: the identity where D is H, else drawn so that it keeps the length of what it
/// projects; b is 0. Depends on the seed alone.
torch::nn::Linear make_query_head(std::int64_t dimension, std::int64_t hidden_size,
                                  std::uint64_t seed);

/// Gives `student` the head that `choice` asks for: none, linear, or auto (linear where the keys
/// have another width than the student's embedding). Returns whether it has one now.
bool add_query_head(train::Model& student, const std::string& choice, std::int64_t dimension,
                    std::uint64_t seed, const torch::Device& device);

}  // namespace reaugkd::distill
