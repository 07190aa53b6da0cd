#include "tensor/safetensors_header.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/json.h"

namespace reaugkd::tensor {
namespace {

using base::ArtifactError;
using Json = nlohmann::json;  // sorted: base::Json would search all keys for each one it reads

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the limit of the reference reader

struct Dtype {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array<Dtype, 10> kDtypeBytes = {{{"F64", 8},
                                                {"F32", 4},
                                                {"F16", 2},
                                                {"BF16", 2},
                                                {"I64", 8},
                                                {"I32", 4},
                                                {"I16", 2},
                                                {"I8", 1},
                                                {"U8", 1},
                                                {"BOOL", 1}}};

std::uint64_t bytes_of_dtype(const std::string& name, const std::string& where) {
  for (const auto& dtype : kDtypeBytes) {
    if (name == dtype.name) return dtype.bytes;
  }
  throw ArtifactError(
      "{}: dtype {} is not supported (F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL)", where,
      name);
}

/// The header's JSON; `data_start` is set to where it ends.
Json parse_json(std::string_view bytes, std::uint64_t& data_start, const std::string& where) {
  std::uint64_t header_bytes = 0;
  if (bytes.size() < sizeof header_bytes) {
    throw ArtifactError("{}: {} bytes are too few for a safetensors file", where, bytes.size());
  }
  std::memcpy(&header_bytes, bytes.data(), sizeof header_bytes);
  if (header_bytes > kMaxHeaderBytes || header_bytes > bytes.size() - sizeof header_bytes) {
    throw ArtifactError(
        "{}: the header says it is {} bytes long, but the file has {} bytes: it is truncated "
        "or not a safetensors file; copy it again",
        where, header_bytes, bytes.size());
  }
  data_start = sizeof header_bytes + header_bytes;
  const auto text = bytes.substr(sizeof header_bytes, header_bytes);
  Json header = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!header.is_object()) throw ArtifactError("{}: the header is not a JSON object", where);
  return header;
}

std::vector<std::int64_t> numbers(const Json& entry, const char* key, const std::string& where) {
  const auto found = entry.find(key);
  const bool fits = found != entry.end() && found->is_array() &&
                    std::all_of(found->begin(), found->end(), [](const Json& value) {
                      return value.is_number_unsigned() &&
                             std::in_range<std::int64_t>(value.get<std::uint64_t>());
                    });
  if (!fits) {
    throw ArtifactError("{}: {} is {}, expected whole numbers from 0", where, key,
                        found == entry.end() ? "missing" : found->dump());
  }
  return found->get<std::vector<std::int64_t>>();
}

/// Bytes of a tensor of this shape; the product must be sane even where one size is 0.
std::uint64_t bytes_of_shape(const HeaderEntry& entry, const std::string& where) {
  std::uint64_t product = entry.item_bytes;
  bool empty = false;
  for (const auto size : entry.shape) {
    empty = empty || size == 0;
    const auto factor = static_cast<std::uint64_t>(std::max<std::int64_t>(size, 1));
    if (__builtin_mul_overflow(product, factor, &product)) {
      throw ArtifactError("{}: shape {} is impossible", where, Json(entry.shape).dump());
    }
  }
  return empty ? 0 : product;
}

HeaderEntry parse_entry(const std::string& name, const Json& value, std::uint64_t data_bytes,
                        const std::string& file) {
  const std::string where = fmt::format("{}: tensor {}", file, name);
  if (!value.is_object() || !value.contains("dtype") || !value["dtype"].is_string()) {
    throw ArtifactError("{}: expected dtype, shape and data_offsets", where);
  }
  HeaderEntry entry;
  entry.name = name;
  entry.dtype = value["dtype"].get<std::string>();
  entry.item_bytes = bytes_of_dtype(entry.dtype, where);
  entry.shape = numbers(value, "shape", where);
  const auto offsets = numbers(value, "data_offsets", where);
  if (offsets.size() != 2 || offsets[1] < offsets[0]) {
    throw ArtifactError("{}: data_offsets {} are no range", where, Json(offsets).dump());
  }
  entry.begin = static_cast<std::uint64_t>(offsets[0]);
  entry.end = static_cast<std::uint64_t>(offsets[1]);
  if (entry.end > data_bytes) {
    throw ArtifactError("{}: ends at byte {} of {}: the file is truncated; copy it again", where,
                        entry.end, data_bytes);
  }
  const auto bytes = bytes_of_shape(entry, where);
  if (bytes != entry.end - entry.begin) {
    throw ArtifactError("{}: dtype and shape need {} bytes, data_offsets span {}", where, bytes,
                        entry.end - entry.begin);
  }
  return entry;
}

void check_layout(std::vector<HeaderEntry>& entries, std::uint64_t data_bytes,
                  const std::string& where) {
  std::sort(entries.begin(), entries.end(), [](const HeaderEntry& a, const HeaderEntry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::uint64_t next = 0;
  for (const auto& entry : entries) {
    if (entry.begin != next) {
      throw ArtifactError(
          "{}: tensor {} begins at byte {}, expected {}: tensors overlap or leave a hole", where,
          entry.name, entry.begin, next);
    }
    next = entry.end;
  }
  if (next != data_bytes) {
    throw ArtifactError("{}: {} bytes follow the last tensor", where, data_bytes - next);
  }
}

std::map<std::string, std::string> parse_metadata(const Json& value, const std::string& where) {
  std::map<std::string, std::string> metadata;
  for (const auto& [name, text] : value.items()) {
    if (!value.is_object() || !text.is_string()) {
      throw ArtifactError("{}: __metadata__ holds {}, expected a string", where, text.dump());
    }
    metadata[name] = text.get<std::string>();
  }
  return metadata;
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view bytes, const std::string& where) {
  SafetensorsHeader header;
  const Json json = parse_json(bytes, header.data_start, where);
  const std::uint64_t data_bytes = bytes.size() - header.data_start;
  for (const auto& [name, value] : json.items()) {
    if (name == "__metadata__") {
      header.metadata = parse_metadata(value, where);
    } else {
      header.entries.push_back(parse_entry(name, value, data_bytes, where));
    }
  }
  check_layout(header.entries, data_bytes, where);
  return header;
}

}  // namespace reaugkd::tensor
