#include "stages/model_card.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "base/version.h"
#include "evaluation/report.h"
#include "models/model_config.h"
#include "retrieval/history.h"
#include "retrieval/kb_manifest.h"
#include "run/output_directory.h"
#include "run/run_record.h"
#include "stages/kb_place.h"

namespace reaugkd::stages {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kShownLabels = 20;
constexpr std::size_t kShownDigits = 16;

/// "train.csv (sha256 5699d0b756905071...)": the data files that a run has read.
std::set<std::string> data_files(const fs::path& directory) {
  std::set<std::string> lines;
  const auto record = run::run_record(directory);
  if (!record) return lines;
  for (const auto& [path, digest] : record->inputs.items()) {
    const auto name = fs::path(path).filename().string();
    const bool data = name.ends_with(".tsv") || name.ends_with(".csv") || name.ends_with(".jsonl");
    if (!data || name == "examples.tsv") continue;
    lines.insert(
        fmt::format("{} (sha256 {}...)", name, digest.get<std::string>().substr(0, kShownDigits)));
  }
  return lines;
}

/// " 7046 rows, and selected on 783 more, of", as far as the model's run has recorded it.
std::string training_rows(const fs::path& model) {
  const fs::path path = model / run::kMetricsFile;
  if (!fs::exists(path)) return "";
  const auto metrics = base::read_json(path);
  const std::string where = path.string();
  const auto trained = base::json_value<std::int64_t>(metrics, "train_examples", 0, where);
  const auto held = base::json_value<std::int64_t>(metrics, "validation_examples", 0, where);
  if (trained == 0) return "";
  return fmt::format(" {} rows, and selected on {} others, of", trained, held);
}

std::string listed(const std::set<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += "- " + line + "\n";
  return text.empty() ? "- not recorded\n" : text;
}

/// The first labels, and how many more there are.
std::string label_text(const std::vector<std::string>& labels) {
  if (labels.empty()) return "a score (regression)";
  const auto shown = std::min(labels.size(), kShownLabels);
  std::string text = fmt::format(
      "{}", fmt::join(labels.begin(), labels.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  if (labels.size() > shown) text += fmt::format(" and {} more", labels.size() - shown);
  return text;
}

std::string score_table(const evaluation::Report& report) {
  const auto& file = report.scored;
  const auto& scores = file.with_retrieval ? file.metrics.combined : file.metrics.student;
  if (scores.empty()) return "The evaluated rows have no labels.\n";
  std::string text = "| metric | value | 95 % interval over the rows |\n| --- | --- | --- |\n";
  for (const auto& [name, value] : scores) {
    std::string interval;
    for (const auto& [of, ends] : file.intervals) {
      if (of == name) interval = fmt::format("{:.4f} to {:.4f}", ends.low, ends.high);
    }
    text += fmt::format("| {} | {:.4f} | {} |\n", name, value, interval);
  }
  if (file.with_retrieval) {
    for (const auto& [name, value] : file.metrics.student) {
      text += fmt::format("| {}, the model alone | {:.4f} | |\n", name, value);
    }
  }
  return text;
}

const char* words_of(retrieval::AnswerSource source) {
  switch (source) {
    case retrieval::AnswerSource::kTeacher:
      return "the teacher's prediction";
    case retrieval::AnswerSource::kLabels:
      return "their labels";
    case retrieval::AnswerSource::kMix:
      return "a mix of their labels and the teacher's prediction";
    case retrieval::AnswerSource::kAuto:
      break;
  }
  return "the teacher's prediction, or their label where they were added or corrected";
}

std::string answer_text(const serving::Setting& setting) {
  std::string text;
  if (setting.knowledge_base) {
    const auto& chosen = setting.knowledge_base->retrieval;
    text += fmt::format(
        "Each text is looked up among {} rows: k = {}, tau' = {}, beta {}. The rows answer with "
        "{}.\n",
        setting.knowledge_base->rows, chosen.k, chosen.tau,
        chosen.rule.mode == retrieval::BetaMode::kConstant
            ? fmt::format("= {:.4g}", chosen.beta)
            : fmt::format("by {} ({:.2f} on average)", to_string(chosen.rule.mode), chosen.beta),
        words_of(chosen.answers.source));
  } else {
    text += "The model answers alone.\n";
  }
  if (const auto& threshold = setting.threshold) {
    text += fmt::format(
        "Below a probability of {:.4g} the answer is \"unknown\": {:.1f} % of the rows of {} are "
        "answered, {:.1f} % of those right.\n",
        threshold->min_probability, 100 * threshold->coverage, threshold->chosen_on,
        100 * threshold->precision);
  }
  return text;
}

std::string sizes(const fs::path& folder) {
  std::string text = "| file | MB |\n| --- | --- |\n";
  std::set<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && entry.file_size() > 100'000) files.insert(entry.path());
  }
  for (const auto& path : files) {
    text += fmt::format("| {} | {:.1f} |\n", path.lexically_relative(folder).generic_string(),
                        static_cast<double>(fs::file_size(path)) / 1e6);
  }
  return text;
}

std::string knowledge_text(const fs::path& kb) {
  std::string text;
  const auto manifest = retrieval::load_kb_manifest(kb);
  if (!manifest.new_classes.empty()) {
    text += fmt::format("The knowledge base adds {} classes that the model cannot name: {}.\n\n",
                        manifest.new_classes.size(), label_text(manifest.new_classes));
  }
  text += "| when | what | rows |\n| --- | --- | --- |\n";
  for (const auto& change : retrieval::load_history(kb)) {
    text += fmt::format("| {} | {} {} | {} |\n", change.when, change.action,
                        fs::path(change.what).filename().string(), change.rows);
  }
  return text;
}

}  // namespace

std::string model_card(const ExportOptions& options, const data::TaskSettings& settings,
                       const serving::Setting& setting, const fs::path& folder) {
  const fs::path metrics = fs::path(options.eval) / run::kMetricsFile;
  const auto report = evaluation::report_of_json(base::read_json(metrics), metrics.string());
  const auto config = models::load_config(folder);
  std::string text = fmt::format(
      "---\nlibrary_name: transformers\npipeline_tag: text-classification\ntags: [reaugkd]\n---\n\n"
      "# {}\n\nA text classifier made by reaugkd {}: {} layers of width {}, at most {} tokens.\n\n"
      "Classes: {}.\n\n",
      settings.task.name, base::version(), config.num_hidden_layers, config.hidden_size,
      settings.max_seq_length, label_text(settings.task.labels));
  text += fmt::format(
      "## Use\n\n    echo 'a text' | reaugkd predict --model FOLDER\n\n"
      "transformers' `AutoModelForSequenceClassification` loads the folder too, and answers as the "
      "model alone.\n\n## How it answers\n\n{}\n",
      answer_text(setting));
  text += fmt::format("## How good it is\n\n{} rows of the split {}:\n\n{}\n", report.examples,
                      report.split, score_table(report));
  text += fmt::format(
      "## Data\n\nThe model was trained on{}:\n\n{}\nIts answers were chosen and scored "
      "on:\n\n{}\n",
      training_rows(options.model), listed(data_files(options.model)),
      listed(data_files(options.eval)));
  if (!options.kb.empty()) {
    text += "## Knowledge base\n\n" + knowledge_text(folder / kKbFolder) + "\n";
  }
  text += "## Sizes\n\n" + sizes(folder) + "\n";
  text +=
      "## Limits\n\n"
      "- The figures are of the rows above. Texts of another kind may be answered worse, and as "
      "surely.\n"
      "- The training data's errors and biases are in the answers.\n"
      "- A text of no class gets a class unless its probability is below the threshold.\n";
  if (!options.kb.empty() && !options.without_texts) {
    text += "- `kb/examples.tsv` holds training texts. `export --without-texts` leaves them out.\n";
  }
  return text;
}

}  // namespace reaugkd::stages
