// The program that people call. It sets the environment that LibTorch's libraries read as they are
// loaded (library_environment.h) and becomes the program itself, ../lib/reaugkd/reaugkd: the same
// process, arguments, exit code and signals.
#include <limits.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "library_environment.h"

namespace {

constexpr int kIoError = 5;  // as base::IoError

/// The folder of this executable, with a slash; empty where /proc does not say.
std::string own_folder() {
  std::array<char, PATH_MAX> path{};
  const auto size = ::readlink("/proc/self/exe", path.data(), path.size());
  if (size <= 0) return "";
  const std::string whole(path.data(), static_cast<std::size_t>(size));
  return whole.substr(0, whole.rfind('/') + 1);
}

}  // namespace

int main(int, char** argv) {
  reaugkd::apps::set_library_environment();
  const std::string program = own_folder() + "../lib/reaugkd/reaugkd";
  ::execv(program.c_str(), argv);
  std::fprintf(stderr, "reaugkd: %s cannot be started: %s; install it with this launcher\n",
               program.c_str(), std::strerror(errno));
  return kIoError;
}
