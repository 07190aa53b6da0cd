// How eval chooses to answer, and what it leaves of it for predict: setting.json.
#pragma once

#include <optional>

#include "evaluation/report.h"
#include "stages/eval_inputs.h"

namespace reaugkd::stages {

/// Which setting answers; the validation part is asked where something is selected or swept.
evaluation::SelectedRetrieval chosen_retrieval(const EvalOptions& options, EvalInputs& inputs,
                                               Tuning& tuning);

/// The probability that reaches --target-precision on the rows that a setting is selected on. None,
/// and a warning, where no probability does.
std::optional<evaluation::ChosenThreshold> chosen_threshold(
    const EvalOptions& options, EvalInputs& inputs, const retrieval::RetrievalSetting* setting,
    Tuning& tuning);

/// Writes setting.json; nothing where a share of the knowledge base answered (--kb-rows).
void write_setting(const EvalOptions& options, const EvalInputs& inputs,
                   const evaluation::Report& report, const run::RunDirectory& run);

}  // namespace reaugkd::stages
