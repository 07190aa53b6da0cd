#include "tensor/npy_header.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstring>
#include <map>

#include "base/error.h"
#include "base/json.h"

namespace reaugkd::tensor {
namespace {

using base::ArtifactError;

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::uint64_t kMaxHeader = 1'000'000;

struct NpyDtype {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array<NpyDtype, 5> kNpyDtypes = {
    {{"<f2", 2}, {"<f4", 4}, {"<f8", 8}, {"<i4", 4}, {"<i8", 8}}};

/// The little-endian number of `count` bytes at `at`, which are there.
std::uint64_t number_at(std::string_view bytes, std::uint64_t at, std::size_t count) {
  std::uint64_t number = 0;
  for (std::size_t i = count; i-- > 0;) {
    number = number << 8 | static_cast<unsigned char>(bytes[at + i]);
  }
  return number;
}

/// The text of the header, a Python dict; `data_start` is set to where the data begins.
std::string_view header_text(std::string_view bytes, const std::string& where,
                             std::uint64_t& data_start) {
  if (!bytes.starts_with(kMagic) || bytes.size() < 10) {
    throw ArtifactError("{}: is no .npy file: expected it to begin with \\x93NUMPY", where);
  }
  const int version = static_cast<unsigned char>(bytes[6]);
  if (version < 1 || version > 3) {
    throw ArtifactError("{}: .npy version {}, supported are 1 to 3", where, version);
  }
  const std::uint64_t begin = version == 1 ? 10 : 12;
  if (bytes.size() < begin) throw ArtifactError("{}: the file ends within its header", where);
  const auto size = number_at(bytes, 8, begin - 8);
  if (size > kMaxHeader || size > bytes.size() - begin) {
    throw ArtifactError("{}: the header says it has {} bytes, the file has {}: it is truncated",
                        where, size, bytes.size());
  }
  data_start = begin + size;
  return bytes.substr(begin, size);
}

/// Reads {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }: each value as it is written.
class PythonDict {
 public:
  PythonDict(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  std::map<std::string, std::string> read() {
    std::map<std::string, std::string> values;
    expect('{');
    while (!take('}')) {
      const std::string key = quoted(value());
      expect(':');
      values[key] = value();
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    return values;
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }
  bool take(char c) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) refuse();
  }
  [[noreturn]] void refuse() const {
    throw ArtifactError("{}: its header is no dict of descr, fortran_order and shape: {}", where_,
                        base::json_text(std::string(text_.substr(0, 80))));
  }
  static std::string quoted(const std::string& text) {
    return text.size() < 2 ? "" : text.substr(1, text.size() - 2);
  }
  /// A quoted text, or all up to a ',' ':' or '}' outside of brackets.
  std::string value() {
    skip_space();
    const std::size_t begin = at_;
    int depth = 0;
    char quote = 0;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (quote != 0) {
        if (c == quote) quote = 0;
        continue;
      }
      if (c == '\'' || c == '"') quote = c;
      if (c == '(' || c == '[') ++depth;
      if (c == ')' || c == ']') --depth;
      if (depth <= 0 && (c == ',' || c == ':' || c == '}')) break;
    }
    if (at_ == text_.size() || at_ == begin || depth != 0) refuse();
    std::string found(text_.substr(begin, at_ - begin));
    while (std::isspace(static_cast<unsigned char>(found.back()))) found.pop_back();
    return found;
  }

  std::string_view text_;
  const std::string& where_;
  std::size_t at_ = 0;
};

/// "(3, 4)", "(3,)" or "()" as numbers.
std::vector<std::int64_t> shape_of(const std::string& text, const std::string& where) {
  const auto refuse = [&] {
    throw ArtifactError("{}: its shape is {}, expected numbers such as (100, 768)", where,
                        base::json_text(text.substr(0, 80)));
  };
  if (text.size() < 2 || text.front() != '(' || text.back() != ')') refuse();
  std::vector<std::int64_t> shape;
  const char* at = text.data() + 1;
  const char* const end = text.data() + text.size() - 1;
  const auto skip = [&] {
    while (at < end && *at == ' ') ++at;
  };
  for (skip(); at < end; skip()) {
    std::int64_t size = 0;
    const auto [stop, error] = std::from_chars(at, end, size);
    if (error != std::errc() || size < 0) refuse();
    shape.push_back(size);
    at = stop;
    skip();
    if (at == end) break;
    if (*at++ != ',') refuse();
  }
  return shape;
}

void set_dtype(NpyHeader& header, const std::string& written, const std::string& where) {
  header.descr = written.size() < 2 ? written : written.substr(1, written.size() - 2);
  const auto* const found =
      std::ranges::find(kNpyDtypes, std::string_view(header.descr), &NpyDtype::name);
  if (written.starts_with('\'') && found != kNpyDtypes.end()) {
    header.item_bytes = found->bytes;
    return;
  }
  throw ArtifactError(
      "{}: its dtype is {}, supported are <f2, <f4, <f8, <i4 and <i8: save it as "
      "array.astype(\"float32\")",
      where, base::json_text(written.substr(0, 80)));
}

void check_size(const NpyHeader& header, std::uint64_t bytes, const std::string& where) {
  const std::uint64_t found = bytes - header.data_start;
  std::uint64_t values = 1;
  bool fits = true;
  for (const auto size : header.shape) {
    fits = fits && !__builtin_mul_overflow(values, static_cast<std::uint64_t>(size), &values);
  }
  std::uint64_t expected = 0;
  fits = fits && !__builtin_mul_overflow(values, header.item_bytes, &expected);
  if (fits && expected == found) return;
  throw ArtifactError(
      "{}: an array ({}) of {} needs {} bytes, the file has {}: it is truncated or damaged; write "
      "it again",
      where, fmt::join(header.shape, ", "), header.descr,
      fits ? std::to_string(expected) : "too many", found);
}

}  // namespace

NpyHeader parse_npy_header(std::string_view bytes, const std::string& where) {
  NpyHeader header;
  const auto text = header_text(bytes, where, header.data_start);
  const auto values = PythonDict(text, where).read();
  const auto at = [&](const char* key) -> const std::string& {
    const auto found = values.find(key);
    if (found != values.end()) return found->second;
    throw ArtifactError("{}: its header has no {}: it is damaged", where, key);
  };
  set_dtype(header, at("descr"), where);
  const auto& order = at("fortran_order");
  if (order != "True" && order != "False") {
    throw ArtifactError("{}: fortran_order is {}, expected True or False", where,
                        base::json_text(order.substr(0, 80)));
  }
  header.fortran_order = order == "True";
  header.shape = shape_of(at("shape"), where);
  check_size(header, bytes.size(), where);
  return header;
}

}  // namespace reaugkd::tensor
