#include "serving/answer_rows.h"

#include <algorithm>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/interrupt.h"

namespace reaugkd::serving {
namespace {

/// The answers to one reader's rows after another.
class Loop {
 public:
  Loop(Answerer& answerer, const AnsweringOptions& options, Output& output)
      : answerer_(answerer),
        options_(options),
        output_(output),
        with_kb_(answerer.retrieval() != nullptr &&
                 (options.detail.explained() || answerer.retrieval()->matters())),
        names_(answer_names(answerer.task(), options.detail, with_kb_)) {}

  void answer(RowStream& reader, bool first_reader) {
    const auto writer = make_row_writer(options_.format, reader, names_);
    bool at_start = true;
    for (;;) {
      auto rows = reader.next(options_.window, options_.most_wait);
      if (rows.empty()) break;
      const auto known = std::min<std::int64_t>(output_.rows_before() - seen_,
                                                static_cast<std::int64_t>(rows.size()));
      std::string text;
      if (at_start) {
        const auto header = writer->header(rows.front());
        check_columns(reader, header);
        if (first_reader && output_.rows_before() == 0) text = header;
        at_start = false;
      }
      if (known > 0) {
        seen_ += known;
        rows.erase(rows.begin(), rows.begin() + known);
      }
      if (rows.empty() && text.empty()) continue;
      write(rows, *writer, text);
      base::stop_if_interrupted();
    }
  }

  Answered answered;

 private:
  /// A file has one header: all inputs must agree with it.
  void check_columns(const RowStream& reader, const std::string& header) {
    if (header_.empty()) {
      header_ = header;
    } else if (header != header_) {
      throw base::DataError(
          "{}: has other columns than the input before it: predict them one by one, or write JSON "
          "lines (`format` jsonl)",
          reader.name());
    }
  }

  void write(const std::vector<Row>& rows, RowWriter& writer, std::string& text) {
    Texts texts;
    for (const auto& row : rows) {
      if (!row.error.empty()) continue;
      texts.text_a.push_back(row.text_a);
      if (answerer_.task().pair()) texts.text_b.push_back(row.text_b);
    }
    const Answers answers = texts.text_a.empty() ? Answers{} : answerer_.answer(texts);
    std::int64_t next = 0;
    for (const auto& row : rows) {
      const bool wrong = !row.error.empty();
      text += row_text(row, answers, wrong ? -1 : next++, writer);
    }
    seen_ += static_cast<std::int64_t>(rows.size());
    answered.rows += static_cast<std::int64_t>(rows.size());
    output_.write(text, seen_);
    if (options_.progress) options_.progress(seen_);
  }

  std::string row_text(const Row& row, const Answers& answers, std::int64_t i, RowWriter& writer) {
    const auto& task = answerer_.task();
    std::string error = row.error;
    if (i >= 0) {
      answered.truncated += answers.truncated[static_cast<std::size_t>(i)];
      answered.unknown += abstained(task, options_.detail, answers, i) ? 1 : 0;
      try {
        return writer.row(row,
                          answer_fields(task, options_.detail, answers, i, answerer_.retrieval()));
      } catch (const base::DataError& cannot) {
        if (!options_.detail.errors) throw;
        error = cannot.what();
      }
    }
    ++answered.errors;
    Row bare = row;
    bare.error = error;
    const auto fields = error_fields(task, options_.detail, with_kb_, error);
    try {
      return writer.row(bare, fields);
    } catch (const base::DataError&) {  // what it came with cannot be written either
      bare.fields.clear();
      bare.text_a.clear();
      bare.text_b.clear();
      bare.object = base::Json::object();
      return writer.row(bare, fields);
    }
  }

  Answerer& answerer_;
  const AnsweringOptions& options_;
  Output& output_;
  bool with_kb_;
  std::vector<std::string> names_;
  std::string header_;
  std::int64_t seen_ = 0;  // rows that the output has, of this run or before
};

}  // namespace

Answered answer_rows(std::vector<RowStream>& readers, Answerer& answerer,
                     const AnsweringOptions& options, Output& output) {
  Loop loop(answerer, options, output);
  for (std::size_t i = 0; i < readers.size(); ++i) loop.answer(readers[i], i == 0);
  output.finish();
  return loop.answered;
}

}  // namespace reaugkd::serving
