#include "serving/row_writer.h"

#include <algorithm>

#include "base/error.h"
#include "text/unicode.h"

namespace reaugkd::serving {
namespace {

using base::Json;

constexpr const char* kText = "text";
constexpr const char* kTextPair = "text_pair";

[[noreturn]] void refuse_name(const std::string& where, const std::string& name) {
  throw base::ConfigError(
      "{}: has a column \"{}\", which is what an answer is called: put something before the names "
      "of the answers with `prefix`",
      where, name);
}

/// The names of what a row comes with.
std::vector<std::string> input_names(const RowStream& reader, const Row& first) {
  switch (reader.layout().format) {
    case RowFormat::kText:
      return reader.layout().pair ? std::vector<std::string>{kText, kTextPair}
                                  : std::vector<std::string>{kText};
    case RowFormat::kJsonl: {
      std::vector<std::string> names;
      for (const auto& [name, value] : first.object.items()) names.push_back(name);
      return names;
    }
    case RowFormat::kTsv:
    case RowFormat::kCsv:
      break;
  }
  return reader.columns();
}

/// What a row comes with, by name.
Json input_fields(const RowStream& reader, const Row& row) {
  if (reader.layout().format == RowFormat::kJsonl) return row.object;
  Json fields = Json::object();
  if (reader.layout().format == RowFormat::kText) {
    fields[kText] = base::json_text(row.text_a);
    if (reader.layout().pair) fields[kTextPair] = base::json_text(row.text_b);
    return fields;
  }
  const auto& columns = reader.columns();
  for (std::size_t i = 0; i < std::min(columns.size(), row.fields.size()); ++i) {
    fields[columns[i]] = base::json_text(row.fields[i]);
  }
  return fields;
}

class JsonLines final : public RowWriter {
 public:
  JsonLines(const RowStream& reader, std::vector<std::string> names)
      : reader_(reader), names_(std::move(names)) {}
  std::string header(const Row&) override { return ""; }
  std::string row(const Row& row, const Json& fields) override {
    Json object = input_fields(reader_, row);
    for (const auto& name : names_) {
      if (object.contains(name)) refuse_name(row.where, name);
    }
    object.update(fields);
    return object.dump() + '\n';
  }

 private:
  const RowStream& reader_;
  std::vector<std::string> names_;
};

/// A value in one field: texts as they are, nothing for null, all else as JSON.
std::string flat(const Json& value) {
  if (value.is_null()) return "";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

class Delimited final : public RowWriter {
 public:
  Delimited(const RowStream& reader, std::vector<std::string> names, bool csv)
      : reader_(reader), names_(std::move(names)), csv_(csv) {}

  std::string header(const Row& first) override {
    columns_ = input_names(reader_, first);
    for (const auto& name : names_) {
      if (std::ranges::find(columns_, name) != columns_.end()) refuse_name(reader_.name(), name);
    }
    columns_.insert(columns_.end(), names_.begin(), names_.end());
    std::vector<std::string> fields = columns_;
    for (auto& field : fields) field = cell(field, reader_.name());
    return fmt::format("{}\n", fmt::join(fields, separator()));
  }

  std::string row(const Row& row, const Json& fields) override {
    Json all = input_fields(reader_, row);
    all.update(fields);
    std::vector<std::string> cells;
    for (const auto& name : columns_) {
      cells.push_back(all.contains(name) ? cell(flat(all[name]), row.where) : "");
    }
    for (const auto& [name, value] : all.items()) {
      if (std::ranges::find(columns_, name) != columns_.end()) continue;
      throw base::DataError(
          "{}: has the key \"{}\", which the first row has not, so there is no column for it: "
          "write JSON lines (`format` jsonl)",
          row.where, name);
    }
    return fmt::format("{}\n", fmt::join(cells, separator()));
  }

 private:
  const char* separator() const { return csv_ ? "," : "\t"; }
  std::string cell(const std::string& value, const std::string& where) const {
    if (csv_) {
      if (value.find_first_of(",\"\r\n") == value.npos) return value;
      std::string quoted = "\"";
      for (const char character : value)
        quoted += character == '"' ? "\"\"" : std::string(1, character);
      return quoted + '"';
    }
    if (value.find_first_of("\t\r\n") == value.npos) return value;
    throw base::DataError(
        "{}: a text has a tab or the end of a line, which TSV cannot hold: write CSV or JSON lines "
        "(`format` csv or jsonl)",
        where);
  }

  const RowStream& reader_;
  std::vector<std::string> names_, columns_;
  bool csv_;
};

/// The prediction, its probability and the text, in 80 columns.
class Table final : public RowWriter {
 public:
  explicit Table(std::vector<std::string> names) : names_(std::move(names)) {}
  std::string header(const Row&) override { return ""; }
  std::string row(const Row& row, const Json& fields) override {
    if (!row.error.empty()) return fmt::format("{}\n", row.error);
    const bool scores = names_.size() < 2 || !fields[names_[1]].is_number();
    std::string line =
        fmt::format("{}  {}  ", padded(flat(fields[names_[0]]), kLabel),
                    scores ? "" : fmt::format("{:6.4f}", fields[names_[1]].get<double>()));
    const std::size_t width = kLine - kLabel - 10;
    line += one_line(row.text_b.empty() ? row.text_a : row.text_a + " | " + row.text_b, width);
    while (line.ends_with(' ')) line.pop_back();
    line += '\n';
    for (std::size_t i = scores ? 1 : 2; i < names_.size(); ++i) line += more(names_[i], fields);
    return line;
  }

 private:
  static constexpr std::size_t kLine = 80, kLabel = 24;

  /// The first `width` characters, with a dot in place of what was cut.
  static std::string one_line(const std::string& text, std::size_t width) {
    std::string line;
    std::size_t count = 0;
    for (std::size_t at = 0; at < text.size(); ++count) {
      const char32_t character = text::next_code_point(text, at);
      if (count + 3 >= width && at < text.size()) return line + "...";
      text::append_utf8(character < U' ' ? U' ' : character, line);
    }
    return line;
  }
  static std::string padded(const std::string& text, std::size_t width) {
    std::string line = one_line(text, width);
    std::size_t characters = 0;
    for (std::size_t at = 0; at < line.size(); ++characters) text::next_code_point(line, at);
    return line + std::string(width - std::min(width, characters), ' ');
  }
  /// What was asked for beside the prediction, on lines of its own.
  static std::string more(const std::string& name, const Json& fields) {
    const auto& value = fields[name];
    if (value.is_null() || value == false) return "";
    if (!value.is_array()) return fmt::format("    {} {}\n", name, one_line(flat(value), 60));
    std::string lines = fmt::format("    {}\n", name);
    for (const auto& entry : value) {
      std::string line = "      ";
      for (const auto& [key, part] : entry.items()) {
        if (key == "text" || key == "text_pair") continue;
        line += part.is_number() ? fmt::format("{} {:.3f}  ", key, part.get<double>())
                                 : flat(part) + "  ";
      }
      while (line.ends_with(' ')) line.pop_back();
      lines += line + '\n';
      if (entry.contains("text")) lines += "        " + one_line(flat(entry["text"]), 70) + '\n';
    }
    return lines;
  }

  std::vector<std::string> names_;
};

}  // namespace

AnswerFormat parse_answer_format(const std::string& text) {
  if (text == "jsonl") return AnswerFormat::kJsonl;
  if (text == "tsv") return AnswerFormat::kTsv;
  if (text == "csv") return AnswerFormat::kCsv;
  if (text == "table") return AnswerFormat::kTable;
  throw base::ConfigError("\"{}\" is not one of jsonl, tsv, csv, table", text);
}

std::unique_ptr<RowWriter> make_row_writer(AnswerFormat format, const RowStream& reader,
                                           const std::vector<std::string>& names) {
  switch (format) {
    case AnswerFormat::kTsv:
    case AnswerFormat::kCsv:
      return std::make_unique<Delimited>(reader, names, format == AnswerFormat::kCsv);
    case AnswerFormat::kTable:
      return std::make_unique<Table>(names);
    case AnswerFormat::kJsonl:
      break;
  }
  return std::make_unique<JsonLines>(reader, names);
}

}  // namespace reaugkd::serving
