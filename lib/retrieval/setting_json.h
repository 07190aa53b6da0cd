// A retrieval setting as JSON, both ways: in metrics.json of eval, and in setting.json.
#pragma once

#include <string>

#include "base/json.h"
#include "retrieval/selection.h"

namespace reaugkd::retrieval {

/// Adds k, beta, tau, kb_temperature, and what else is not the default.
void put_setting(base::Json& json, const RetrievalSetting& setting);

/// The inverse; what is absent has its default. Throws ArtifactError naming `where`.
RetrievalSetting setting_of_json(const base::Json& json, const std::string& where);

/// How beta depends on the row: "beta_rule" of both files.
base::Json rule_json(const BetaRule& rule);
/// The inverse. Throws ArtifactError naming `where`.
BetaRule rule_of_json(const base::Json& json, const std::string& where);

}  // namespace reaugkd::retrieval
