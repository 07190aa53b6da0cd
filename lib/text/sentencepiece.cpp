#include "text/sentencepiece.h"

#ifdef REAUGKD_SENTENCEPIECE
#include <dlfcn.h>

#include <array>

#include "text/sentencepiece_shim/sentencepiece_shim.h"
#endif

#include "base/error.h"
#include "text/unicode.h"

namespace reaugkd::text {

using base::ArtifactError;

#ifdef REAUGKD_SENTENCEPIECE
namespace {

using base::DataError;
using base::InternalError;
using base::IoError;

constexpr const char* kShimFile = "libreaugkd_sentencepiece.so";

/// Beside the program, or in the folder of programs beside that of a test, in the build tree as
/// when installed.
std::filesystem::path shim_path() {
  const auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  if (std::filesystem::exists(folder / kShimFile)) return folder / kShimFile;
  return (folder / "../lib/reaugkd" / kShimFile).lexically_normal();
}

const ReaugkdSentencePiece& load_shim() {
  const std::filesystem::path path = shim_path();
  void* handle = dlmopen(LM_ID_NEWLM, path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    throw IoError("{}; spiece.model needs this library: install it with the binary", dlerror());
  }
  using Entry = const ReaugkdSentencePiece* (*)();
  const auto entry = reinterpret_cast<Entry>(dlsym(handle, kSentencePieceShimSymbol));
  if (entry == nullptr || entry()->version != kSentencePieceShimVersion) {
    dlclose(handle);
    throw IoError("{}: is of another version than the binary: install both together",
                  path.string());
  }
  return *entry();
}

// Loaded at first use and kept: each linker namespace takes thread-local storage for good.
const ReaugkdSentencePiece& shim() {
  static const ReaugkdSentencePiece& functions = load_shim();
  return functions;
}

using ErrorText = std::array<char, 1024>;

// The number after the last "<=" of "Vocabulary size too high (900). Please set it to a value
// <= 57.", or -1 in any other message.
std::int64_t largest_vocab_size(const std::string& message) {
  const std::size_t bound = message.rfind("<= ");
  if (message.find("too high") == std::string::npos || bound == std::string::npos) {
    return -1;
  }
  return std::strtoll(message.c_str() + bound + 3, nullptr, 10);
}

// sentencepiece's own marks, of a space and of an unknown character.
constexpr char32_t kSpaceMark = 0x2581;
constexpr char32_t kUnknownMark = 0x2585;

// Whether the library's normalisation leaves something of the character.
bool is_visible(char32_t code_point) {
  return !is_whitespace(code_point) && !is_control(code_point) && code_point != kSpaceMark &&
         code_point != kUnknownMark && code_point != kReplacementCharacter;
}

// The texts that the trainer is to see. Given nothing but invisible ones it would end the process,
// and a text with its mark of the unknown it would pass over without a word.
std::vector<std::string> training_sentences(const std::vector<std::string>& texts,
                                            bool do_lower_case) {
  std::vector<std::string> sentences;
  for (const std::string& text : texts) {
    std::string sentence;
    bool visible = false;
    for (std::size_t position = 0; position < text.size();) {
      const char32_t code_point = next_code_point(text, position);
      visible = visible || is_visible(code_point);
      append_utf8(code_point == kUnknownMark ? U' ' : code_point, sentence);
    }
    if (visible) {
      sentences.push_back(do_lower_case ? lower_case(sentence) : std::move(sentence));
    }
  }
  return sentences;
}

}  // namespace

SentencePieceModel::SentencePieceModel(std::string bytes, const std::string& where)
    : bytes_(std::move(bytes)), where_(where), processor_(nullptr, shim().unload) {
  ErrorText error{};
  processor_.reset(shim().load(bytes_.data(), bytes_.size(), error.data(), error.size()));
  if (processor_ == nullptr) {
    throw ArtifactError("{}: is no sentencepiece model ({} bytes): {}", where, bytes_.size(),
                        error.data());
  }
  size_ = shim().vocab_size(processor_.get());
}

std::int32_t SentencePieceModel::find(const std::string& piece) const {
  return shim().piece_id(processor_.get(), piece.c_str());
}

std::int32_t SentencePieceModel::id_of(const char* piece, const char* expected) const {
  const std::int32_t id = find(piece);
  if (id < 0) {
    throw ArtifactError("{}: the piece {} is missing among {}: expected {}", where_, piece, size_,
                        expected);
  }
  return id;
}

std::vector<std::int32_t> SentencePieceModel::encode(const std::string& text) const {
  std::vector<std::int32_t> ids(text.size() + 8);
  ErrorText error{};
  for (;;) {
    const std::int64_t count = shim().encode(processor_.get(), text.data(), text.size(), ids.data(),
                                             ids.size(), error.data(), error.size());
    if (count < 0) {
      throw InternalError("sentencepiece cannot encode \"{}\": {}", text, error.data());
    }
    const bool complete = static_cast<std::size_t>(count) <= ids.size();
    ids.resize(static_cast<std::size_t>(count));
    if (complete) {
      return ids;
    }
  }
}

std::string train_sentencepiece(const std::vector<std::string>& texts, std::int64_t vocab_size,
                                bool do_lower_case) {
  const std::vector<std::string> sentences = training_sentences(texts, do_lower_case);
  if (sentences.empty()) {
    throw DataError("cannot train sentencepiece: none of {} texts has a visible character",
                    texts.size());
  }
  std::vector<const char*> pointers;
  std::vector<std::size_t> sizes;
  for (const std::string& sentence : sentences) {
    pointers.push_back(sentence.data());
    sizes.push_back(sentence.size());
  }
  ErrorText error{};
  std::size_t size = 0;
  const std::unique_ptr<char, void (*)(char*)> bytes(
      shim().train(pointers.data(), sizes.data(), pointers.size(), vocab_size, &size, error.data(),
                   error.size()),
      shim().release);
  if (bytes != nullptr) {
    return {bytes.get(), size};
  }
  const std::int64_t largest = largest_vocab_size(error.data());
  if (largest >= 0) {
    throw DataError(
        "{} texts cannot fill a sentencepiece vocabulary of {}: the largest that fits is {}",
        texts.size(), vocab_size, largest);
  }
  throw DataError("cannot train a sentencepiece vocabulary of {} on {} texts: {}", vocab_size,
                  texts.size(), error.data());
}

bool sentencepiece_available() {
  return true;
}

#else

namespace {

void no_unload(void*) {}

}  // namespace

SentencePieceModel::SentencePieceModel(std::string bytes, const std::string& where)
    : bytes_(std::move(bytes)), where_(where), processor_(nullptr, no_unload) {
  throw ArtifactError(
      "{}: this binary was built without sentencepiece: rebuild it with -DREAUGKD_SENTENCEPIECE=ON",
      where);
}

std::int32_t SentencePieceModel::find(const std::string&) const {
  return -1;
}

std::int32_t SentencePieceModel::id_of(const char*, const char*) const {
  return 0;
}

std::vector<std::int32_t> SentencePieceModel::encode(const std::string&) const {
  return {};
}

std::string train_sentencepiece(const std::vector<std::string>&, std::int64_t, bool) {
  throw base::ConfigError(
      "this binary was built without sentencepiece: rebuild it with -DREAUGKD_SENTENCEPIECE=ON");
}

bool sentencepiece_available() {
  return false;
}

#endif

}  // namespace reaugkd::text
