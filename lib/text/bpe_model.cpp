#include "text/bpe_model.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <queue>
#include <tuple>

#include "base/error.h"
#include "text/byte_level.h"
#include "text/unicode.h"

namespace reaugkd::text {
namespace {

constexpr std::int32_t kNone = -1;

std::uint64_t pair_of(std::int32_t left, std::int32_t right) {
  return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32) |
         static_cast<std::uint32_t>(right);
}

/// "<0x0A>"
std::string fallback_token(std::size_t byte) {
  return fmt::format("<0x{:02X}>", byte);
}

}  // namespace

void MergeTable::reserve(std::size_t merges) {
  slots_.assign(std::bit_ceil(2 * merges + 1), Merge{});
}

std::size_t MergeTable::slot_of(std::uint64_t pair) const {
  const std::size_t mask = slots_.size() - 1;
  std::uint64_t hash = pair * 0x9E3779B97F4A7C15ULL;
  std::size_t slot = (hash ^ (hash >> 32)) & mask;
  while (slots_[slot].pair != kEmpty && slots_[slot].pair != pair) slot = (slot + 1) & mask;
  return slot;
}

void MergeTable::add(std::int32_t left, std::int32_t right, std::uint32_t rank,
                     std::int32_t merged) {
  Merge& slot = slots_[slot_of(pair_of(left, right))];
  if (slot.pair == kEmpty) slot = {pair_of(left, right), rank, merged};
}

const MergeTable::Merge* MergeTable::find(std::int32_t left, std::int32_t right) const {
  const Merge& slot = slots_[slot_of(pair_of(left, right))];
  return slot.pair == kEmpty ? nullptr : &slot;
}

BpeModel::BpeModel(const BpeVocab& vocab)
    : unk_(vocab.unk),
      byte_level_(vocab.byte_level),
      fuse_unk_(vocab.fuse_unk),
      byte_fallback_(vocab.byte_fallback) {
  const auto id_of = [&](const std::string& token) {
    const auto found = vocab.ids.find(token);
    return found == vocab.ids.end() ? kNone : found->second;
  };
  for (std::size_t byte = 0; byte < bytes_.size(); ++byte) {
    bytes_.at(byte) = id_of(byte_level_ ? byte_characters().at(byte) : fallback_token(byte));
  }
  for (const auto& [token, id] : vocab.ids) {
    if (!byte_level_ && !token.empty() && character_size(token, 0) == token.size()) {
      characters_.emplace(token, id);
    }
    if (!vocab.ignore_merges || std::ranges::count(vocab.never_whole, id) > 0) continue;
    const auto word = byte_level_ ? bytes_of_token(token) : token;
    if (word) whole_words_.emplace(*word, id);
  }
  merges_.reserve(vocab.merges.size());
  std::uint32_t rank = 0;
  for (const auto& [left, right] : vocab.merges) {
    const std::int32_t merged = id_of(left + right);
    REAUGKD_CHECK(id_of(left) >= 0 && id_of(right) >= 0 && merged >= 0, "{} {}", left, right);
    merges_.add(id_of(left), id_of(right), rank++, merged);
  }
}

bool BpeModel::append_bytes(std::string_view character, std::vector<std::int32_t>& ids) const {
  const auto id_of = [&](char byte) { return bytes_[static_cast<unsigned char>(byte)]; };
  if (!std::ranges::all_of(character, [&](char byte) { return id_of(byte) != kNone; })) {
    return false;
  }
  for (const char byte : character) ids.push_back(id_of(byte));
  return true;
}

void BpeModel::append_characters(std::string_view word, std::vector<std::int32_t>& ids) const {
  bool unknown = false;  // one waits to be written: the next may be fused with it
  const auto write_unknown = [&] {
    if (unknown) ids.push_back(*unk_);
    unknown = false;
  };
  for (std::size_t begin = 0; begin < word.size();) {
    const std::size_t size = byte_level_ ? 1 : character_size(word, begin);
    const std::string_view character = word.substr(begin, size);
    begin += size;
    std::int32_t id = kNone;
    if (byte_level_) {
      id = bytes_[static_cast<unsigned char>(character[0])];
    } else if (const auto found = characters_.find(std::string(character));
               found != characters_.end()) {
      id = found->second;
    }
    if (id != kNone) {
      write_unknown();
      ids.push_back(id);
      continue;
    }
    // What waits stays behind the bytes: so the library does it.
    if (byte_fallback_ && !byte_level_ && append_bytes(character, ids)) continue;
    if (!unk_) continue;
    if (!fuse_unk_) write_unknown();
    unknown = true;
  }
  write_unknown();
}

void BpeModel::append_pieces(std::string_view word, std::vector<std::int32_t>& ids) const {
  if (!whole_words_.empty()) {
    const auto found = whole_words_.find(std::string(word));
    if (found != whole_words_.end()) {
      ids.push_back(found->second);
      return;
    }
  }
  const std::size_t begin = ids.size();
  append_characters(word, ids);
  constexpr std::size_t kFew = 24;
  if (ids.size() - begin <= kFew) {
    merge_few(ids, begin);
  } else {
    merge_many(ids, begin);
  }
}

// The merge of the lowest rank first, the leftmost of several. Of few pieces, all are looked at
// for each merge.
void BpeModel::merge_few(std::vector<std::int32_t>& ids, std::size_t begin) const {
  std::array<const MergeTable::Merge*, 32> merges{};  // of each piece with the next
  const auto find_at = [&](std::size_t i) {
    return i + 1 < ids.size() ? merges_.find(ids[i], ids[i + 1]) : nullptr;
  };
  for (std::size_t i = begin; i < ids.size(); ++i) merges.at(i - begin) = find_at(i);
  for (;;) {
    std::size_t best = ids.size();
    for (std::size_t i = begin; i + 1 < ids.size(); ++i) {
      const auto* merge = merges.at(i - begin);
      if (merge == nullptr) continue;
      if (best == ids.size() || merge->rank < merges.at(best - begin)->rank) best = i;
    }
    if (best == ids.size()) return;
    ids[best] = merges.at(best - begin)->merged;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    for (std::size_t i = best + 1; i < ids.size(); ++i) {
      merges.at(i - begin) = merges.at(i - begin + 1);
    }
    merges.at(best - begin) = find_at(best);
    if (best > begin) merges.at(best - 1 - begin) = find_at(best - 1);
  }
}

// Of many, a heap has the merges that are possible and a list the pieces that are left.
void BpeModel::merge_many(std::vector<std::int32_t>& ids, std::size_t begin) const {
  struct Piece {
    std::int32_t id;
    std::int32_t previous;
    std::int32_t next;
  };
  using Candidate = std::tuple<std::uint32_t, std::int32_t, std::int32_t>;  // rank, place, merged
  const auto count = static_cast<std::int32_t>(ids.size() - begin);
  std::vector<Piece> pieces;
  for (std::int32_t i = 0; i < count; ++i) {
    const std::int32_t next = i + 1 < count ? i + 1 : kNone;
    pieces.push_back({ids[begin + static_cast<std::size_t>(i)], i - 1, next});
  }
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto merge_at = [&](std::int32_t i) {
    const Piece& piece = pieces[static_cast<std::size_t>(i)];
    return piece.id == kNone || piece.next == kNone
               ? nullptr
               : merges_.find(piece.id, pieces[static_cast<std::size_t>(piece.next)].id);
  };
  const auto push = [&](std::int32_t i) {
    const auto* merge = i == kNone ? nullptr : merge_at(i);
    if (merge != nullptr) queue.emplace(merge->rank, i, merge->merged);
  };
  for (std::int32_t i = 0; i < count; ++i) push(i);
  while (!queue.empty()) {
    const auto [rank, place, merged] = queue.top();
    queue.pop();
    const auto* merge = merge_at(place);
    if (merge == nullptr || merge->rank != rank) continue;  // its pieces were merged since
    Piece& left = pieces[static_cast<std::size_t>(place)];
    Piece& right = pieces[static_cast<std::size_t>(left.next)];
    left.id = merged;
    left.next = right.next;
    right.id = kNone;
    if (left.next != kNone) pieces[static_cast<std::size_t>(left.next)].previous = place;
    push(left.previous);
    push(place);
  }
  ids.resize(begin);
  for (const Piece& piece : pieces) {
    if (piece.id != kNone) ids.push_back(piece.id);
  }
}

}  // namespace reaugkd::text
