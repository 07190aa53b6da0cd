#include "data/row_groups.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/error.h"

namespace reaugkd::data {
namespace {

/// Disjoint sets of 0..n-1; the smallest member stands for its set.
class DisjointSets {
 public:
  explicit DisjointSets(std::size_t n) : parent_(n) {
    std::iota(parent_.begin(), parent_.end(), std::size_t{0});
  }
  std::size_t find(std::size_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  void join(std::size_t a, std::size_t b) {
    a = find(a);
    b = find(b);
    parent_[std::max(a, b)] = std::min(a, b);
  }

 private:
  std::vector<std::size_t> parent_;
};

/// A normalised text, the rows that have it, and where its words begin.
struct Phrase {
  std::string_view text;
  std::vector<std::size_t> rows;
  std::vector<std::size_t> word_begins;
};

using PhraseIndex = std::unordered_map<std::string_view, std::size_t>;

std::vector<std::string> normalised(const base::TextColumn& texts) {
  std::vector<std::string> result;
  result.reserve(texts.size());
  for (const std::string_view text : texts) result.push_back(normalised_text(text));
  return result;
}

// A normalised text has single spaces only: a run of its words is a substring of it.
std::vector<std::size_t> word_begins(std::string_view text) {
  std::vector<std::size_t> begins{0};
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ' ') begins.push_back(i + 1);
  }
  return begins;
}

/// One phrase for each distinct text, the one of most words first.
std::vector<Phrase> distinct_phrases(const std::vector<std::string>& texts) {
  std::vector<Phrase> phrases;
  PhraseIndex seen;
  for (std::size_t row = 0; row < texts.size(); ++row) {
    const auto [place, is_new] = seen.emplace(texts[row], phrases.size());
    if (is_new) phrases.push_back({texts[row], {}, word_begins(texts[row])});
    phrases[place->second].rows.push_back(row);
  }
  std::stable_sort(phrases.begin(), phrases.end(), [](const Phrase& a, const Phrase& b) {
    return a.word_begins.size() > b.word_begins.size();
  });
  return phrases;
}

/// The phrases among `index` that are runs of words in `phrase`, itself among them, ascending.
/// Only runs of `lengths` words are looked up.
std::vector<std::size_t> contained(const Phrase& phrase, const PhraseIndex& index,
                                   const std::set<std::size_t>& lengths) {
  const std::size_t words = phrase.word_begins.size();
  std::vector<std::size_t> found;
  for (std::size_t first = 0; first < words; ++first) {
    const std::size_t begin = phrase.word_begins[first];
    for (const std::size_t length : lengths) {
      const std::size_t last = first + length;  // one past the run
      if (last > words) break;
      const std::size_t end = last < words ? phrase.word_begins[last] - 1 : phrase.text.size();
      const auto place = index.find(phrase.text.substr(begin, end - begin));
      if (place != index.end()) found.push_back(place->second);
    }
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace

RowGroups text_groups(const Dataset& dataset) {
  const std::size_t n = dataset.text_a.size();
  DisjointSets sets(n);
  // By a hash, since the texts may not fit in memory. Two texts of one hash only stay together.
  std::unordered_map<std::size_t, std::size_t> first_row;
  for (const auto* texts : {&dataset.text_a, &dataset.text_b}) {
    for (std::size_t row = 0; row < texts->size(); ++row) {
      const std::string text = normalised_text((*texts)[row]);
      if (text.empty() && !dataset.text_b.empty()) continue;  // of a pair: no text to share
      const auto place = first_row.emplace(std::hash<std::string>()(text), row).first;
      sets.join(place->second, row);
    }
  }
  RowGroups groups;
  groups.groups_of_row.assign(n, 1);
  std::vector<std::size_t> group_of_root(n);
  for (std::size_t row = 0; row < n; ++row) {
    const std::size_t root = sets.find(row);
    if (root == row) {
      group_of_root[row] = groups.rows_of_group.size();
      groups.rows_of_group.emplace_back();
    }
    groups.rows_of_group[group_of_root[root]].push_back(row);
  }
  return groups;
}

RowGroups phrase_groups(const Dataset& dataset) {
  REAUGKD_CHECK(dataset.text_b.empty(), "{} rows have a second text", dataset.text_b.size());
  const std::vector<std::string> texts = normalised(dataset.text_a);
  const std::vector<Phrase> phrases = distinct_phrases(texts);
  PhraseIndex index;
  std::set<std::size_t> lengths;
  for (std::size_t i = 0; i < phrases.size(); ++i) {
    index.emplace(phrases[i].text, i);
    lengths.insert(phrases[i].word_begins.size());
  }
  RowGroups groups;
  groups.groups_of_row.assign(texts.size(), 0);
  // Longest first: a phrase that no group holds when its turn comes is contained in none. What a
  // contained phrase contains is in the groups of its sentences already.
  for (const Phrase& phrase : phrases) {
    if (groups.groups_of_row[phrase.rows.front()] > 0) continue;
    std::vector<std::size_t> rows;
    for (const std::size_t i : contained(phrase, index, lengths)) {
      rows.insert(rows.end(), phrases[i].rows.begin(), phrases[i].rows.end());
    }
    std::sort(rows.begin(), rows.end());
    for (const std::size_t row : rows) ++groups.groups_of_row[row];
    groups.rows_of_group.push_back(std::move(rows));
  }
  return groups;
}

}  // namespace reaugkd::data
