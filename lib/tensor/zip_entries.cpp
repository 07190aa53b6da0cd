// parse_zip of npy_header.h: archives as numpy.savez writes them (PKWARE's APPNOTE, sections 4.3
// and 4.5.3), with the sizes of zip64.
#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "tensor/npy_header.h"

namespace reaugkd::tensor {
namespace {

using base::ArtifactError;

constexpr std::string_view kEndMark = "PK\5\6";
constexpr std::string_view kEnd64Mark = "PK\6\6";
constexpr std::string_view kLocator64Mark = "PK\6\7";
constexpr std::string_view kCentralMark = "PK\1\2";
constexpr std::string_view kLocalMark = "PK\3\4";
constexpr std::uint64_t kEndSize = 22, kLocatorSize = 20, kEnd64Size = 56;
constexpr std::uint64_t kCentralSize = 46, kLocalSize = 30;
constexpr std::uint64_t kIn64 = 0xffffffff;  // the number stands in the zip64 field

class ZipReader {
 public:
  ZipReader(std::string_view bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  std::vector<ZipEntry> read() {
    std::uint64_t at = 0, count = 0;
    find_directory(at, count);
    std::vector<ZipEntry> entries;
    std::set<std::string> names;
    for (std::uint64_t i = 0; i < count; ++i) {
      entries.push_back(entry(at));
      if (!names.insert(entries.back().name).second) {
        refuse("it has " + entries.back().name + " twice");
      }
    }
    return entries;
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw ArtifactError("{}: is no zip archive as numpy.savez writes it, or is truncated: {}",
                        where_, why);
  }
  /// The bytes at `at` begin with `mark` and there are `size` of them.
  bool is(std::uint64_t at, std::string_view mark, std::uint64_t size) const {
    return at <= bytes_.size() && size <= bytes_.size() - at &&
           bytes_.substr(at, mark.size()) == mark;
  }
  std::uint64_t number(std::uint64_t at, std::size_t count) const {
    std::uint64_t value = 0;
    for (std::size_t i = count; i-- > 0;) {
      value = value << 8 | static_cast<unsigned char>(bytes_[at + i]);
    }
    return value;
  }

  /// Where the central directory begins, and its number of files.
  void find_directory(std::uint64_t& at, std::uint64_t& count) const {
    const auto last = bytes_.rfind(kEndMark);  // numpy writes no comment behind it
    if (last == bytes_.npos || !is(last, kEndMark, kEndSize)) refuse("its end is not there");
    count = number(last + 10, 2);
    at = number(last + 16, 4);
    if (last < kLocatorSize || !is(last - kLocatorSize, kLocator64Mark, kLocatorSize)) return;
    const auto end = number(last - kLocatorSize + 8, 8);
    if (!is(end, kEnd64Mark, kEnd64Size)) refuse("its zip64 end is not there");
    count = number(end + 32, 8);
    at = number(end + 48, 8);
  }

  /// The entry of the central directory at `at`, which moves on to the next one.
  ZipEntry entry(std::uint64_t& at) const {
    if (!is(at, kCentralMark, kCentralSize)) refuse("its directory is damaged");
    const auto flags = number(at + 8, 2), method = number(at + 10, 2);
    const auto name_size = number(at + 28, 2), extra_size = number(at + 30, 2);
    const auto comment_size = number(at + 32, 2);
    std::uint64_t size = number(at + 24, 4), stored = number(at + 20, 4);
    std::uint64_t local = number(at + 42, 4);
    const std::uint64_t whole = kCentralSize + name_size + extra_size + comment_size;
    if (!is(at, kCentralMark, whole)) refuse("its directory is damaged");
    const std::string name(bytes_.substr(at + kCentralSize, name_size));
    read_zip64(at + kCentralSize + name_size, extra_size, {&size, &stored, &local});
    at += whole;
    const std::string shown = base::json_text(name.substr(0, 80));
    if (method != 0 || (flags & 1) != 0) {
      throw ArtifactError(
          "{}: {} is {}, expected an archive that is not: write it with numpy.savez in place of "
          "numpy.savez_compressed",
          where_, shown, method != 0 ? "compressed" : "encrypted");
    }
    if (!is(local, kLocalMark, kLocalSize)) refuse(shown + " is not there");
    const auto begin = local + kLocalSize + number(local + 26, 2) + number(local + 28, 2);
    if (stored != size || begin > bytes_.size() || size > bytes_.size() - begin) {
      refuse(shown + " is not there in full");
    }
    return {name, begin, size};
  }

  /// Numbers that do not fit into 32 bits stand in the extra field of id 1, in this order.
  void read_zip64(std::uint64_t at, std::uint64_t size,
                  const std::vector<std::uint64_t*>& values) const {
    const std::uint64_t end = at + size;
    while (end - at >= 4) {
      const auto id = number(at, 2), length = number(at + 2, 2);
      at += 4;
      if (length > end - at) refuse("its directory is damaged");
      std::uint64_t field = at;
      for (auto* const value : values) {
        if (id != 1 || *value != kIn64) continue;
        if (at + length - field < 8) refuse("its directory is damaged");
        *value = number(field, 8);
        field += 8;
      }
      at += length;
    }
  }

  std::string_view bytes_;
  const std::string& where_;
};

}  // namespace

std::vector<ZipEntry> parse_zip(std::string_view bytes, const std::string& where) {
  return ZipReader(bytes, where).read();
}

}  // namespace reaugkd::tensor
