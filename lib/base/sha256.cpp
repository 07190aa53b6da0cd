#include "base/sha256.h"

#include <openssl/evp.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <future>
#include <memory>

#include "base/error.h"

namespace reaugkd::base {
namespace {

class Digest {
 public:
  Digest() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    REAUGKD_CHECK(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1,
                  "libcrypto has no SHA-256");
  }
  void update(const void* bytes, std::size_t size) {
    EVP_DigestUpdate(context_.get(), bytes, size);
  }
  std::string hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
    unsigned int size = 0;
    EVP_DigestFinal_ex(context_.get(), raw.data(), &size);
    std::string text;
    for (unsigned int i = 0; i < size; ++i) text += fmt::format("{:02x}", raw[i]);
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

std::string sha256(std::string_view bytes) {
  Digest digest;
  digest.update(bytes.data(), bytes.size());
  return digest.hex();
}

std::string sha256_of_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path)) {
    throw IoError("{}: cannot be opened: {}", path.string(),
                  file ? "is a directory" : strerror(errno));
  }
  // A thread of its own reads the next block: of a file in the page cache, the copy costs a sixth.
  constexpr std::size_t kBlock = 4 << 20;
  std::string block(kBlock, '\0');
  std::string next;
  const auto read = [&file](std::string& into) {
    into.resize(kBlock);
    file.read(into.data(), static_cast<std::streamsize>(kBlock));
    into.resize(static_cast<std::size_t>(file.gcount()));
  };
  Digest digest;
  read(block);
  while (file) {
    auto reading = std::async(std::launch::async, read, std::ref(next));
    digest.update(block.data(), block.size());
    reading.get();
    block.swap(next);
  }
  digest.update(block.data(), block.size());
  if (file.bad()) throw IoError("{}: cannot be read", path.string());
  return digest.hex();
}

}  // namespace reaugkd::base
