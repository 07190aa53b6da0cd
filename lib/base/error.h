// The kinds of failure a user can act on, each with its exit code; thrown by every module, caught
// only in apps/reaugkd/main.cpp. A message says where, what was found, what was expected and what
// to do.
#pragma once

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>  // fmt::join, since fmt 11

#include <stdexcept>
#include <string>
#include <utility>

namespace reaugkd::base {

class Error : public std::runtime_error {
 public:
  Error(int exit_code, const std::string& message)
      : std::runtime_error(message), exit_code_(exit_code) {}
  int exit_code() const { return exit_code_; }

 private:
  int exit_code_;
};

/// An Error of one kind; built from a fmt format string and its arguments.
template <int kExitCode>
class ErrorOf : public Error {
 public:
  template <typename... Args>
  explicit ErrorOf(fmt::format_string<Args...> format, Args&&... args)
      : Error(kExitCode, fmt::format(format, std::forward<Args>(args)...)) {}
};

using ConfigError = ErrorOf<2>;     // a flag, an option, a config file
using DataError = ErrorOf<3>;       // a task's files
using ArtifactError = ErrorOf<4>;   // a model, tokenizer, knowledge base or other stage output
using IoError = ErrorOf<5>;         // the file system
using NumericError = ErrorOf<6>;    // not finite, diverged
using InternalError = ErrorOf<70>;  // a bug of ours

}  // namespace reaugkd::base

/// Throws InternalError unless `condition` holds. For bugs only: no input may reach it.
#define REAUGKD_CHECK(condition, ...)                                                         \
  do {                                                                                        \
    if (!(condition)) {                                                                       \
      throw ::reaugkd::base::InternalError("{}:{}: {} does not hold: {}", __FILE__, __LINE__, \
                                           #condition, fmt::format(__VA_ARGS__));             \
    }                                                                                         \
  } while (false)
