#include "retrieval/examples_file.h"

#include <string_view>

#include "base/error.h"
#include "base/file.h"

namespace reaugkd::retrieval {
namespace {

using base::ArtifactError;

constexpr std::string_view kHeaderSingle = "id\ttext_a";
constexpr std::string_view kHeaderPair = "id\ttext_a\ttext_b";

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '\t':
        out += "\\t";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\\':
        out += "\\\\";
        break;
      default:
        out += c;
    }
  }
}

std::string unescaped(std::string_view text, const std::string& where) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    const char code = ++i < text.size() ? text[i] : '\0';
    switch (code) {
      case 't':
        out += '\t';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case '\\':
        out += '\\';
        break;
      default:
        throw ArtifactError("{}: a backslash begins no escape: expected \\t, \\n, \\r or \\\\",
                            where);
    }
  }
  return out;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  for (std::size_t end = text.find(separator); end != std::string_view::npos;
       end = text.find(separator, begin)) {
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  parts.push_back(text.substr(begin));
  return parts;
}

}  // namespace

void save_examples(const std::vector<base::ExampleId>& ids, const base::TextColumn& text_a,
                   const base::TextColumn& text_b, const std::filesystem::path& path) {
  const bool pair = !text_b.empty();
  REAUGKD_CHECK(text_a.size() == ids.size() && (!pair || text_b.size() == ids.size()),
                "{} ids, {} and {} texts", ids.size(), text_a.size(), text_b.size());
  std::string out(pair ? kHeaderPair : kHeaderSingle);
  out += '\n';
  for (std::size_t i = 0; i < ids.size(); ++i) {
    out += ids[i].to_string();
    out += '\t';
    append_escaped(out, text_a[i]);
    if (pair) {
      out += '\t';
      append_escaped(out, text_b[i]);
    }
    out += '\n';
  }
  base::write_file(path, out);
}

ExampleTexts load_examples(const std::vector<base::ExampleId>& ids,
                           const std::filesystem::path& path) {
  const std::string bytes = base::read_file(path);
  const auto lines = split(bytes, '\n');
  const bool pair = lines[0] == kHeaderPair;
  if (!pair && lines[0] != kHeaderSingle) {
    throw ArtifactError("{}:1: expected the columns id, text_a and perhaps text_b", path.string());
  }
  // A final newline leaves an empty part behind.
  if (lines.size() != ids.size() + 2 || !lines.back().empty()) {
    throw ArtifactError("{}: has {} lines, expected a header and {} examples, each ended",
                        path.string(), lines.size() - 1, ids.size());
  }
  ExampleTexts texts;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::string where = fmt::format("{}:{}", path.string(), i + 2);
    const auto fields = split(lines[i + 1], '\t');
    const std::size_t columns = pair ? 3 : 2;
    if (fields.size() != columns) {
      throw ArtifactError("{}: expected {} columns, got {}", where, columns, fields.size());
    }
    if (fields[0] != ids[i].to_string()) {
      throw ArtifactError("{}: the id is {}, expected {}", where, fields[0], ids[i].to_string());
    }
    texts.text_a.push_back(unescaped(fields[1], where));
    if (pair) texts.text_b.push_back(unescaped(fields[2], where));
  }
  return texts;
}

}  // namespace reaugkd::retrieval
