// A word that is none of the known names: which one was meant. And lists of names that may be long.
#pragma once

#include <string>
#include <vector>

namespace reaugkd::base {

/// The one of `names` that `word` most likely stands for; empty where there are no names. In this
/// order: the same but for case, '-' and '_'; its initials ("lr": "learning-rate"); few letters to
/// insert, drop, replace or swap; most words in common; the fewest letters.
std::string nearest_name(const std::string& word, const std::vector<std::string>& names);

/// ": did you mean NAME?" of the nearest name; empty where there are no names.
std::string did_you_mean(const std::string& word, const std::vector<std::string>& names);

/// The names that fit a line or so, and how many there are: "a, b, c, ... (77 in all)".
std::string few_names(const std::vector<std::string>& names);

/// The text, or its beginning and "..." where it is longer than a line; UTF-8 stays UTF-8.
std::string shortened(const std::string& text);

}  // namespace reaugkd::base
