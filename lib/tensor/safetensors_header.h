// The header of a safetensors file, read and checked without LibTorch: so tests/fuzz can give it to
// libFuzzer. Used by safetensors.cpp alone.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace reaugkd::tensor {

struct HeaderEntry {
  std::string name;
  std::string dtype;  // "F32" and so on
  std::uint64_t item_bytes = 0;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;  // in the data
  std::uint64_t end = 0;
};

struct SafetensorsHeader {
  std::uint64_t data_start = 0;                 // in the file
  std::vector<HeaderEntry> entries;             // in the order of their data
  std::map<std::string, std::string> metadata;  // __metadata__
};

/// Parses the header of the file whose bytes these are. Throws ArtifactError naming `where` and
/// what is wrong: a truncated file, a header that is not JSON, an unknown dtype, offsets that
/// overlap, leave holes or do not fit the shape.
SafetensorsHeader parse_safetensors_header(std::string_view bytes, const std::string& where);

}  // namespace reaugkd::tensor
