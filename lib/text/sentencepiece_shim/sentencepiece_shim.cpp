// sentencepiece behind a C ABI; see sentencepiece.cpp for why it is a library of its own.
#include "text/sentencepiece_shim/sentencepiece_shim.h"

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

using sentencepiece::SentencePieceProcessor;

struct Error {
  char* bytes;
  std::size_t size;
  void set(const char* text) const { std::snprintf(bytes, size, "%s", text); }
};

// Runs `body`; what it throws becomes the error text and `failed` the result.
template <typename Result, typename Body>
Result guarded(Error error, Result failed, Body body) {
  try {
    return body();
  } catch (const std::exception& exception) {
    error.set(exception.what());
  } catch (...) {
    error.set("unknown exception");
  }
  return failed;
}

const SentencePieceProcessor& as_processor(const void* processor) {
  return *static_cast<const SentencePieceProcessor*>(processor);
}

void* load(const char* model, std::size_t size, char* error, std::size_t error_size) {
  const Error out{error, error_size};
  return guarded<void*>(out, nullptr, [&]() -> void* {
    auto processor = std::make_unique<SentencePieceProcessor>();
    const auto status = processor->LoadFromSerializedProto({model, size});
    if (!status.ok()) {
      out.set(status.ToString().c_str());
      return nullptr;
    }
    return processor.release();
  });
}

void unload(void* processor) {
  delete static_cast<SentencePieceProcessor*>(processor);
}

std::int64_t vocab_size(const void* processor) {
  return as_processor(processor).GetPieceSize();
}

std::int32_t piece_id(const void* processor, const char* piece) {
  return guarded<std::int32_t>({nullptr, 0}, -1, [&]() -> std::int32_t {
    const int id = as_processor(processor).PieceToId(piece);  // <unk>'s id for a piece it lacks
    return as_processor(processor).IdToPiece(id) == piece ? id : -1;
  });
}

std::int64_t encode(const void* processor, const char* text, std::size_t size, std::int32_t* ids,
                    std::size_t capacity, char* error, std::size_t error_size) {
  const Error out{error, error_size};
  return guarded<std::int64_t>(out, -1, [&]() -> std::int64_t {
    std::vector<int> pieces;
    const auto status = as_processor(processor).Encode({text, size}, &pieces);
    if (!status.ok()) {
      out.set(status.ToString().c_str());
      return -1;
    }
    static_assert(sizeof(int) == sizeof(std::int32_t));
    if (!pieces.empty() && capacity > 0) {
      std::memcpy(ids, pieces.data(), std::min(pieces.size(), capacity) * sizeof(int));
    }
    return static_cast<std::int64_t>(pieces.size());
  });
}

// sentencepiece's own Status, since 0.2.1 Abseil's.
using Status = decltype(std::declval<const sentencepiece::SentenceIterator&>().status());

// The caller's texts, as the trainer reads them.
class Texts final : public sentencepiece::SentenceIterator {
 public:
  Texts(const char* const* texts, const std::size_t* sizes, std::size_t count)
      : texts_(texts), sizes_(sizes), count_(count) {
    read();
  }
  bool done() const override { return row_ == count_; }
  void Next() override {
    ++row_;
    read();
  }
  const std::string& value() const override { return text_; }
  Status status() const override { return {}; }

 private:
  void read() {
    if (!done()) {
      text_.assign(texts_[row_], sizes_[row_]);
    }
  }

  const char* const* texts_;
  const std::size_t* sizes_;
  std::size_t count_;
  std::size_t row_ = 0;
  std::string text_;
};

// One thread and no sampling: the same texts give the same bytes. The library would leave out
// longer sentences than max_sentence_length without an error.
std::unordered_map<std::string, std::string> training_options(std::int64_t vocab_size) {
  return {{"model_type", "unigram"},
          {"vocab_size", std::to_string(vocab_size)},
          {"hard_vocab_limit", "true"},
          {"normalization_rule_name", "nmt_nfkc"},
          {"pad_id", "0"},
          {"unk_id", "1"},
          {"bos_id", "-1"},
          {"eos_id", "-1"},
          {"pad_piece", "<pad>"},
          {"unk_piece", "<unk>"},
          {"control_symbols", "[CLS],[SEP],[MASK]"},
          {"num_threads", "1"},
          {"shuffle_input_sentence", "false"},
          {"max_sentence_length", "1073741824"},
          {"minloglevel", "3"}};
}

char* train(const char* const* texts, const std::size_t* sizes, std::size_t count,
            std::int64_t vocab_size, std::size_t* model_size, char* error, std::size_t error_size) {
  const Error out{error, error_size};
  return guarded<char*>(out, nullptr, [&]() -> char* {
    Texts sentences(texts, sizes, count);
    std::string model;
    const auto status = sentencepiece::SentencePieceTrainer::Train(training_options(vocab_size),
                                                                   &sentences, &model);
    if (!status.ok()) {
      out.set(status.ToString().c_str());
      return nullptr;
    }
    auto* bytes = static_cast<char*>(std::malloc(model.size()));
    if (bytes == nullptr) {
      throw std::bad_alloc();
    }
    std::memcpy(bytes, model.data(), model.size());
    *model_size = model.size();
    return bytes;
  });
}

void release(char* model) {
  std::free(model);
}

constexpr ReaugkdSentencePiece kFunctions = {
    .version = reaugkd::text::kSentencePieceShimVersion,
    .load = load,
    .unload = unload,
    .vocab_size = vocab_size,
    .piece_id = piece_id,
    .encode = encode,
    .train = train,
    .release = release,
};

}  // namespace

extern "C" const ReaugkdSentencePiece* reaugkd_sentencepiece() {
  return &kFunctions;
}
