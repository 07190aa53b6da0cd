// Rows to answer for, as they come: lines of text, TSV, CSV or JSON lines, from a file or a pipe.
// Holds no more than a window of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "serving/byte_source.h"

namespace reaugkd::serving {

enum class RowFormat { kText, kTsv, kCsv, kJsonl };

/// "text", "tsv", "csv", "jsonl" and back; throws ConfigError on anything else.
RowFormat parse_row_format(const std::string& text);
std::string to_string(RowFormat format);
/// By the end of the name; kText where it says nothing.
RowFormat format_of_name(const std::string& name);

/// Where the texts stand. Columns are names of the header; without a header they are numbers from
/// 0. Lines of text have none: of a pair, a tab stands between the two.
struct RowLayout {
  RowFormat format = RowFormat::kText;
  bool header = true;          // of TSV and CSV
  bool pair = false;           // a task of text pairs
  std::string text_a, text_b;  // columns, or keys of JSON lines
};

/// One row, as it came and as the model needs it.
struct Row {
  std::string text_a, text_b;
  std::vector<std::string> fields;           // TSV, CSV: all of them, in the order of columns()
  base::Json object = base::Json::object();  // JSON lines
  std::string where;                         // "rows.csv:17"
  std::string error;                         // why it cannot be answered; empty: it can
};

enum class OnError { kStop, kSkip };

class RowStream {
 public:
  /// Reads the header where there is one. Throws DataError where it lacks a column, is in UTF-16 or
  /// names a column twice.
  RowStream(ByteSource source, RowLayout layout, OnError on_error);

  /// Up to `most` rows; none at the end. Once a row is there, others are waited for while they keep
  /// coming, but no longer than `most_wait`. Throws DataError on a row that cannot be read, unless
  /// errors are skipped; the rows before it come first.
  std::vector<Row> next(std::size_t most, std::chrono::milliseconds most_wait);

  const RowLayout& layout() const { return layout_; }
  /// Names of the fields of TSV and CSV; numbers where there is no header.
  const std::vector<std::string>& columns() const { return columns_; }
  const std::string& name() const { return source_.name(); }

 private:
  /// The bytes of the next record with its line end; none where they are not all there yet.
  std::optional<std::string_view> take_record();
  /// More bytes into the buffer; false where none came in time.
  bool read_more(std::chrono::microseconds most_wait);
  void read_header();
  void name_columns(std::size_t count);
  std::size_t column(const std::string& name, const char* what) const;
  void check_bytes(std::string_view record) const;
  Row row_of(std::string_view record);
  void read_text(std::string_view line, Row& row) const;
  void read_fields(std::string_view record, Row& row);
  void read_object(std::string_view line, Row& row) const;
  std::string where() const;

  ByteSource source_;
  RowLayout layout_;
  OnError on_error_;
  std::vector<std::string> columns_;
  std::size_t column_a_ = 0, column_b_ = 0;
  std::string buffer_;
  std::size_t begin_ = 0;    // of the bytes that no record has taken
  std::size_t scanned_ = 0;  // of them, known to end no record
  bool begun_ = false;       // behind a byte order mark, if there is one
  std::int64_t line_ = 1;    // on which the next record begins
  std::int64_t record_line_ = 1;
  std::optional<base::DataError> stopped_by_;  // thrown once the rows before it are taken
};

}  // namespace reaugkd::serving
