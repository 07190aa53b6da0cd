// A data file as records of fields, whatever its format.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "data/record_checks.h"
#include "data/task.h"

namespace reaugkd::data {

/// What a file in UTF-8 may begin with.
inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// Nothing behind this place can be told apart any more: such a file cannot lose the row alone.
class BrokenFile : public base::DataError {
 public:
  using base::DataError::DataError;
};

/// A key of JSON lines. One that is absent or null is an error where it is required, else "".
struct RecordKey {
  std::string name;
  bool required;
};

class Records {
 public:
  virtual ~Records() = default;
  /// The next record's fields, valid until the next call; false at the end. Throws DataError,
  /// naming the line, where the record cannot be read, BrokenFile where those behind it cannot be
  /// either.
  virtual bool next(Fields& fields) = 0;
  /// Line on which the last record began, from 1.
  virtual std::int64_t line() const = 0;
};

/// Records of `bytes` (which must outlive them), a byte order mark skipped, LF or CRLF.
/// kTsv: fields split by one tab, quotes are ordinary characters (GLUE). kCsv: RFC 4180: quoted
/// fields may hold commas, line ends and doubled quotes. kJsonl: an object a line, each key once;
/// the fields are the values of `keys`. A carriage return that ends no line is an error outside
/// quotes. `where`: the file, for messages. `bytes` may be a later part of a file that begins with
/// a record: on line `first_line`. Throws BrokenFile on UTF-16 and on old Mac's line ends.
std::unique_ptr<Records> make_records(FileFormat format, std::string_view bytes,
                                      const std::vector<RecordKey>& keys, const std::string& where,
                                      std::int64_t first_line = 1);

/// Behind the line end that ends the first record of CSV in `bytes`, or npos: a line's end within
/// quotes ends none.
std::size_t end_of_csv_record(std::string_view bytes);

}  // namespace reaugkd::data
