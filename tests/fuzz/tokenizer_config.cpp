// tokenizer_config.json beside a small vocab.txt.
#include "fuzz.h"
#include "text/tokenizer.h"

void read(const std::string& bytes, const std::filesystem::path& directory) {
  write_quickly(directory / "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n##b\n");
  write_quickly(directory / "tokenizer_config.json", bytes);
  reaugkd::text::load_tokenizer(directory)->encode("A b\xc3\xa9 \xe4\xb8\xad");
}
