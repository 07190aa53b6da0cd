// The rows of one file: each record checked, its texts and its label taken.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/dataset.h"
#include "data/file_pieces.h"
#include "data/records.h"
#include "data/task.h"

namespace reaugkd::data {

/// Which labels a file may have.
enum class LabelSet {
  kTask,        // the task's classes or numbers
  kMayGrow,     // and others, each of which becomes a new class behind the task's
  kUnknownYet,  // any: the file is read to learn which there are
};

class RowReader {
 public:
  /// `labels`: under kMayGrow the new classes, under kUnknownYet all labels; these are then
  /// numbered in the order in which they come. `file`, `task`, `labels` and `dataset` must outlive
  /// it.
  RowReader(FilePieces& file, const Task& task, FileLayout layout, BadRows bad_rows,
            LabelSet label_set, std::vector<std::string>& labels, Dataset& dataset);

  /// Reads all rows into the dataset. Throws as read_dataset does.
  void read();

 private:
  bool next_record();
  bool next_row(std::int64_t row);
  void report_skipped() const;
  std::string where() const;
  std::string_view field(int column) const;
  void read_header();
  void find_column(const char* what, const std::string& name, int& column, bool required) const;
  void check_header() const;
  void check_width();
  std::string count_odd_records();
  void add_row(std::int64_t row);
  std::string_view checked_text(int column, const std::string& name) const;
  bool has_label_column() const;
  float read_label();
  float class_of(std::string_view label);
  [[noreturn]] void refuse_label(std::string_view label);
  std::vector<float> read_distribution() const;

  FilePieces& file_;
  const Task& task_;
  FileLayout layout_;
  FileLayout names_;  // of the columns, as messages call them
  BadRows bad_rows_;
  LabelSet label_set_;
  std::vector<std::string>& labels_;
  std::map<std::string, std::size_t, std::less<>> place_;    // of each label in labels_
  std::map<std::string, std::string, std::less<>> nearest_;  // label to each wrong one
  Dataset& dataset_;
  std::vector<RecordKey> keys_;       // of JSON lines
  std::unique_ptr<Records> records_;  // of the piece at hand
  std::vector<int> distribution_;     // columns of the given distribution
  Fields fields_;                     // of the record at hand
  std::size_t width_ = 0;             // fields of a record; 0: not known yet
  std::vector<std::string> skipped_;  // why, of the first rows left out
};

}  // namespace reaugkd::data
