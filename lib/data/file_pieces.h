// A data file in pieces of whole records, so that a file need not fit in memory. Used by
// dataset.cpp.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/progress.h"
#include "base/sha256.h"
#include "data/task.h"

namespace reaugkd::data {

class FilePieces {
 public:
  /// Pieces of about `piece_size` bytes. Throws IoError where the file cannot be opened.
  FilePieces(const std::filesystem::path& path, FileFormat format,
             std::size_t piece_size = std::size_t{32} << 20);

  std::size_t size() const { return file_.size(); }
  /// The next piece, valid until the next call: it begins with a record and ends behind one. False
  /// at the end. A piece is larger where one record is. Throws IoError, also
  /// where the file has become shorter.
  bool next(std::string_view& piece);
  /// On which line of the file the last piece began, from 1.
  std::int64_t first_line() const { return first_line_; }
  /// Of the whole file, once next() has given its end; once.
  std::string sha256() { return digest_.hex(); }

 private:
  void read_more(std::size_t size);
  std::size_t end_of_records() const;

  base::InputFile file_;
  std::string where_;
  FileFormat format_;
  std::size_t piece_size_;
  base::Progress progress_;
  base::Sha256 digest_;
  std::string buffer_;
  std::size_t taken_ = 0;  // of the buffer: the last piece
  std::size_t read_ = 0;   // of the file
  bool ended_ = false;
  std::int64_t first_line_ = 1;
};

}  // namespace reaugkd::data
