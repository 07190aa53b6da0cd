// What DeBERTa's config.json says beside the sizes that all encoders have.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "models/model_config.h"

namespace reaugkd::models {

/// DeBERTa (He et al., ICLR 2021) has one matrix for query, key and value, interleaved by head; v2
/// and v3 have three, and may share them with the positions.
enum class DebertaVersion { kV1, kV2 };

/// The table of relative positions has 2 span rows.
struct DebertaPositions {
  std::int64_t span = 512;
  std::int64_t buckets = -1;        // above 0: distances beyond half of them share rows
  std::int64_t max_distance = 512;  // where the buckets end
};

struct DebertaSettings {
  DebertaVersion version = DebertaVersion::kV2;
  bool relative_attention = false;
  bool content_to_position = false, position_to_content = false;  // pos_att_type
  bool share_att_key = false;         // positions go through the query's and key's matrices
  bool normed_positions = false;      // norm_rel_ebd
  bool position_biased_input = true;  // positions are added to the embeddings too
  DebertaPositions positions;
  std::int64_t conv_kernel_size = 0, conv_groups = 1;  // 0: no convolution beside the first layer
  Activation conv_act = Activation::kTanh;
  Activation pooler_hidden_act = Activation::kGelu;
  double pooler_dropout = 0;

  /// Of the scores: 1 + the kinds of relative attention.
  std::int64_t scale_factor() const {
    return 1 + (content_to_position ? 1 : 0) + (position_to_content ? 1 : 0);
  }
};

/// Throws ArtifactError naming `where` and the key on what is not supported.
DebertaSettings read_deberta_settings(const base::Json& json, DebertaVersion version,
                                      const std::string& where);
void write_deberta_settings(const DebertaSettings& settings, base::Json& json);

}  // namespace reaugkd::models
