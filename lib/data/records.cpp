#include "data/records.h"

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "data/json_line.h"

namespace reaugkd::data {
namespace {

[[noreturn]] void refuse_carriage_return(const std::string& where, std::int64_t line,
                                         const char* remedy) {
  throw base::DataError(
      "{}:{}: found a carriage return (CR) within the line, expected it before a line feed only: "
      "{}",
      where, line, remedy);
}

/// The lines of a file without their ends; an empty last line is none.
class Lines {
 public:
  Lines(std::string_view bytes, std::int64_t first_line) : rest_(bytes), number_(first_line - 1) {}
  bool next(std::string_view& line) {
    if (rest_.empty()) return false;
    const std::size_t end = std::min(rest_.find('\n'), rest_.size());
    line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() && rest_.empty()) return false;
    ++number_;
    return true;
  }
  std::int64_t number() const { return number_; }

 private:
  std::string_view rest_;
  std::int64_t number_;
};

class TsvRecords final : public Records {
 public:
  TsvRecords(std::string_view bytes, std::string where, std::int64_t first_line)
      : lines_(bytes, first_line), where_(std::move(where)) {}
  std::int64_t line() const override { return lines_.number(); }
  bool next(Fields& fields) override {
    std::string_view line;
    if (!lines_.next(line)) return false;
    if (line.find('\r') != line.npos) {
      refuse_carriage_return(where_, lines_.number(), "remove it, or put a space in its place");
    }
    fields.clear();
    for (std::size_t begin = 0;;) {
      const std::size_t tab = line.find('\t', begin);
      fields.push_back(line.substr(begin, tab - begin));
      if (tab == std::string_view::npos) return true;
      begin = tab + 1;
    }
  }

 private:
  Lines lines_;
  std::string where_;
};

/// Fields of a record that had to be rewritten (unquoted, unescaped) live here.
class OwnedFields {
 public:
  void clear() { values_.clear(); }
  std::string& add() { return values_.emplace_back(); }
  void view(Fields& fields) const { fields.assign(values_.begin(), values_.end()); }

 private:
  std::vector<std::string> values_;
};

class CsvRecords final : public Records {
 public:
  CsvRecords(std::string_view bytes, std::string where, std::int64_t first_line)
      : rest_(bytes), where_(std::move(where)), line_(first_line) {}
  std::int64_t line() const override { return began_; }

  bool next(Fields& fields) override {
    while (skip_line_end()) ++line_;  // empty lines are no records
    if (rest_.empty()) return false;
    began_ = line_;
    lone_return_ = false;
    owned_.clear();
    do {
      read_field(owned_.add());
    } while (skip(','));
    if (skip_line_end()) {
      ++line_;
    } else if (!rest_.empty()) {
      throw BrokenFile("{}:{}: text follows a closing quote; expected a comma or the line's end",
                       where_, line_);
    }
    if (lone_return_) {
      refuse_carriage_return(where_, began_, "remove it, or put the field in double quotes");
    }
    owned_.view(fields);
    return true;
  }

 private:
  bool skip(char wanted) {
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool skip_line_end() {
    if (rest_.starts_with("\r\n")) rest_.remove_prefix(1);
    return skip('\n');
  }

  void read_field(std::string& field) {
    if (!skip('"')) {
      const std::size_t end = std::min(rest_.find_first_of(",\n"), rest_.size());
      field = rest_.substr(0, end);
      const bool at_line_end = end == rest_.size() || rest_[end] == '\n';
      rest_.remove_prefix(end);
      if (at_line_end && field.ends_with('\r')) field.pop_back();
      lone_return_ = lone_return_ || field.find('\r') != field.npos;
      return;
    }
    const std::int64_t opened = line_;
    while (!rest_.empty()) {
      const char next_character = rest_.front();
      rest_.remove_prefix(1);
      if (next_character == '"' && !skip('"')) return;
      if (next_character == '\n') ++line_;
      field += next_character;
    }
    throw BrokenFile("{}:{}: the quote that opens here is never closed", where_, opened);
  }

  std::string_view rest_;
  std::string where_;
  std::int64_t line_;
  std::int64_t began_ = 0;
  bool lone_return_ = false;  // in an unquoted field of the record at hand
  OwnedFields owned_;
};

class JsonlRecords final : public Records {
 public:
  JsonlRecords(std::string_view bytes, std::vector<RecordKey> keys, std::string where,
               std::int64_t first_line)
      : lines_(bytes, first_line), keys_(std::move(keys)), where_(std::move(where)) {}
  std::int64_t line() const override { return lines_.number(); }

  bool next(Fields& fields) override {
    std::string_view line;
    if (!lines_.next(line)) return false;
    const std::string where = fmt::format("{}:{}", where_, lines_.number());
    const auto object = parse_json_line(line, where);
    owned_.clear();
    for (const auto& [key, required] : keys_) {
      owned_.add() = !required && json_lacks(object, key) ? "" : json_text_at(object, key, where);
    }
    owned_.view(fields);
    return true;
  }

 private:
  Lines lines_;
  std::vector<RecordKey> keys_;
  std::string where_;
  OwnedFields owned_;
};

/// Throws on encodings and line ends whose records cannot be told apart.
void check_beginning(std::string_view bytes, const std::string& where) {
  const bool marked = bytes.starts_with("\xFF\xFE") || bytes.starts_with("\xFE\xFF");
  if (marked || bytes.substr(0, 4).find('\0') != bytes.npos) {
    throw BrokenFile("{}: is in UTF-16, expected UTF-8: convert it (iconv -f UTF-16 -t UTF-8)",
                     where);
  }
  const std::size_t first_return = bytes.find('\r');
  if (first_return < bytes.size() - 1 && bytes.find('\n') == bytes.npos) {
    throw BrokenFile(
        "{}: its lines end in a carriage return alone (CR, as on old Macs), expected LF or CRLF: "
        "convert it (tr '\\r' '\\n')",
        where);
  }
}

}  // namespace

std::unique_ptr<Records> make_records(FileFormat format, std::string_view bytes,
                                      const std::vector<RecordKey>& keys, const std::string& where,
                                      std::int64_t first_line) {
  if (first_line == 1) {
    if (bytes.starts_with(kByteOrderMark)) bytes.remove_prefix(kByteOrderMark.size());
    check_beginning(bytes, where);
  }
  switch (format) {
    case FileFormat::kTsv:
      return std::make_unique<TsvRecords>(bytes, where, first_line);
    case FileFormat::kCsv:
      return std::make_unique<CsvRecords>(bytes, where, first_line);
    case FileFormat::kJsonl:
      return std::make_unique<JsonlRecords>(bytes, keys, where, first_line);
  }
  throw base::InternalError("unknown file format");
}

std::size_t end_of_csv_record(std::string_view bytes) {
  bool field_begins = true;  // a quote opens a field only there
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char character = bytes[i];
    if (character == '\n') return i + 1;
    if (character == '"' && field_begins) {
      std::size_t close = bytes.find('"', i + 1);
      while (close != bytes.npos && close + 1 < bytes.size() && bytes[close + 1] == '"') {
        close = bytes.find('"', close + 2);
      }
      if (close == bytes.npos) return close;
      i = close;
    }
    field_begins = character == ',';
  }
  return bytes.npos;
}

}  // namespace reaugkd::data
