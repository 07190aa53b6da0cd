// What a Replace or a Split looks for: {"String": "..."} or {"Regex": "..."}.
#pragma once

#include "text/component.h"
#include "text/regex.h"

namespace reaugkd::text {

/// The component's "pattern". Throws ArtifactError where it is neither, or is empty.
Regex read_pattern(const Component& component);

}  // namespace reaugkd::text
