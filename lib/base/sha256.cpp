#include "base/sha256.h"

#include <openssl/evp.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <future>

#include "base/error.h"

namespace reaugkd::base {

Sha256::Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
  REAUGKD_CHECK(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1,
                "libcrypto has no SHA-256");
}

void Sha256::update(std::string_view bytes) {
  EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
}

std::string Sha256::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
  unsigned int size = 0;
  EVP_DigestFinal_ex(context_.get(), raw.data(), &size);
  std::string text;
  for (unsigned int i = 0; i < size; ++i) text += fmt::format("{:02x}", raw[i]);
  return text;
}

std::string sha256(std::string_view bytes) {
  Sha256 digest;
  digest.update(bytes);
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
  Sha256 digest;
  read(block);
  while (file) {
    auto reading = std::async(std::launch::async, read, std::ref(next));
    digest.update(block);
    reading.get();
    block.swap(next);
  }
  digest.update(block);
  if (file.bad()) throw IoError("{}: cannot be read", path.string());
  return digest.hex();
}

}  // namespace reaugkd::base
