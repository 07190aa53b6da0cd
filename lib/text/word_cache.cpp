#include "text/word_cache.h"

#include <cstring>

namespace reaugkd::text {
namespace {

constexpr std::size_t kEntries = 1 << 14;
constexpr std::size_t kLongestWord = 64;  // a longer one seldom comes twice
constexpr std::size_t kMostWordBytes = 1 << 19;
constexpr std::size_t kMostPieces = 1 << 17;

std::uint64_t mixed(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15ULL;
  return hash ^ (hash >> 32);
}

/// Eight bytes at a time.
std::uint64_t hash_of(std::string_view word) {
  std::uint64_t hash = word.size();
  std::uint64_t value = 0;
  for (; word.size() >= sizeof(value); word.remove_prefix(sizeof(value))) {
    std::memcpy(&value, word.data(), sizeof(value));
    hash = mixed(hash, value);
  }
  value = 0;
  std::memcpy(&value, word.data(), word.size());
  return mixed(hash, value) | 1;  // 0 is an empty entry's
}

}  // namespace

WordCache::WordCache() : entries_(kEntries) {
  words_.reserve(kMostWordBytes);
  pieces_.reserve(kMostPieces);
}

void WordCache::append_pieces(const SubwordModel& model, std::string_view word,
                              std::vector<std::int32_t>& ids) {
  if (word.size() > kLongestWord) {
    model.append_pieces(word, ids);
    return;
  }
  const std::uint64_t hash = hash_of(word);
  Entry& entry = entries_[hash >> 8 & (kEntries - 1)];
  if (entry.hash == hash && entry.word_size == word.size() &&
      std::memcmp(words_.data() + entry.word, word.data(), word.size()) == 0) {
    const std::int32_t* pieces = pieces_.data() + entry.pieces;
    if (entry.num_pieces == 1) {
      ids.push_back(*pieces);
    } else {
      ids.insert(ids.end(), pieces, pieces + entry.num_pieces);
    }
    return;
  }
  const std::size_t before = ids.size();
  model.append_pieces(word, ids);
  remember(entry, hash, word, ids.data() + before, ids.size() - before);
}

void WordCache::remember(Entry& entry, std::uint64_t hash, std::string_view word,
                         const std::int32_t* ids, std::size_t count) {
  if (words_.size() + word.size() > kMostWordBytes || pieces_.size() + count > kMostPieces) {
    entries_.assign(kEntries, Entry{});
    words_.clear();
    pieces_.clear();
  }
  entry = {.hash = hash,
           .word = static_cast<std::uint32_t>(words_.size()),
           .word_size = static_cast<std::uint32_t>(word.size()),
           .pieces = static_cast<std::uint32_t>(pieces_.size()),
           .num_pieces = static_cast<std::uint32_t>(count)};
  words_.append(word);
  pieces_.insert(pieces_.end(), ids, ids + count);
}

std::unique_ptr<WordCache> WordCaches::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto cache = std::move(idle_.back());
      idle_.pop_back();
      return cache;
    }
  }
  return std::make_unique<WordCache>();
}

void WordCaches::give_back(std::unique_ptr<WordCache> cache) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(cache));
}

}  // namespace reaugkd::text
