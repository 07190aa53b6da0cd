// A vocab.json, a merges.txt and a text cut by them: "----" on a line stands between two of them.
#include "fuzz.h"
#include "text/tokenizer.h"

void read(const std::string& bytes, const std::filesystem::path& directory) {
  const auto first = bytes.find("----\n");
  const auto second = first == std::string::npos ? first : bytes.find("----\n", first + 5);
  if (second == std::string::npos) return;
  write_quickly(directory / "vocab.json", bytes.substr(0, first));
  write_quickly(directory / "merges.txt", bytes.substr(first + 5, second - first - 5));
  reaugkd::text::load_tokenizer(directory)->encode(bytes.substr(second + 5));
}
