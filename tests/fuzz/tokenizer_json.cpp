// A tokenizer.json, and a text cut by it: what stands after "----" on a line.
#include "fuzz.h"
#include "text/tokenizer.h"

void read(const std::string& bytes, const std::filesystem::path& directory) {
  const auto cut = bytes.rfind("----\n");
  write_quickly(directory / "tokenizer.json", bytes.substr(0, cut));
  const auto tokenizer = reaugkd::text::load_tokenizer(directory);
  if (cut != std::string::npos) tokenizer->encode(bytes.substr(cut + 5));
}
