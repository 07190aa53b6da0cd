#include "start_ranks.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace reaugkd::apps {
namespace {

constexpr int kConfigError = 2;
constexpr int kIoError = 5;
constexpr int kMostRanks = 1024;
// A rank that has failed gives the others this long to say so themselves (lib/parallel).
constexpr auto kUntilTerm = std::chrono::seconds(25);
constexpr auto kUntilKill = std::chrono::seconds(40);

volatile std::sig_atomic_t asked_to_stop = 0;

extern "C" void note_stop(int signal) {
  asked_to_stop = signal;
}

/// A port that is free now.
int free_port() {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  const bool found =
      listener >= 0 && ::bind(listener, any, size) == 0 && ::getsockname(listener, any, &size) == 0;
  ::close(listener);
  return found ? ntohs(address.sin_port) : 29400;
}

int cores() {
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 1;
  return CPU_COUNT(&allowed);
}

void set_number(const char* name, int value) {
  ::setenv(name, std::to_string(value).c_str(), /*overwrite=*/1);
}

void close_stream(int descriptor, int flags) {
  const int nothing = ::open("/dev/null", flags);
  if (nothing >= 0) ::dup2(nothing, descriptor);
}

[[noreturn]] void become_rank(const std::string& program, int rank, int ranks, int port,
                              char** arguments) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  ::setpgid(0, 0);  // Ctrl-C reaches the starter alone, which passes it on once
  set_number("RANK", rank);
  set_number("LOCAL_RANK", rank);
  set_number("WORLD_SIZE", ranks);
  set_number("MASTER_PORT", port);
  ::setenv("MASTER_ADDR", "127.0.0.1", /*overwrite=*/1);
  ::unsetenv("TORCHELASTIC_USE_AGENT_STORE");
  if (std::getenv("OMP_NUM_THREADS") == nullptr) {
    set_number("OMP_NUM_THREADS", std::max(1, cores() / ranks));
  }
  if (rank > 0) {
    close_stream(STDIN_FILENO, O_RDONLY);
    close_stream(STDOUT_FILENO, O_WRONLY);
  }
  ::execv(program.c_str(), arguments);
  std::fprintf(stderr, "reaugkd: %s cannot be started: %s\n", program.c_str(),
               std::strerror(errno));
  std::_Exit(kIoError);
}

struct Child {
  pid_t process = 0;
  bool running = true;
  int code = 0;
};

void pass_on(const std::vector<Child>& children, int signal) {
  for (const auto& child : children) {
    if (child.running) ::kill(child.process, signal);
  }
}

/// What a rank that was killed left in the folder for temporary files (command_line.cpp).
void remove_scratch(pid_t process) {
  std::error_code ignored;
  const auto folder = std::filesystem::temp_directory_path(ignored);
  if (ignored) return;
  std::filesystem::remove_all(folder / ("reaugkd-rank-" + std::to_string(process)), ignored);
}

/// `killed_here`: by pass_on().
void note_end(Child& child, int rank, int status, bool killed_here) {
  child.running = false;
  child.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (WIFSIGNALED(status)) remove_scratch(child.process);
  if (WIFSIGNALED(status) && asked_to_stop == 0) {
    std::fprintf(stderr, "reaugkd: rank %d was ended by signal %d (%s)%s\n", rank, WTERMSIG(status),
                 ::strsignal(WTERMSIG(status)),
                 WTERMSIG(status) != SIGKILL ? ""
                 : killed_here               ? ": it did not end by itself"
                                             : ": out of memory?");
  }
}

/// Until all have ended.
void wait_for(std::vector<Child>& children) {
  using Clock = std::chrono::steady_clock;
  auto failed = Clock::time_point::max();
  int passed_on = 0;
  bool killed = false;
  for (;;) {
    int status = 0;
    pid_t ended = 0;
    while ((ended = ::waitpid(-1, &status, WNOHANG)) > 0) {
      for (std::size_t rank = 0; rank < children.size(); ++rank) {
        if (children[rank].process != ended) continue;
        note_end(children[rank], static_cast<int>(rank), status, killed);
        if (children[rank].code != 0) failed = std::min(failed, Clock::now());
      }
    }
    if (std::ranges::none_of(children, &Child::running)) return;
    if (asked_to_stop != 0 && passed_on != asked_to_stop) {
      passed_on = asked_to_stop;
      pass_on(children, passed_on);
    }
    if (failed != Clock::time_point::max()) {
      if (Clock::now() > failed + kUntilKill) {
        pass_on(children, SIGKILL);
        killed = true;
      } else if (Clock::now() > failed + kUntilTerm && passed_on == 0) {
        passed_on = SIGTERM;
        pass_on(children, SIGTERM);
      }
    }
    ::usleep(20'000);
  }
}

}  // namespace

int ranks_asked_for(int argc, char** argv) {
  constexpr std::string_view kFlag = "--ranks";
  if (argc < 2) return 0;
  std::string_view first = argv[1];
  std::string_view value;
  if (first == kFlag) {
    value = argc > 2 ? argv[2] : "";
  } else if (first.starts_with("--ranks=")) {
    value = first.substr(kFlag.size() + 1);
  } else {
    return 0;
  }
  int ranks = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), ranks);
  if (error != std::errc{} || end != value.data() + value.size() || ranks < 1 ||
      ranks > kMostRanks) {
    std::fprintf(stderr,
                 "reaugkd: --ranks \"%.*s\": expected a whole number from 1 to %d, then a command: "
                 "reaugkd --ranks 2 distill ...\n",
                 static_cast<int>(value.size()), value.data(), kMostRanks);
    std::exit(kConfigError);
  }
  return ranks;
}

int run_ranks(const std::string& program, int ranks, char** arguments) {
  struct sigaction action {};
  action.sa_handler = note_stop;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGHUP, &action, nullptr);
  const int port = free_port();
  std::vector<Child> children;
  for (int rank = 0; rank < ranks; ++rank) {
    const pid_t process = ::fork();
    if (process == 0) become_rank(program, rank, ranks, port, arguments);
    if (process < 0) {
      std::fprintf(stderr, "reaugkd: rank %d cannot be started: %s\n", rank, std::strerror(errno));
      pass_on(children, SIGTERM);
      wait_for(children);
      return kIoError;
    }
    children.push_back({process});
  }
  wait_for(children);
  const auto failed =
      std::ranges::find_if(children, [](const Child& child) { return child.code != 0; });
  return failed == children.end() ? 0 : failed->code;
}

}  // namespace reaugkd::apps
