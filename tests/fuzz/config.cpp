// A model's config.json.
#include "fuzz.h"
#include "models/bert_family.h"
#include "models/model_config.h"

// The encoder itself needs LibTorch; its configuration does not.
std::shared_ptr<reaugkd::models::Encoder> reaugkd::models::make_bert(const ModelConfig&,
                                                                     const BertVariant&) {
  return nullptr;
}

void read(const std::string& bytes, const std::filesystem::path& directory) {
  write_quickly(directory / "config.json", bytes);
  reaugkd::models::load_config(directory);
}
