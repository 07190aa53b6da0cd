// The header of a safetensors file, and what the reader of its tensors relies on.
#include "fuzz.h"
#include "tensor/safetensors_header.h"

void read(const std::string& bytes, const std::filesystem::path&) {
  const auto header = reaugkd::tensor::parse_safetensors_header(bytes, "fuzz");
  for (const auto& entry : header.entries) {
    std::uint64_t values = entry.begin == entry.end ? 0 : 1;
    for (const auto size : entry.shape) values *= static_cast<std::uint64_t>(size);
    if (header.data_start + entry.end > bytes.size() ||
        values * entry.item_bytes != entry.end - entry.begin) {
      std::abort();
    }
  }
}
