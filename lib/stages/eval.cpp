#include "stages/eval.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <functional>
#include <memory>

#include "core/error.h"
#include "core/file.h"
#include "retrieval/selection.h"
#include "stages/embedding_map.h"
#include "stages/eval_table.h"
#include "stages/eval_teacher.h"
#include "stages/explain.h"
#include "stages/latency.h"
#include "stages/model.h"
#include "stages/prediction_files.h"
#include "stages/quality.h"
#include "stages/retrieval_report.h"
#include "stages/retriever.h"
#include "stages/sweep.h"

namespace reaugkd::stages {
namespace {

using core::Json;

constexpr const char* kExplainFile = "explain.txt";
constexpr const char* kPredictionsFile = "predictions.tsv";

/// How beta depends on the row (retrieval/beta.h).
Json rule_json(const std::string& mode, const retrieval::BetaRule& rule) {
  return {{"mode", mode}, {"slope", rule.slope}, {"center", rule.center}};
}

/// Those of the setting's temperature.
torch::Tensor labels_of(const std::vector<retrieval::SoftLabels>& soft_labels,
                        const retrieval::RetrievalSetting& setting) {
  return std::ranges::find(soft_labels, setting.kb_temperature, &retrieval::SoftLabels::temperature)
      ->values;
}

using NearestRows = std::function<retrieval::Neighbors(std::int64_t k)>;

/// One evaluation: what is loaded once and used for every file that is scored.
class Evaluation {
 public:
  Evaluation(const EvalOptions& options, StageRun& run)
      : options_(options), run_(run), compute_(start_compute(options.run, false, run)) {
    inherited_ = inherit(options.model);
    const Inherited model = inherited_;
    if (!model.settings && !options.kb.empty()) inherited_ = inherit(options.kb);
    if (model.split) model_selected_on_ = data::to_string(model.split->validation);
    settings_ = resolve_settings(options.data, inherited_);
    check_class_order(options.data, model, settings_);
    run.add_input_directory(options.model);
    student_ = load_trained(options.model, settings_);
    student_.classifier->to(compute_.device);
    if (!options.kb.empty()) load_retriever();
    if (options.beta_mode == "entropy" && settings_.task.regression()) {
      throw core::ConfigError(
          "--beta-mode entropy: task {} has scores, which have no entropy; take similarity",
          settings_.task.name);
    }
  }

  Json run() {
    Json metrics;
    const data::Dataset rows = rows_of_split();
    if (options_.sweep && !rows.fully_labelled()) {
      throw core::DataError("{}: --sweep scores every setting: it needs a label in every row",
                            rows.path.string());
    }
    run_.add_input(rows.path);
    metrics["task"] = settings_.task.name;
    metrics["split"] = options_.split;
    metrics["examples"] = rows.size();
    if (!model_selected_on_.empty()) metrics["validation_split"] = model_selected_on_;
    if (retriever_) {
      if (teacher_saw_holdout(retriever_->knowledge_base().provenance, options_.kb)) {
        add_warnings(metrics,
                     {"the knowledge base's teacher was not trained here and may have seen "
                      "the rows that are held out"});
      }
      select_setting(metrics["retrieval"]);
      if (ef_search_) add_warnings(metrics, ef_search_warnings(*ef_search_));
    }
    metrics["metrics"] =
        score_rows(rows, kPredictionsFile, settings_.task.submission_file, metrics);
    score_mismatched(metrics);
    if (options_.latency_examples > 0) {
      const auto latency = measure_latency(
          student_, student_.encode(rows, settings_, compute_.threads), settings_, compute_,
          options_.eval_batch_size, options_.latency_examples, retriever_.get(), setting_);
      metrics["latency"] = latency.summary;
      core::write_file(run_.path() / "latency.tsv", latency.table);
    }
    return metrics;
  }

  /// What --explain asked for.
  const std::string& explanation() const { return explanation_; }

 private:
  void load_retriever() {
    run_.add_input_directory(options_.kb);
    const Inherited kb = inherit(options_.kb);
    if (!kb.settings || kb.settings->to_json() != settings_.to_json()) {
      throw core::ArtifactError(
          "{} was made for {}, {} for {}: task, class order and max_seq_length must be the same; "
          "distill from this knowledge base, or build one for this task",
          options_.kb, kb.settings ? kb.settings->to_json().dump() : "nothing we know",
          options_.model, settings_.to_json().dump());
    }
    if (inherited_.split && kb.split && !(*inherited_.split == *kb.split)) {
      throw core::ArtifactError(
          "{} and {} were made with different splits (split.json), so one may hold what the other "
          "validates on; make both from the same teacher",
          options_.model, options_.kb);
    }
    if (!inherited_.split) inherited_.split = kb.split;
    RetrieverOptions options;
    options.index = options_.index;
    options.ef_search = options_.ef_search;
    options.exclude_same_text = options_.exclude_same_text;
    options.rows_share = options_.kb_rows;
    options.seed = static_cast<std::uint64_t>(options_.run.seed);
    options.device = compute_.device;
    retriever_ = std::make_unique<Retriever>(options_.kb, options, settings_.task.regression());
    if (!options_.grid_ef_search.empty() &&
        retriever_->index().kind() == retrieval::IndexKind::kExact) {
      throw core::ConfigError(
          "--grid-ef-search is about HNSW, {} is searched exactly: leave it out, or build the "
          "knowledge base with --index hnsw",
          options_.kb);
    }
    check_same_space(retriever_->knowledge_base(), options_.kb, student_, options_.model);
    soft_labels_ = retriever_->softened(options_.grid_kb_temperature.empty()
                                            ? std::vector<double>{options_.kb_temperature}
                                            : options_.grid_kb_temperature);
    if (options_.k && *options_.k > retriever_->knowledge_base().size()) {
      spdlog::warn("--k {}: {} has {} rows, so all of them answer", *options_.k, options_.kb,
                   retriever_->knowledge_base().size());
    }
  }

  data::Dataset rows_of_split() {
    if (options_.split == "dev") {
      return read_split_file(options_.data, settings_, data::Split::kDev);
    }
    if (options_.split == "test") {
      return read_split_file(options_.data, settings_, data::Split::kTest);
    }
    const TaskData data = read_task_data(options_.data, settings_, inherited_, run_);
    if (options_.split == "train") return data.train;
    if (!data.split.validation.holdout) {
      throw core::ConfigError("--split holdout: {} was made with --validation dev and has none",
                              options_.model);
    }
    return data.validation;
  }

  Queries ask_student(const data::Dataset& rows, const std::string& what) {
    auto predict = student_.predict_options(compute_, settings_, options_.eval_batch_size);
    predict.what = what;
    const auto outputs = train::predict(
        student_.classifier, student_.encode(rows, settings_, compute_.threads), predict);
    return {train::probabilities_of(outputs.logits, settings_.task.regression()),
            nn::unit_rows(outputs.embeddings),
            {}};
  }

  /// The validation part, with neighbors for the largest k of the grid.
  LabelledQueries ask_validation(std::int64_t largest_k) {
    const TaskData data = read_task_data(options_.data, settings_, inherited_, run_);
    Queries queries = ask_student(data.validation, "validation part");
    if (!options_.grid_ef_search.empty()) {
      ef_search_ =
          retriever_->select_ef_search(options_.grid_ef_search, queries.embeddings, data.validation,
                                       largest_k, static_cast<std::uint64_t>(options_.run.seed));
    }
    queries.neighbors = retriever_->search(queries.embeddings, data.validation, largest_k);
    validated_on_ = data::to_string(data.split.validation);
    return {queries, data.validation.labels};
  }

  /// Of --select-by metric: the task's first metric on the validation part.
  retrieval::Criterion selection_criterion() const {
    if (options_.select_by == "loss") return {};
    return [this](const torch::Tensor& combined) {
      const data::Task& task = settings_.task;
      return train::score(task, combined, validation_.labels)[task.metrics.front()].get<double>();
    };
  }

  void select_setting(Json& json) {
    const auto wanted = options_.grid();
    const bool fixed = options_.nothing_to_select();
    if (!fixed || options_.sweep || !options_.grid_ef_search.empty()) {
      const auto most = std::ranges::max(wanted.k);
      retriever_->search_as_for(most);
      validation_ = ask_validation(most);
    }
    const auto permuted =
        retriever_->permuted(soft_labels_, static_cast<std::uint64_t>(options_.run.seed));
    if (fixed) {
      setting_ = {.k = wanted.k[0],
                  .beta = wanted.beta[0],
                  .tau = wanted.tau[0],
                  .kb_temperature = soft_labels_[0].temperature};
      permuted_setting_ = setting_;
    } else {
      const Queries& queries = validation_.queries;
      const auto labels = torch::tensor(validation_.labels);
      const bool regression = settings_.task.regression();
      const auto criterion = selection_criterion();
      setting_ = retrieval::select_setting(wanted, queries.neighbors, soft_labels_,
                                           queries.probabilities, labels, regression, criterion);
      permuted_setting_ =
          retrieval::select_setting(wanted, queries.neighbors, permuted, queries.probabilities,
                                    labels, regression, criterion);
      json["selected_on"] = validated_on_;
      json["selected_by"] = criterion ? settings_.task.metrics.front() : "loss";
      if (criterion) {
        json["validation_score"] = setting_.score;
        json["validation_score_student"] = criterion(queries.probabilities);
      }
      json["validation_examples"] = validation_.labels.size();
      json["validation_loss"] = setting_.loss;
      json["validation_loss_student"] =
          retrieval::prediction_loss(queries.probabilities, labels, regression);
    }
    retriever_->answer_with(labels_of(soft_labels_, setting_));
    permuted_ = labels_of(permuted, permuted_setting_);
    json["k"] = setting_.k;
    json["beta"] = setting_.beta;
    json["tau"] = setting_.tau;
    json["kb_temperature"] = setting_.kb_temperature;
    if (wanted.beta_mode != retrieval::BetaMode::kConstant) {
      json["beta_rule"] = rule_json(options_.beta_mode, setting_.rule);
    }
    json["index"] = retrieval::to_string(retriever_->index().kind());
    if (ef_search_) {
      json["ef_search"] = ef_search_->ef_search;
      json["ef_search_recall"] = ef_search_->recall;
      json["ef_search_selected_on"] = validated_on_;
    }
    json["rows"] = retriever_->knowledge_base().size();
  }

  /// The k nearest of each scored row, for all uses: fewer are a prefix of more.
  NearestRows nearest_rows(const torch::Tensor& s, const data::Dataset& rows) const {
    auto most = std::max(setting_.k, permuted_setting_.k);
    if (options_.sweep) most = std::max(most, std::ranges::max(options_.grid().k));
    return [found = retriever_->search(s, rows, most)](std::int64_t k) { return found.first(k); };
  }

  /// Scores one file; writes its predictions, of the test split `submission` too, where it has a
  /// name. `metrics` gets what is said of retrieval.
  Json score_rows(const data::Dataset& rows, const std::string& file, const std::string& submission,
                  Json& metrics) {
    const data::Task& task = settings_.task;
    Queries queries = ask_student(rows, options_.split + " predictions");
    Json scores;
    scores["student"] = train::score(task, queries.probabilities, rows.labels);
    RowPredictions predictions{queries.probabilities, {}, {}};
    if (retriever_) {
      const NearestRows nearest = nearest_rows(queries.embeddings, rows);
      queries.neighbors = nearest(setting_.k);
      const auto [p_kb, combined] = retrieval::predict(
          setting_, queries.neighbors, retriever_->soft_labels(), queries.probabilities);
      predictions = {combined, queries.probabilities, p_kb};
      scores["retrieval"] = train::score(task, p_kb, rows.labels);
      scores["combined"] = train::score(task, combined, rows.labels);
      if (file == kPredictionsFile) write_pictures(rows, queries, nearest);
      if (options_.explain > 0 && explanation_.empty()) {
        explanation_ =
            explain(options_.explain, task, rows, queries, predictions, *retriever_, setting_);
      }
      report_retrieval(rows, queries, nearest, predictions, !scores["combined"].empty(), metrics);
    }
    if (!options_.teacher.empty()) {
      if (!teacher_) {
        teacher_ = std::make_unique<EvalTeacher>(options_, settings_, compute_, run_);
      }
      scores["teacher"] = teacher_->score(rows, metrics);
    }
    judge(task, rows.labels, predictions, queries.embeddings, !options_.exclude_same_text, metrics);
    write_predictions(run_.path() / file, task, rows, predictions);
    if (options_.split == "test" && !submission.empty()) {
      write_submission(run_.path() / submission, task, rows, predictions.final);
      add_warnings(metrics, missing_row_warnings(submission, rows.skipped));
    }
    return scores;
  }

  /// What sweep.tsv and embeddings.tsv show of the scored rows.
  void write_pictures(const data::Dataset& rows, Queries queries,
                      const NearestRows& nearest) const {
    if (options_.embedding_map) {
      core::write_file(run_.path() / "embeddings.tsv",
                       embedding_map(settings_.task, retriever_->knowledge_base(),
                                     queries.embeddings, rows.labels));
    }
    if (!options_.sweep) return;
    const auto wanted = options_.grid();
    queries.neighbors = nearest(std::ranges::max(wanted.k));
    core::write_file(run_.path() / "sweep.tsv", sweep_table(wanted, settings_.task, soft_labels_,
                                                            validation_, {queries, rows.labels}));
  }

  void report_retrieval(const data::Dataset& rows, const Queries& queries,
                        const NearestRows& nearest, const RowPredictions& predictions,
                        bool labelled, Json& metrics) const {
    Json& report = metrics["retrieval"];
    const data::Task& task = settings_.task;
    report["agreement_with_exact"] =
        retriever_->agreement_with_exact(queries.embeddings, rows, queries.neighbors, setting_.tau,
                                         static_cast<std::uint64_t>(options_.run.seed));
    report["same_text"] = retriever_->same_texts(rows);
    if (!task.regression()) {
      report.update(changed_predictions(task, predictions.student, predictions.knowledge_base,
                                        predictions.final, rows.labels));
    }
    if (!labelled) return;
    const auto control = retrieval::predict(permuted_setting_, nearest(permuted_setting_.k),
                                            permuted_, queries.probabilities);
    report["permuted"] = {{"k", permuted_setting_.k},
                          {"beta", permuted_setting_.beta},
                          {"tau", permuted_setting_.tau},
                          {"kb_temperature", permuted_setting_.kb_temperature},
                          {"combined", train::score(task, control.combined, rows.labels)}};
    if (options_.beta_mode != "constant") {
      report["permuted"]["beta_rule"] = rule_json(options_.beta_mode, permuted_setting_.rule);
    }
  }

  /// MNLI's second dev or test set, where it lies beside the first.
  void score_mismatched(Json& metrics) {
    const data::Task& task = settings_.task;
    const bool test = options_.split == "test";
    const std::string& name = test ? task.test_mismatched_file : task.dev_mismatched_file;
    const auto path = std::filesystem::path(options_.data.data) / name;
    if ((!test && options_.split != "dev") || name.empty() || !std::filesystem::exists(path)) {
      return;
    }
    run_.add_input(path);
    Json& more = metrics["mismatched"] = Json::object();
    const Json scores = score_rows(
        data::read_dataset(path, task, test ? task.test : task.dev, options_.data.bad_rows()),
        "predictions_mismatched.tsv", task.submission_mismatched_file, more);
    metrics["metrics_mismatched"] = scores;
  }

  const EvalOptions& options_;
  StageRun& run_;
  Compute compute_;
  Inherited inherited_;
  std::string model_selected_on_;  // empty for a model from elsewhere
  TaskSettings settings_;
  Model student_;
  std::unique_ptr<Retriever> retriever_;
  LabelledQueries validation_;  // asked where something is selected, and for --sweep
  std::string validated_on_;
  std::optional<SelectedEfSearch> ef_search_;  // of --grid-ef-search
  retrieval::RetrievalSetting setting_;
  std::vector<retrieval::SoftLabels> soft_labels_;  // of each T to select from
  torch::Tensor permuted_;
  retrieval::RetrievalSetting permuted_setting_;
  std::unique_ptr<EvalTeacher> teacher_;  // loaded with the first file scored
  std::string explanation_;               // of the first file scored
};

}  // namespace

std::string run_eval(EvalOptions options) {
  const auto fields = options.fields();
  if (already_finished("eval", fields, EvalOptions().fields(), options.run)) {
    const std::filesystem::path directory = options.run.output;
    return eval_table(core::read_json(directory / "metrics.json")) +
           (options.explain > 0 ? core::read_file(directory / kExplainFile) : "");
  }
  options.check();
  StageRun run("eval", fields, EvalOptions().fields(), options.run);
  Evaluation evaluation(options, run);
  const Json metrics = evaluation.run();
  if (options.explain > 0) core::write_file(run.path() / kExplainFile, evaluation.explanation());
  run.finish(metrics);
  return eval_table(metrics) + evaluation.explanation();
}

}  // namespace reaugkd::stages
