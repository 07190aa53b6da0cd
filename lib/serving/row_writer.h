// Answered rows as text: JSON lines, TSV, CSV, or a table for a person. What the row came with is
// passed through, what was answered is added.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "serving/row_stream.h"

namespace reaugkd::serving {

enum class AnswerFormat { kJsonl, kTsv, kCsv, kTable };

/// "jsonl", "tsv", "csv", "table"; throws ConfigError on anything else.
AnswerFormat parse_answer_format(const std::string& text);

class RowWriter {
 public:
  virtual ~RowWriter() = default;
  /// What stands before the first row; it may depend on it.
  virtual std::string header(const Row& first) = 0;
  /// The row with `fields`, what was answered. Throws DataError where the format cannot hold it.
  virtual std::string row(const Row& row, const base::Json& fields) = 0;
};

/// For rows of `reader`; `names` are those of the fields, in order. Throws ConfigError where a
/// column of the input has one of the names.
std::unique_ptr<RowWriter> make_row_writer(AnswerFormat format, const RowStream& reader,
                                           const std::vector<std::string>& names);

}  // namespace reaugkd::serving
