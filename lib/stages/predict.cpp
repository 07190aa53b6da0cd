// predict: load, then a window of rows in and their answers out.
#include "stages/predict.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/progress.h"
#include "parallel/ranks.h"
#include "serving/answer_rows.h"
#include "stages/predict_inputs.h"

namespace reaugkd::stages {
namespace {

namespace fs = std::filesystem;

serving::AnswerFormat answer_format(const PredictOptions& options,
                                    const serving::RowStream& first) {
  if (options.format != "auto") return serving::parse_answer_format(options.format);
  auto format = first.layout().format;
  if (!options.output.empty()) {
    const auto named = serving::format_of_name(options.output);
    if (named != serving::RowFormat::kText) format = named;
  } else if (::isatty(STDOUT_FILENO) == 1) {
    return serving::AnswerFormat::kTable;
  }
  if (format == serving::RowFormat::kText) return serving::AnswerFormat::kJsonl;
  return serving::parse_answer_format(to_string(format));
}

/// What decides on the bytes that are written, for --resume.
base::Json job_of(PredictOptions options, base::Json job) {
  const PredictOptions defaults;
  options.eval_batch_size = defaults.eval_batch_size;
  options.max_wait = defaults.max_wait;
  options.threads = defaults.threads;
  options.resume = options.overwrite = false;
  options.output.clear();
  job["options"] = options.fields().to_json();
  for (const auto& file : options.files) {
    if (file != "-") job["bytes"][file] = fs::file_size(file);
  }
  return job;
}

/// Of several ranks the first one writes; all leave out the rows that it has.
std::unique_ptr<serving::Output> open_own_output(const PredictOptions& options, base::Json job) {
  if (options.output.empty()) return serving::output_to(STDOUT_FILENO);
  return serving::output_to_file(
      options.output, job_of(options, std::move(job)),
      options.resume ? serving::PartialFile::kGoOn : serving::PartialFile::kStart);
}

std::unique_ptr<serving::Output> open_output(const PredictOptions& options, base::Json job) {
  if (parallel::rank() > 0) return serving::output_to_nobody(parallel::largest(0));
  auto output = open_own_output(options, std::move(job));
  parallel::largest(output->rows_before());
  return output;
}

/// Every rank reads all rows, which a pipe gives once.
void check_readable_by_ranks(const PredictOptions& options) {
  if (parallel::size() == 1) return;
  const bool files = std::ranges::all_of(
      options.files, [](const std::string& file) { return fs::is_regular_file(file); });
  if (options.files.empty() || !files) {
    throw base::ConfigError(
        "several ranks answer for a file, not for a pipe: give the name of a file, or run one "
        "process");
  }
}

void tell(const serving::Answered& answered, const PredictOptions& options) {
  std::string text = fmt::format("{} rows answered", answered.rows - answered.errors);
  if (answered.unknown > 0) {
    text += fmt::format(", {} of them \"{}\"", answered.unknown, options.unknown_label);
  }
  if (answered.truncated > 0) text += fmt::format(", {} texts cut", answered.truncated);
  spdlog::info("{}", text);
  if (answered.errors > 0) {
    spdlog::warn("{} rows could not be answered: the answers say why", answered.errors);
  }
}

}  // namespace

std::string run_predict(PredictOptions options) {
  options.check();
  check_readable_by_ranks(options);
  if (!options.output.empty() && fs::exists(options.output) && !options.overwrite) {
    if (options.resume) {
      spdlog::info("{} is finished: nothing to do", options.output);
      return "";
    }
    throw base::ConfigError("--output {} exists: give --overwrite, or another name",
                            options.output);
  }
  auto inputs = load_predict_inputs(options);
  if (!options.min_probability && inputs.threshold) {
    options.min_probability = inputs.threshold->min_probability;
    spdlog::info("below a probability of {:.4g} the answer is \"{}\", as eval has chosen",
                 *options.min_probability, options.unknown_label);
  }
  auto readers = open_inputs(options, inputs.answerer.task());
  serving::AnsweringOptions answering;
  answering.format = answer_format(options, readers.front());
  answering.detail = options.detail();
  answering.most_wait = std::chrono::milliseconds(options.max_wait);
  const auto output = open_output(options, std::move(inputs.job));
  if (output->rows_before() > 0) {
    spdlog::info("goes on behind {} rows that are answered", output->rows_before());
  }
  base::Progress progress("predict", rows_in(options.files), "rows", output->rows_before());
  answering.progress = [&](std::int64_t rows) { progress.update(rows); };
  try {
    tell(serving::answer_rows(readers, inputs.answerer, answering, *output), options);
  } catch (const base::Interrupted& stopped) {
    throw base::Interrupted(
        base::interrupt_signal(),
        options.output.empty()
            ? fmt::format("stopped by {}", base::signal_name(base::interrupt_signal()))
            : std::string(stopped.what()));
  } catch (const serving::ClosedPipe&) {  // head has seen enough
  }
  return "";
}

}  // namespace reaugkd::stages
