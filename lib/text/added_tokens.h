// Tokens that were added to a vocabulary: found in a text as they are and kept whole, as Hugging
// Face's `tokenizers` does. Frame tokens are the exception: see is_frame_token.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/token_names.h"
#include "text/trie.h"

namespace reaugkd::text {

struct AddedToken {
  std::string content;
  std::int32_t id = 0;
  bool single_word = false;  // only where no letter or digit touches it
  bool lstrip = false;       // takes the white space before it
  bool rstrip = false;       // and behind it
  bool normalized = true;    // is looked for in the normalized text, itself normalized
  bool special = false;

  base::Json to_json() const;
};

/// Which id the vocabulary gives a token, or -1.
using TokenIds = std::function<std::int32_t(const std::string&)>;

/// tokenizer.json's added_tokens. Throws ArtifactError on one that is malformed.
std::vector<AddedToken> read_added_tokens(const nlohmann::json& list, const std::string& where);

/// Those of tokenizer_config.json's added_tokens_decoder, added_tokens.json and the additional
/// special tokens that are not in `tokens` yet are appended; one without an id gets the next free
/// one. Throws ArtifactError on one that is malformed.
void append_added_tokens(const TokenizerSettings& settings, const TokenIds& vocabulary,
                         std::int64_t vocab_size, std::vector<AddedToken>& tokens);

/// Finds the leftmost, and of several the longest.
class AddedTokenFinder {
 public:
  AddedTokenFinder() = default;
  /// `contents`: what each token looks like in the text. Frame tokens are passed over.
  AddedTokenFinder(const std::vector<AddedToken>& tokens, const std::vector<std::string>& contents,
                   const TokenNames& names);

  bool empty() const { return trie_.empty(); }

  /// Calls on_text(part, begin) and on_token(id) for the parts of the text in order.
  template <typename OnText, typename OnToken>
  void for_each_part(std::string_view text, const OnText& on_text, const OnToken& on_token) const {
    std::size_t done = 0;
    for (std::size_t position = 0; !empty() && position < text.size();) {
      const Found found = find(text, position, done);
      if (found.id < 0) {
        position = found.end;
        continue;
      }
      if (done < found.begin) on_text(text.substr(done, found.begin - done), done);
      on_token(found.id);
      done = found.end;
      position = found.next;
    }
    if (done < text.size()) on_text(text.substr(done), done);
  }

 private:
  struct Entry {
    AddedToken token;
    bool plain;  // a frame token: its text is passed over
  };
  struct Found {
    std::size_t begin;
    std::size_t end;
    std::size_t next;      // where the search goes on
    std::int32_t id = -1;  // -1: nothing up to `end`
  };

  Found find(std::string_view text, std::size_t position, std::size_t done) const;

  std::vector<Entry> entries_;
  Trie trie_;  // to places in entries_
};

}  // namespace reaugkd::text
