// Where answers go: standard output, or a file that is there once all rows are answered. A job that
// was stopped goes on where it was.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/json.h"

namespace reaugkd::serving {

/// Nobody reads the pipe any more: no error, but nothing is left to do.
class ClosedPipe : public std::exception {};

class Output {
 public:
  virtual ~Output() = default;
  /// Rows that an earlier run has written, to be left out now.
  virtual std::int64_t rows_before() const { return 0; }
  /// The answers of the next rows; `rows` are all that were answered so far. Throws IoError,
  /// ClosedPipe.
  virtual void write(std::string_view text, std::int64_t rows) = 0;
  /// All rows are answered.
  virtual void finish() {}
};

/// Writes to a descriptor that stays open.
std::unique_ptr<Output> output_to(int descriptor);

/// Takes answers that another rank writes, of which `rows_before` are there.
std::unique_ptr<Output> output_to_nobody(std::int64_t rows_before);

enum class PartialFile { kStart, kGoOn };

/// Writes FILE.partial, beside it FILE.partial.json with `job` and how many rows are in it, and
/// renames the first to FILE at the end. Begins anew with kStart. With kGoOn it begins where
/// FILE.partial.json says, or anew where there is none. Throws ConfigError where that job is
/// another one, ArtifactError where FILE.partial is shorter than it says, IoError.
std::unique_ptr<Output> output_to_file(const std::filesystem::path& path, const base::Json& job,
                                       PartialFile partial);

}  // namespace reaugkd::serving
