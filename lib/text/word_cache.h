// The pieces of words that were met before. Words repeat: a few thousand make up most of a text.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "text/subword_model.h"

namespace reaugkd::text {

/// Of one thread at a time. Holds at most about 1 MB; a word takes the place of another one.
class WordCache {
 public:
  WordCache();

  /// What model.append_pieces(word, ids) does, from memory where the word was met before.
  void append_pieces(const SubwordModel& model, std::string_view word,
                     std::vector<std::int32_t>& ids);

 private:
  struct Entry {
    std::uint64_t hash = 0;
    std::uint32_t word = 0;  // where its bytes begin
    std::uint32_t word_size = 0;
    std::uint32_t pieces = 0;  // where its ids begin
    std::uint32_t num_pieces = 0;
  };

  void remember(Entry& entry, std::uint64_t hash, std::string_view word, const std::int32_t* ids,
                std::size_t count);

  std::vector<Entry> entries_;
  std::string words_;
  std::vector<std::int32_t> pieces_;
};

/// Lends each thread a cache of its own: encode() takes one for a text and gives it back.
class WordCaches {
 public:
  std::unique_ptr<WordCache> take();
  void give_back(std::unique_ptr<WordCache> cache);

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<WordCache>> idle_;
};

/// A cache for the time of one text.
class LentWordCache {
 public:
  explicit LentWordCache(WordCaches& caches) : caches_(caches), cache_(caches.take()) {}
  ~LentWordCache() { caches_.give_back(std::move(cache_)); }
  LentWordCache(const LentWordCache&) = delete;
  LentWordCache& operator=(const LentWordCache&) = delete;
  WordCache& operator*() const { return *cache_; }
  WordCache* operator->() const { return cache_.get(); }

 private:
  WordCaches& caches_;
  std::unique_ptr<WordCache> cache_;
};

}  // namespace reaugkd::text
