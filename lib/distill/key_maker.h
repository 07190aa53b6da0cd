// From a teacher's features to the keys of a knowledge base, in one of three spaces: the fine-tuned
// teacher's projection (the paper), the pretrained encoder's embedding, or both side by side.
// projection.safetensors holds what the keys are made with.
#pragma once

#include <string>

#include "distill/projection.h"
#include "models/model_config.h"
#include "retrieval/provenance.h"
#include "train/features.h"

namespace reaugkd::distill {

/// kGiven: embeddings of a file without a projection; no directory of project has it.
enum class Space { kProjection, kPretrained, kBoth, kGiven };

/// "projection", "pretrained", "both"; parse_space throws ConfigError on anything else. "given".
std::string to_string(Space space);
Space parse_space(const std::string& text);

/// Features of a row to its key, of unit length:
///   projection  z = norm(L t)
///   pretrained  e = norm(P e~)
///   given       norm(t)
///   both        norm([sqrt(1 - w) z ; sqrt(w) e]), so that key.key' = (1 - w) z.z' + w e.e'
struct KeyMaker {
  Space space = Space::kProjection;
  Projection projection = {};  // L; of `pretrained` none
  torch::Tensor axes = {};     // P (D, H'); undefined: the identity
  models::Pooling pretrained_embedding = models::Pooling::kMean;  // what makes e~
  double pretrained_weight = 0.5;                                 // w of `both`

  bool reads_pretrained() const { return space == Space::kPretrained || space == Space::kBoth; }
  /// (n, D) fp32. Throws ArtifactError where the features lack what the space needs.
  torch::Tensor keys(const train::Features& features) const;
  torch::Tensor z(const train::Features& features) const;  // (n, D_z)
  torch::Tensor e(const train::Features& features) const;  // (n, D_e)
};

void save_key_maker(const KeyMaker& maker, const std::filesystem::path& directory);
/// Of a projected teacher whose embeddings t have `hidden_size`. Throws ArtifactError where the
/// directory is a teacher that project has not seen.
KeyMaker load_key_maker(const std::filesystem::path& directory, std::int64_t hidden_size);

/// What the keys of a projected teacher's directory compare with.
retrieval::KeySpace key_space_of(const std::filesystem::path& directory);

/// Adds the pretrained embeddings of `rows` to their features where the keys are made of them, by
/// the encoder in `directory`/pretrained.
void add_pretrained(train::Features& features, const KeyMaker& maker,
                    const std::filesystem::path& directory, const data::Dataset& rows,
                    const data::TaskSettings& settings, const tensor::Compute& compute,
                    std::int64_t batch_size);

/// The D directions in which unit rows have the most length: the leading eigenvectors of their
/// second moments, not centred. Inner products of rows are kept as well as D numbers can; wholly
/// where D is the rows' width or more (what is left of D is zeros).
struct PrincipalAxes {
  torch::Tensor axes;  // (D, H) fp32
  double kept = 0;     // share of the squared length, 0 to 1
};

/// Of norm(x) for x (n, H). Each axis points to where its largest entry is positive.
PrincipalAxes principal_axes(const torch::Tensor& x, std::int64_t dimension);

}  // namespace reaugkd::distill
