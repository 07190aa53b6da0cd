#include "serving/byte_source.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/interrupt.h"

namespace reaugkd::serving {
namespace {

constexpr std::size_t kBlock = 1 << 18;

timespec timespec_of(std::chrono::microseconds time) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  timespec result{};
  result.tv_sec = seconds.count();
  result.tv_nsec = std::chrono::nanoseconds(time - seconds).count();
  return result;
}

}  // namespace

ByteSource ByteSource::file(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    throw base::IoError("{}: cannot be opened: {}", path.string(), std::strerror(errno));
  }
  return {descriptor, path.string(), true};
}

ByteSource ByteSource::standard_input() {
  return {STDIN_FILENO, "standard input", false};
}

ByteSource::ByteSource(int descriptor, std::string name, bool owned)
    : descriptor_(descriptor), name_(std::move(name)), owned_(owned) {}

ByteSource::ByteSource(ByteSource&& other) noexcept
    : descriptor_(other.descriptor_),
      name_(std::move(other.name_)),
      owned_(std::exchange(other.owned_, false)),
      ended_(other.ended_) {}

ByteSource::~ByteSource() {
  if (owned_) ::close(descriptor_);
}

ByteSource::Found ByteSource::read(std::string& buffer, std::chrono::microseconds most_wait) {
  if (ended_) return Found::kEnd;
  pollfd polled{descriptor_, POLLIN, 0};
  const timespec time = timespec_of(most_wait);
  const int ready = ::ppoll(&polled, 1, most_wait.count() < 0 ? nullptr : &time, nullptr);
  base::stop_if_interrupted();
  if (ready == 0 || (ready < 0 && errno == EINTR)) return Found::kNothing;
  const std::size_t before = buffer.size();
  buffer.resize(before + kBlock);
  const ssize_t count = ::read(descriptor_, buffer.data() + before, kBlock);
  const int error = errno;
  buffer.resize(before + static_cast<std::size_t>(count > 0 ? count : 0));
  base::stop_if_interrupted();
  if (count < 0 && (error == EINTR || error == EAGAIN)) return Found::kNothing;
  if (count < 0) throw base::IoError("{}: cannot be read: {}", name_, std::strerror(error));
  ended_ = count == 0;
  return ended_ ? Found::kEnd : Found::kBytes;
}

}  // namespace reaugkd::serving
