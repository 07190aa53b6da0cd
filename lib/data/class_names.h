// Class names as two sources spell them: a task's files and a model's config.json.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace reaugkd::data {

/// `labels` in the order of `names`, which spells each of them once, in whatever case; else
/// nothing.
std::optional<std::vector<std::string>> in_order_of(const std::vector<std::string>& names,
                                                    const std::vector<std::string>& labels);

/// Whether these are Hugging Face's names for classes without one.
bool nameless(const std::vector<std::string>& names);

}  // namespace reaugkd::data
