#include "serving/row_stream.h"

#include <algorithm>
#include <charconv>
#include <memory>

#include "base/names.h"
#include "data/json_line.h"
#include "data/records.h"

namespace reaugkd::serving {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;

constexpr std::size_t kLongestRecord = 1 << 24;  // bytes; a quote that is never closed ends there
constexpr microseconds kGap{1000};  // a row that no other follows in this time waits no longer

data::FileFormat file_format(RowFormat format) {
  return format == RowFormat::kCsv ? data::FileFormat::kCsv : data::FileFormat::kTsv;
}

std::string_view without_line_end(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

RowFormat parse_row_format(const std::string& text) {
  if (text == "text") return RowFormat::kText;
  if (text == "tsv") return RowFormat::kTsv;
  if (text == "csv") return RowFormat::kCsv;
  if (text == "jsonl") return RowFormat::kJsonl;
  throw base::ConfigError("\"{}\" is not one of text, tsv, csv, jsonl", text);
}

std::string to_string(RowFormat format) {
  switch (format) {
    case RowFormat::kTsv:
      return "tsv";
    case RowFormat::kCsv:
      return "csv";
    case RowFormat::kJsonl:
      return "jsonl";
    case RowFormat::kText:
      break;
  }
  return "text";
}

RowFormat format_of_name(const std::string& name) {
  if (name.ends_with(".tsv")) return RowFormat::kTsv;
  if (name.ends_with(".csv")) return RowFormat::kCsv;
  if (name.ends_with(".jsonl")) return RowFormat::kJsonl;
  return RowFormat::kText;
}

RowStream::RowStream(ByteSource source, RowLayout layout, OnError on_error)
    : source_(std::move(source)), layout_(std::move(layout)), on_error_(on_error) {
  const bool fields = layout_.format == RowFormat::kTsv || layout_.format == RowFormat::kCsv;
  if (fields && layout_.header) read_header();
}

std::string RowStream::where() const {
  return fmt::format("{}:{}", source_.name(), record_line_);
}

std::optional<std::string_view> RowStream::take_record() {
  std::string_view rest = std::string_view(buffer_).substr(begin_);
  if (!begun_) {
    constexpr auto kMark = data::kByteOrderMark;
    if (rest.size() < kMark.size() && kMark.starts_with(rest)) return {};  // perhaps half of it
    begun_ = true;
    if (rest.starts_with(kMark)) {
      begin_ += kMark.size();
      rest.remove_prefix(kMark.size());
    }
  }
  std::size_t end =
      layout_.format == RowFormat::kCsv ? data::end_of_csv_record(rest) : rest.find('\n', scanned_);
  if (end != rest.npos && layout_.format != RowFormat::kCsv) ++end;
  scanned_ = rest.size();
  if (end == rest.npos) {
    if (rest.size() > kLongestRecord) {
      throw base::DataError(
          "{}:{}: a row of more than 16 MiB begins here: is a quote never closed, or is this no "
          "text file?",
          source_.name(), line_);
    }
    if (source_.ended() && !rest.empty()) {
      throw base::DataError("{}:{}: a quote that opens in this row is never closed", source_.name(),
                            line_);
    }
    return {};
  }
  record_line_ = line_;
  line_ += std::count(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(end), '\n');
  begin_ += end;
  scanned_ = 0;
  return rest.substr(0, end);
}

bool RowStream::read_more(microseconds most_wait) {
  buffer_.erase(0, begin_);
  begin_ = 0;
  const auto found = source_.read(buffer_, most_wait);
  if (found == ByteSource::Found::kEnd && !buffer_.empty() && !buffer_.ends_with('\n')) {
    buffer_ += '\n';  // the last line's own
    return true;
  }
  return found == ByteSource::Found::kBytes;
}

void RowStream::check_bytes(std::string_view record) const {
  if (record.starts_with("\xFF\xFE") || record.starts_with("\xFE\xFF")) {
    throw base::DataError("{}: is in UTF-16: convert it (iconv -f UTF-16 -t UTF-8)",
                          source_.name());
  }
  const auto line = without_line_end(record);
  if (line.find('\r') != line.npos && layout_.format != RowFormat::kCsv) {
    throw base::DataError(
        "{}: a carriage return stands within the line: is this a file with the line ends of old "
        "Macs? Convert it (tr '\\r' '\\n')",
        where());
  }
  data::check_text(line, "the line", where());
}

void RowStream::name_columns(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) columns_.push_back(fmt::format("{}", i));
}

std::size_t RowStream::column(const std::string& name, const char* what) const {
  const auto found = std::ranges::find(columns_, name);
  if (found != columns_.end()) return static_cast<std::size_t>(found - columns_.begin());
  const auto nearest = base::did_you_mean(name, columns_);
  throw base::DataError("{}: has no column \"{}\", found {}{} it with `{}`", where(), name,
                        base::few_names(columns_), nearest.empty() ? ": name" : nearest + " Name",
                        what);
}

void RowStream::read_header() {
  std::optional<std::string_view> record;
  while (!(record = take_record())) {
    if (!read_more(microseconds(-1)) && buffer_.empty()) {
      throw base::DataError("{}: is empty, expected a header line", source_.name());
    }
  }
  check_bytes(*record);
  data::Fields fields;  // views of what `records` holds
  const auto records = data::make_records(file_format(layout_.format), *record, {}, source_.name());
  records->next(fields);
  columns_.assign(fields.begin(), fields.end());
  for (const auto& name : columns_) {
    if (std::ranges::count(columns_, name) > 1) {
      throw base::DataError("{}: the header names \"{}\" twice", where(), name);
    }
  }
  column_a_ = column(layout_.text_a, "text_column");
  if (layout_.pair) column_b_ = column(layout_.text_b, "text_pair_column");
}

void RowStream::read_text(std::string_view line, Row& row) const {
  if (!layout_.pair) {
    row.text_a = line;
    return;
  }
  const auto tab = line.find('\t');
  if (tab == line.npos || line.find('\t', tab + 1) != line.npos) {
    throw base::DataError("{}: expected two texts with one tab between them", where());
  }
  row.text_a = line.substr(0, tab);
  row.text_b = line.substr(tab + 1);
}

void RowStream::read_fields(std::string_view record, Row& row) {
  data::Fields fields;
  const auto records =
      data::make_records(file_format(layout_.format), record, {}, source_.name(), record_line_);
  records->next(fields);
  row.fields.assign(fields.begin(), fields.end());
  if (columns_.empty()) {  // no header: the first row says how many there are
    name_columns(fields.size());
    column_a_ = column(layout_.text_a, "text_column");
    if (layout_.pair) column_b_ = column(layout_.text_b, "text_pair_column");
  }
  data::check_field_count(fields.size(), columns_.size(), where(), file_format(layout_.format),
                          layout_.header ? data::kHeader : data::kFirstLine);
  data::check_not_blank(fields, where(), file_format(layout_.format));
  row.text_a = fields[column_a_];
  if (layout_.pair) row.text_b = fields[column_b_];
}

void RowStream::read_object(std::string_view line, Row& row) const {
  row.object = data::parse_json_line(line, where());
  row.text_a = data::json_text_at(row.object, layout_.text_a, where());
  if (layout_.pair) row.text_b = data::json_text_at(row.object, layout_.text_b, where());
}

Row RowStream::row_of(std::string_view record) {
  Row row;
  row.where = where();
  try {
    check_bytes(record);
    if (layout_.format == RowFormat::kText) {
      read_text(without_line_end(record), row);
    } else if (layout_.format == RowFormat::kJsonl) {
      read_object(without_line_end(record), row);
    } else {
      read_fields(record, row);
    }
  } catch (const base::DataError& error) {
    if (on_error_ == OnError::kStop) throw;
    row.error = error.what();
  }
  return row;
}

std::vector<Row> RowStream::next(std::size_t most, std::chrono::milliseconds most_wait) {
  std::vector<Row> rows;
  if (stopped_by_) throw base::DataError(*stopped_by_);
  auto until = Clock::now();
  while (rows.size() < most) {
    try {
      if (const auto record = take_record()) {
        const bool blank = layout_.format == RowFormat::kCsv && without_line_end(*record).empty();
        if (blank) continue;  // no record of CSV
        if (rows.empty()) until = Clock::now() + most_wait;
        rows.push_back(row_of(*record));
        continue;
      }
      const auto left = std::chrono::duration_cast<microseconds>(until - Clock::now());
      const auto wait = rows.empty() ? microseconds(-1) : std::clamp(left, microseconds(0), kGap);
      const bool more = read_more(wait);
      if (!more && (source_.ended() ? buffer_.empty() : !rows.empty())) break;
    } catch (const base::DataError& error) {
      if (rows.empty()) throw;
      stopped_by_ = error;
      break;
    }
  }
  return rows;
}

}  // namespace reaugkd::serving
