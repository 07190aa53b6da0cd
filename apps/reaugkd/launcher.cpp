// The program that people call. It sets the environment that LibTorch's libraries read as they are
// loaded (library_environment.h) and becomes the program itself, ../lib/reaugkd/reaugkd: the same
// process, arguments, exit code and signals.
#include <limits.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "library_environment.h"
#include "start_ranks.h"

namespace {

constexpr int kIoError = 5;  // as base::IoError

/// The folder of this executable, with a slash; empty where the system does not say. What the
/// kernel was asked to run stands in where there is no /proc.
std::string own_folder() {
  std::array<char, PATH_MAX> path{};
  // NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel gives a pointer as a number
  const auto* asked = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
  if (::realpath("/proc/self/exe", path.data()) == nullptr &&
      (asked == nullptr || ::realpath(asked, path.data()) == nullptr)) {
    return "";
  }
  const std::string whole = path.data();
  return whole.substr(0, whole.rfind('/') + 1);
}

}  // namespace

int main(int argc, char** argv) {
  reaugkd::apps::set_library_environment();
  const std::string folder = own_folder();
  if (folder.empty()) {
    std::fprintf(stderr, "reaugkd: its own folder is not known: %s\n", std::strerror(errno));
    return kIoError;
  }
  const std::string program = folder + "../lib/reaugkd/reaugkd";
  if (const int ranks = reaugkd::apps::ranks_asked_for(argc, argv); ranks > 0) {
    char** after = argv + (std::strchr(argv[1], '=') == nullptr ? 2 : 1);
    after[0] = argv[0];
    return reaugkd::apps::run_ranks(program, ranks, after);
  }
  ::execv(program.c_str(), argv);
  std::fprintf(stderr,
               "reaugkd: %s cannot be started: %s. Do not copy bin/reaugkd alone: it needs "
               "lib/reaugkd beside bin\n",
               program.c_str(), std::strerror(errno));
  return kIoError;
}
