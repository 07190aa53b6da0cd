#include "models/other_heads.h"

#include <algorithm>
#include <array>

namespace reaugkd::models {
namespace {

struct Head {
  const char* beginning;  // of its tensors' names
  const char* purpose;
  bool of_any_family = false;
};

constexpr std::array kHeads = {
    Head{"qa_outputs.", "question answering", true},
    Head{"sequence_summary.", "multiple choice", true},
    Head{"cls.seq_relationship.", "next sentences"},
    Head{"sop_classifier.", "the order of sentences"},
    Head{"discriminator_predictions.", "replaced words"},
    Head{"mask_predictions.", "replaced words"},
    Head{"cls.", "masked words"},
    Head{"lm_head.", "masked words"},
    Head{"lm_predictions.", "masked words"},
    Head{"predictions.", "masked words"},
    Head{"vocab_transform.", "masked words"},
    Head{"vocab_layer_norm.", "masked words"},
    Head{"vocab_projector.", "masked words"},
    Head{"generator_predictions.", "masked words"},
    Head{"generator_lm_head.", "masked words"},
    Head{"decoder.", "masked words"},
};

const Head* find_head(const std::string& published) {
  const auto found = std::ranges::find_if(
      kHeads, [&](const Head& head) { return published.starts_with(head.beginning); });
  return found == kHeads.end() ? nullptr : &*found;
}

}  // namespace

std::string head_purpose(const std::string& published) {
  const Head* head = find_head(published);
  return head == nullptr ? "" : head->purpose;
}

bool is_other_head(const std::string& published) {
  const Head* head = find_head(published);
  return head != nullptr && head->of_any_family;
}

std::string classifier_purpose(const base::Json& config) {
  if (!config.contains("architectures") || !config["architectures"].is_array()) return "";
  for (const auto& name : config["architectures"]) {
    if (!name.is_string()) continue;
    const auto text = name.get<std::string>();
    if (text.ends_with("ForTokenClassification")) return "tokens";
    if (text.ends_with("ForMultipleChoice")) return "multiple choice";
    if (text.ends_with("ForQuestionAnswering")) return "question answering";
  }
  return "";
}

}  // namespace reaugkd::models
