// The C ABI between sentencepiece.cpp and the library that wraps sentencepiece. The two have
// different heaps and C++ runtimes: each frees its own memory, and no exception crosses.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

/// Functions that can fail write a message of up to `error_size` bytes, its end included, to
/// `error`. Those on one processor may run in several threads at once, but for `unload`.
struct ReaugkdSentencePiece {
  std::int32_t version;

  /// A processor, or null. `model`: the bytes of a spiece.model.
  void* (*load)(const char* model, std::size_t size, char* error, std::size_t error_size);
  void (*unload)(void* processor);
  std::int64_t (*vocab_size)(const void* processor);
  /// -1 where the model has no such piece.
  std::int32_t (*piece_id)(const void* processor, const char* piece);
  /// How many ids the text has, of which the first `capacity` are written; -1 on failure.
  std::int64_t (*encode)(const void* processor, const char* text, std::size_t size,
                         std::int32_t* ids, std::size_t capacity, char* error,
                         std::size_t error_size);

  /// The bytes of a model, to be given to `release`, or null.
  char* (*train)(const char* const* texts, const std::size_t* sizes, std::size_t count,
                 std::int64_t vocab_size, std::size_t* model_size, char* error,
                 std::size_t error_size);
  void (*release)(char* model);
};

}  // extern "C"

namespace reaugkd::text {

inline constexpr std::int32_t kSentencePieceShimVersion = 1;
/// The one symbol of the library: `const ReaugkdSentencePiece* (*)()`.
inline constexpr const char* kSentencePieceShimSymbol = "reaugkd_sentencepiece";

}  // namespace reaugkd::text
