// A model's config.json.
#include "fuzz.h"
#include "models/bert_family.h"
#include "models/deberta_family.h"
#include "models/model_config.h"
#include "models/modern_bert_family.h"

// The encoders themselves need LibTorch; their configurations do not.
namespace reaugkd::models {

std::shared_ptr<Encoder> make_bert(const ModelConfig&, const BertVariant&) {
  return nullptr;
}

std::shared_ptr<Encoder> make_deberta(const ModelConfig&, const DebertaSettings&) {
  return nullptr;
}

std::shared_ptr<Encoder> make_modern_bert(const ModelConfig&, const ModernBertSettings&) {
  return nullptr;
}

}  // namespace reaugkd::models

void read(const std::string& bytes, const std::filesystem::path& directory) {
  write_quickly(directory / "config.json", bytes);
  reaugkd::models::load_config(directory);
}
