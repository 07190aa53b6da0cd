#include "text/unigram_model.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "base/error.h"
#include "text/unicode.h"

namespace reaugkd::text {
namespace {

constexpr double kUnknownPenalty = 10.0;  // below the least probable piece
constexpr std::size_t kNowhere = std::numeric_limits<std::size_t>::max();

/// The best pieces up to a place of the word: the last one, and where it begins.
struct Step {
  double score = 0;
  std::size_t begin = kNowhere;
  std::int32_t id = 0;
};

}  // namespace

UnigramModel::UnigramModel(const UnigramVocab& vocab) : unk_(vocab.unk) {
  std::vector<Trie::Entry> entries;
  std::unordered_map<std::string_view, std::int32_t> ids;
  double lowest = std::numeric_limits<double>::infinity();
  for (const auto& [piece, score] : vocab.pieces) {
    const auto id = static_cast<std::int32_t>(scores_.size());
    scores_.push_back(score);
    lowest = std::min(lowest, score);
    ids[piece] = id;
    if (std::ranges::find(vocab.unmatched, id) == vocab.unmatched.end()) {
      entries.emplace_back(piece, id);
    }
  }
  unknown_score_ = lowest - kUnknownPenalty;
  trie_ = Trie(std::move(entries));
  if (!vocab.byte_fallback) return;
  bytes_.emplace();
  for (std::size_t byte = 0; byte < bytes_->size(); ++byte) {
    const auto found = ids.find(fmt::format("<0x{:02X}>", byte));
    bytes_->at(byte) = found == ids.end() ? -1 : found->second;
  }
}

void UnigramModel::append_unknown(std::string_view part, std::vector<std::int32_t>& ids) const {
  const auto id_of = [&](char byte) { return (*bytes_)[static_cast<unsigned char>(byte)]; };
  if (bytes_ && std::ranges::all_of(part, [&](char byte) { return id_of(byte) >= 0; })) {
    for (const char byte : part) ids.push_back(id_of(byte));
  } else {
    ids.push_back(unk_);
  }
}

void UnigramModel::append_pieces(std::string_view word, std::vector<std::int32_t>& ids) const {
  std::vector<Step> steps(word.size() + 1);  // steps[i]: up to byte i
  for (std::size_t begin = 0; begin < word.size();) {
    const double score_here = steps[begin].score;
    const std::size_t size = character_size(word, begin);
    bool has_character = false;
    const auto reach = [&](std::size_t length, std::int32_t id, double score) {
      Step& step = steps[begin + length];
      if (step.begin == kNowhere || score_here + score > step.score) {
        step = {score_here + score, begin, id};
      }
    };
    trie_.for_each_prefix(word.substr(begin), [&](std::size_t length, std::int32_t id) {
      reach(length, id, scores_[static_cast<std::size_t>(id)]);
      has_character = has_character || length == size;
    });
    if (!has_character) reach(size, unk_, unknown_score_);
    begin += size;
  }
  const std::size_t before = ids.size();
  std::size_t end = word.size();
  for (std::size_t unknown_end = 0; end > 0; end = steps[end].begin) {
    const Step& step = steps[end];
    if (step.id != unk_) {
      ids.push_back(step.id);
      continue;
    }
    if (unknown_end == 0) unknown_end = end;
    if (step.begin > 0 && steps[step.begin].id == unk_) continue;  // one unknown piece with it
    const std::size_t first = ids.size();
    append_unknown(word.substr(step.begin, unknown_end - step.begin), ids);
    std::reverse(ids.begin() + static_cast<std::ptrdiff_t>(first), ids.end());
    unknown_end = 0;
  }
  std::reverse(ids.begin() + static_cast<std::ptrdiff_t>(before), ids.end());
}

}  // namespace reaugkd::text
