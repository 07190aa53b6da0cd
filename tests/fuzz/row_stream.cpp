// Rows as predict reads them: the first byte is the format, the second one the size of a window.
// However the rows are cut into windows, they are the same.
#include "serving/row_stream.h"

#include <cstdlib>
#include <optional>

#include "base/error.h"
#include "fuzz.h"

namespace serving = reaugkd::serving;

namespace {

struct Seen {
  std::vector<std::string> rows;
  bool refused = false;
};

Seen rows_of(const std::filesystem::path& path, const serving::RowLayout& layout,
             std::size_t window) {
  Seen seen;
  try {
    serving::RowStream rows(serving::ByteSource::file(path), layout, serving::OnError::kSkip);
    for (;;) {
      const auto next = rows.next(window, std::chrono::milliseconds(0));
      if (next.empty()) break;
      for (const auto& row : next)
        seen.rows.push_back(row.where + row.text_a + row.text_b + row.error);
    }
  } catch (const reaugkd::base::DataError&) {
    seen.refused = true;
  }
  return seen;
}

}  // namespace

void read(const std::string& bytes, const std::filesystem::path& directory) {
  if (bytes.size() < 2) return;
  serving::RowLayout layout;
  layout.format = static_cast<serving::RowFormat>(static_cast<unsigned char>(bytes[0]) % 4);
  layout.header = bytes[0] & 4;
  layout.pair = bytes[0] & 8;
  layout.text_a = layout.header || layout.format == serving::RowFormat::kJsonl ? "a" : "0";
  layout.text_b = layout.header || layout.format == serving::RowFormat::kJsonl ? "b" : "1";
  const auto path = directory / "rows";
  write_quickly(path, bytes.substr(2));
  const auto at_once = rows_of(path, layout, 1 << 20);
  const auto by_few = rows_of(path, layout, 1 + static_cast<unsigned char>(bytes[1]) % 3);
  if (at_once.rows != by_few.rows || at_once.refused != by_few.refused) std::abort();
}
