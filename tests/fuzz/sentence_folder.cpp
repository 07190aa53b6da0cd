// What sentence-transformers writes beside a model: modules.json, and the object that stands for
// its other files.
#include "models/sentence_folder.h"

#include "fuzz.h"
#include "models/bert_family.h"

// The encoder itself needs LibTorch; what is read here does not.
std::shared_ptr<reaugkd::models::Encoder> reaugkd::models::make_bert(const ModelConfig&,
                                                                     const BertVariant&) {
  return nullptr;
}

void read(const std::string& bytes, const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory / "1_Pooling");
  const bool list = bytes.starts_with('[');
  write_quickly(
      directory / "modules.json",
      list ? bytes : R"([{"type": "a.Transformer"}, {"type": "Pooling", "path": "1_Pooling"}])");
  const std::string object = list ? R"({"pooling_mode": "mean"})" : bytes;
  for (const char* name : {"1_Pooling/config.json", "sentence_bert_config.json",
                           "tokenizer_config.json", "config_sentence_transformers.json"}) {
    write_quickly(directory / name, object);
  }
  const auto folder = reaugkd::models::read_sentence_folder(directory);
  if (!folder || folder->pooling.has_value() != folder->refused.empty()) std::abort();
  if (folder->max_seq_length && *folder->max_seq_length < 3) std::abort();
}
