#include "data/file_pieces.h"

#include <algorithm>

#include "base/error.h"
#include "data/records.h"

namespace reaugkd::data {

FilePieces::FilePieces(const std::filesystem::path& path, FileFormat format, std::size_t piece_size)
    : file_(path),
      where_(path.string()),
      format_(format),
      piece_size_(piece_size),
      progress_("reading " + path.filename().string(), static_cast<std::int64_t>(file_.size()),
                "bytes") {}

bool FilePieces::next(std::string_view& piece) {
  const auto end = buffer_.begin() + static_cast<std::ptrdiff_t>(taken_);
  first_line_ += std::count(buffer_.begin(), end, '\n');
  buffer_.erase(0, taken_);
  taken_ = 0;
  for (std::size_t wanted = piece_size_; taken_ == 0 && !ended_; wanted *= 2) {
    read_more(wanted);
    taken_ = ended_ ? buffer_.size() : end_of_records();
  }
  progress_.update(static_cast<std::int64_t>(read_));
  piece = std::string_view(buffer_).substr(0, taken_);
  return taken_ > 0;
}

/// The buffer has `size` bytes then, or the file has no more: what another process appends
/// meanwhile is not read.
void FilePieces::read_more(std::size_t size) {
  const std::size_t before = buffer_.size();
  if (before >= size) return;
  const std::size_t more = std::min(size - before, file_.size() - read_);
  buffer_.resize(before + more);
  if (file_.read(buffer_.data() + before, more) < more) {
    throw base::IoError("{}: became shorter while it was read", where_);
  }
  digest_.update(std::string_view(buffer_).substr(before));
  read_ += more;
  ended_ = read_ == file_.size();
}

/// Behind the last record that is all there and no empty line, whose meaning what follows decides:
/// at the file's end it is none. 0: there is none.
std::size_t FilePieces::end_of_records() const {
  if (format_ == FileFormat::kCsv) {
    std::string_view rest = buffer_;
    if (first_line_ == 1 && rest.starts_with(kByteOrderMark)) {
      rest.remove_prefix(kByteOrderMark.size());
    }
    const std::string_view records = rest;
    for (std::size_t end; (end = end_of_csv_record(rest)) != rest.npos;) rest.remove_prefix(end);
    return rest.size() == records.size() ? 0 : buffer_.size() - rest.size();
  }
  for (std::size_t end = buffer_.rfind('\n'); end != buffer_.npos && end > 0;
       end = buffer_.rfind('\n', end - 1)) {
    const std::size_t begin = buffer_.rfind('\n', end - 1) + 1;  // npos + 1 is 0
    const std::string_view line = std::string_view(buffer_).substr(begin, end - begin);
    if (!line.empty() && line != "\r") return end + 1;
  }
  return 0;
}

}  // namespace reaugkd::data
