// The identity of an example in every stage: which file it came from and which data row it was.
// Printed as the first 16 hex digits of the file's sha256, ':', the 0-based row.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace reaugkd::base {

struct ExampleId {
  std::uint64_t file = 0;  // first 64 bits of the file's sha256
  std::int64_t row = 0;

  bool operator==(const ExampleId&) const = default;
  std::string to_string() const;
};

/// The file part of an id, from a sha256 in hex.
std::uint64_t example_file(const std::string& sha256);

struct ExampleIdHash {
  std::size_t operator()(const ExampleId& id) const {
    return std::hash<std::uint64_t>{}(id.file ^
                                      (static_cast<std::uint64_t>(id.row) * 0x9e3779b97f4a7c15ULL));
  }
};

}  // namespace reaugkd::base
