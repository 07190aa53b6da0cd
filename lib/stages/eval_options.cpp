#include "stages/eval_options.h"

#include <tuple>

#include "base/error.h"
#include "retrieval/indexes.h"

namespace reaugkd::stages {

base::OptionList EvalOptions::fields() {
  base::OptionList list;
  list.add({"model", "Model", &model, "the classifier to score", {}, {}, true});
  list.add({"kb", "Model", &kb, "knowledge base: also score retrieval and both combined"});
  list.add({"teacher", "Model", &teacher, "a teacher to score beside it"});
  list.add({"split",
            "Data",
            &split,
            "rows to score; auto: dev, or the holdout where --data has no dev file",
            {},
            {"auto", "train", "holdout", "dev", "test"}});
  data.add_fields(list);
  const char* group = "Retrieval";
  list.add({"k", group, &k, "neighbors (not given: selected on the validation part)",
            base::Range{1, 100000}});
  list.add({"beta", group, &beta, "weight of the student (not given: selected)", base::kUnit});
  list.add({"tau-retrieval", group, &tau_retrieval,
            "temperature of equation 6 (not given: selected)", base::kPositive});
  list.add({"grid-k", group, &grid_k, "values of k to select from", base::Range{1, 100000}});
  list.add({"grid-beta", group, &grid_beta, "values of beta to select from", base::kUnit});
  list.add(
      {"grid-tau", group, &grid_tau, "values of tau-retrieval to select from", base::kPositive});
  list.add({"select-by",
            group,
            &select_by,
            "what k, beta and tau-retrieval are selected by on the validation part: loss (mean "
            "negative log likelihood; regression: squared error), calibrated (the loss at the best "
            "temperature) or metric (the task's first one)",
            {},
            {"loss", "calibrated", "metric"}});
  list.add({"beta-mode",
            group,
            &beta_mode,
            "beta of a row: one for all (constant), by the student's entropy or the nearest "
            "neighbor's similarity, or by a fitted gate; auto: constant in the paper's protocol, "
            "gate with other keys or with rows that are new to the student",
            {},
            {"auto", "constant", "entropy", "similarity", "gate"}});
  list.add({"grid-slope", group, &grid_slope,
            "--beta-mode entropy, similarity: logits of beta for a standard deviation, to select "
            "from"});
  list.add({"kb-temperature", group, &kb_temperature,
            "T that softens the knowledge base's labels: softmax(l^T/T)", base::kPositive});
  list.add({"grid-kb-temperature", group, &grid_kb_temperature,
            "values of T to select from (not given: --kb-temperature), such as 1,1.5,2,3,4,6",
            base::kPositive});
  list.add({"soft-labels",
            group,
            &soft_labels,
            "what a row answers: the teacher's prediction, its label, a mix of both, or (auto) the "
            "label of added and corrected rows and the teacher's prediction of others",
            {},
            {"auto", "teacher", "labels", "mix"}});
  list.add({"label-weight", group, &label_weight,
            "--soft-labels mix: weight of the label (not given: selected)", base::kUnit});
  list.add(
      {"class-balance", group, &class_balance,
       "G: a neighbor weighs less by n^G, n the rows of its class, so that a class of few rows "
       "can win (not given: selected where beta-mode is gate, else 0)",
       base::kUnit});
  list.add({"tune-file", group, &tune_file,
            "labelled rows to select k, beta, tau' and soft labels on, with dev's columns (not "
            "given: the validation part, and added rows, each left out of its own answer)"});
  std::vector<std::string> kinds = {"auto"};
  for (const auto& kind : retrieval::index_kinds()) kinds.push_back(kind);
  list.add({"index", group, &index, "auto: what the knowledge base was built with", {}, kinds});
  list.add({"ef-search", group, &ef_search, "HNSW: candidates of a search (not given: as built)",
            base::Range{1, 100000}});
  list.add(
      {"grid-ef-search", group, &grid_ef_search,
       "HNSW: numbers of candidates to select from (not given: --ef-search), such as "
       "64,128,256,512: "
       "the smallest that finds 98 % of the validation part's neighbors (for the largest k), or "
       "else the largest",
       base::Range{1, 100000}});
  list.add({"kb-rows", group, &kb_rows,
            "share of the knowledge base to use, drawn by --seed, by exact search",
            base::Range{0, 1, true}});
  list.add({"exclude-same-text", group, &exclude_same_text,
            "a knowledge base row with a query's own text does not answer it"});
  list.add({"target-precision", "Evaluation", &target_precision,
            "find the probability from which so large a share of the answers is right, on the "
            "validation part, for predict",
            base::Range{0, 1, true}});
  list.add({"explain", "Evaluation", &explain,
            "show N examples where retrieval changed the outcome, with their neighbors",
            base::kNotNegative});
  list.add({"sweep", "Evaluation", &sweep,
            "write sweep.tsv: how every setting of the grids scores, on the validation part and on "
            "the split"});
  list.add({"embedding-map", "Evaluation", &embedding_map,
            "write embeddings.tsv: the knowledge base's and the student's embeddings in two "
            "dimensions (PCA)"});
  list.add({"eval-batch-size", "Evaluation", &eval_batch_size, "rows of a batch", base::kCount});
  list.add({"latency-examples", "Evaluation", &latency_examples,
            "rows whose latency is measured; 0: none", base::kNotNegative});
  run.add_fields(list, {"auto", "fp32", "bf16", "int8"});
  return list;
}

retrieval::RetrievalGrid EvalOptions::grid(bool selects_more) const {
  std::string mode = beta_mode;
  if (mode == "auto") mode = selects_more && !beta ? "gate" : "constant";
  retrieval::RetrievalGrid grid{grid_k, grid_beta, grid_tau, retrieval::parse_beta_mode(mode),
                                grid_slope};
  if (mode == "gate") grid.balance = {0, 0.25, 0.5, 0.75, 1};
  if (class_balance) grid.balance = {*class_balance};
  if (k) grid.k = {*k};
  if (beta) grid.beta = {*beta};
  if (tau_retrieval) grid.tau = {*tau_retrieval};
  return grid;
}

std::vector<retrieval::AnswerRule> EvalOptions::answer_rules(bool selects_more) const {
  using retrieval::AnswerSource;
  const auto source = retrieval::parse_answer_source(soft_labels);
  std::vector<AnswerSource> sources = {source};
  if (source == AnswerSource::kAuto && selects_more) {
    sources = {AnswerSource::kAuto, AnswerSource::kLabels, AnswerSource::kMix};
  }
  const auto temperatures =
      grid_kb_temperature.empty() ? std::vector<double>{kb_temperature} : grid_kb_temperature;
  std::vector<retrieval::AnswerRule> rules;
  for (const double temperature : temperatures) {
    for (const auto each : sources) {
      const bool mixed = each == AnswerSource::kMix;
      const auto weights = !mixed         ? std::vector<double>{0.5}
                           : label_weight ? std::vector<double>{*label_weight}
                                          : std::vector<double>{0.25, 0.5, 0.75};
      for (const double weight : weights) rules.push_back({temperature, each, weight});
    }
  }
  return rules;
}

evaluation::SelectionOptions EvalOptions::selection(bool selects_more) const {
  evaluation::SelectionOptions selection;
  selection.grid = grid(selects_more);
  selection.beta_mode = to_string(selection.grid.beta_mode);
  selection.fixed = nothing_to_select(selects_more);
  if (select_by == "calibrated") selection.by = evaluation::SelectBy::kCalibrated;
  if (select_by == "metric") selection.by = evaluation::SelectBy::kMetric;
  selection.ef_search_grid = grid_ef_search;
  selection.seed = static_cast<std::uint64_t>(run.seed);
  return selection;
}

bool EvalOptions::nothing_to_select(bool selects_more) const {
  const auto from = grid(selects_more);
  return from.k.size() * from.beta.size() * from.tau.size() * answer_rules(false).size() == 1 &&
         from.beta_mode == retrieval::BetaMode::kConstant;
}

void EvalOptions::check() const {
  if (grid_k.empty() || grid_beta.empty() || grid_tau.empty() || grid_slope.empty()) {
    throw base::ConfigError("--grid-k, --grid-beta, --grid-tau and --grid-slope each need a value");
  }
  if (kb_temperature != 1 && !grid_kb_temperature.empty()) {
    throw base::ConfigError(
        "--kb-temperature {}: --grid-kb-temperature selects it on the validation part; leave one "
        "out",
        kb_temperature);
  }
  const EvalOptions defaults;
  const std::tuple<const char*, bool, bool> set_or_selected[] = {
      {"k", k.has_value(), grid_k != defaults.grid_k},
      {"beta", beta.has_value(), grid_beta != defaults.grid_beta},
      {"tau", tau_retrieval.has_value(), grid_tau != defaults.grid_tau}};
  for (const auto& [name, set, grid] : set_or_selected) {
    if (set && grid) {
      throw base::ConfigError("--grid-{0}: {0} is given, so none is selected; leave one out", name);
    }
  }
  const std::pair<const char*, bool> of_retrieval[] = {
      {"--explain", explain > 0},
      {"--sweep", sweep},
      {"--embedding-map", embedding_map},
      {"--kb-rows", kb_rows < 1},
      {"--k", k.has_value()},
      {"--beta", beta.has_value()},
      {"--tau-retrieval", tau_retrieval.has_value()},
      {"--grid-k", grid_k != defaults.grid_k},
      {"--grid-beta", grid_beta != defaults.grid_beta},
      {"--grid-tau", grid_tau != defaults.grid_tau},
      {"--select-by", select_by != "loss"},
      {"--beta-mode", beta_mode != "auto"},
      {"--soft-labels", soft_labels != "auto"},
      {"--tune-file", !tune_file.empty()},
      {"--class-balance", class_balance.has_value()},
      {"--kb-temperature", kb_temperature != 1},
      {"--grid-kb-temperature", !grid_kb_temperature.empty()},
      {"--index", index != "auto"},
      {"--ef-search", ef_search.has_value()},
      {"--grid-ef-search", !grid_ef_search.empty()},
      {"--exclude-same-text", exclude_same_text}};
  for (const auto& [name, given] : of_retrieval) {
    if (given && kb.empty()) throw base::ConfigError("{} is about retrieval: it needs --kb", name);
  }
  if (ef_search && (index == "exact" || kb_rows < 1)) {
    throw base::ConfigError("--ef-search {} is about HNSW, the search is exact: leave it out",
                            *ef_search);
  }
  if (ef_search && !grid_ef_search.empty()) {
    throw base::ConfigError(
        "--ef-search {}: --grid-ef-search selects it on the validation part; leave one out",
        *ef_search);
  }
  if (!grid_ef_search.empty() && (index == "exact" || kb_rows < 1)) {
    throw base::ConfigError("--grid-ef-search is about HNSW, the search is exact: leave it out");
  }
  if (label_weight && soft_labels != "mix") {
    throw base::ConfigError("--label-weight is about --soft-labels mix");
  }
  if (!tune_file.empty() && nothing_to_select(false) && grid_ef_search.empty() && !sweep) {
    throw base::ConfigError(
        "--tune-file: --k, --beta and --tau-retrieval are given, nothing is left to select; leave "
        "one out");
  }
  if (select_by != "loss" && nothing_to_select(false)) {
    throw base::ConfigError(
        "--select-by {}: --k, --beta and --tau-retrieval are given, nothing is left to select; "
        "leave one out",
        select_by);
  }
  const bool by_slope = beta_mode == "entropy" || beta_mode == "similarity";
  if (!by_slope && grid_slope != EvalOptions().grid_slope) {
    throw base::ConfigError("--grid-slope is about --beta-mode entropy and similarity");
  }
  if (beta && beta_mode != "constant" && beta_mode != "auto") {
    throw base::ConfigError(
        "--beta {}: --beta-mode {} fits it on the validation part; leave one out", *beta,
        beta_mode);
  }
}

}  // namespace reaugkd::stages
