// NumPy's files: an array, and an archive of arrays.
#include <cstdlib>

#include "fuzz.h"
#include "tensor/npy_header.h"

namespace tensor = reaugkd::tensor;

namespace {

void read_array(std::string_view bytes) {
  const auto header = tensor::parse_npy_header(bytes, "fuzz");
  std::uint64_t values = 1;
  for (const auto size : header.shape) values *= static_cast<std::uint64_t>(size);
  if (header.data_start + values * header.item_bytes != bytes.size()) std::abort();
}

}  // namespace

void read(const std::string& bytes, const std::filesystem::path&) {
  if (!bytes.starts_with("PK")) return read_array(bytes);
  for (const auto& entry : tensor::parse_zip(bytes, "fuzz")) {
    if (entry.begin + entry.size > bytes.size()) std::abort();
    read_array(std::string_view(bytes).substr(entry.begin, entry.size));
  }
}
