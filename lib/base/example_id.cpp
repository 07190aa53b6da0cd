#include "base/example_id.h"

#include "base/error.h"

namespace reaugkd::base {

std::string ExampleId::to_string() const {
  return fmt::format("{:016x}:{}", file, row);
}

std::uint64_t example_file(const std::string& sha256) {
  REAUGKD_CHECK(sha256.size() == 64, "sha256 is \"{}\"", sha256);
  return std::stoull(sha256.substr(0, 16), nullptr, 16);
}

}  // namespace reaugkd::base
