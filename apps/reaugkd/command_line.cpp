#include "command_line.h"

#include <spdlog/sinks/sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <sstream>

#include "base/error.h"
#include "base/progress.h"
#include "base/version.h"
#include "help_format.h"
#include "listing.h"
#include "parallel/ranks.h"
#include "parallel/warnings.h"
#include "tensor/device.h"
#include "text/sentencepiece.h"
#include "usage.h"

namespace reaugkd::apps {
namespace {

/// Flags that are the process's own, not the stage's.
struct ProcessFlags {
  std::string config;
  bool quiet = false;
  bool verbose = false;
  std::int64_t rank_timeout = 1800;  // seconds
};

std::string option_help(const base::Option& option) {
  std::string text = option.help;
  if (!option.choices.empty()) text += fmt::format(" {{{}}}", fmt::join(option.choices, ", "));
  if (option.range) text += " (" + option.range->text() + ")";
  if (!option.unless.empty()) {
    text += fmt::format(" (required without --{})", fmt::join(option.unless, " or --"));
  }
  if (!option.is_flag() && !option.value_text().empty()) {
    text += " [default: " + option.value_text() + "]";
  }
  return text;
}

/// Declares every option of `fields`; values stay text until --config has been applied.
std::vector<CLI::Option*> declare(CLI::App& app, const base::OptionList& fields,
                                  std::vector<std::string>& texts) {
  const auto& options = fields.options();
  texts.resize(options.size());
  std::vector<CLI::Option*> declared;
  for (std::size_t i = 0; i < options.size(); ++i) {
    const auto& option = options[i];
    const std::string flag = option.flag();
    const std::string help = option_help(option);
    CLI::Option* handle = nullptr;
    if (option.positional) {
      handle = app.add_option(option.name, help)->expected(-1)->type_name("FILE");
      handle->group(option.group);
      declared.push_back(handle);
      continue;
    }
    if (option.is_flag()) {
      handle = app.add_flag("--" + option.name, help);
    } else {
      const std::string names = option.name.size() == 1 ? flag + ",--" + option.name : flag;
      handle = app.add_option(names, texts[i], help);
      handle->type_name(option.type_name() +
                        (option.required && option.unless.empty() ? " REQUIRED" : ""));
    }
    handle->group(option.group);
    handle->multi_option_policy(CLI::MultiOptionPolicy::Throw);
    declared.push_back(handle);
  }
  return declared;
}

void set_logging(const ProcessFlags& flags) {
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  // On a terminal a log line first clears the live progress line.
  spdlog::set_pattern(terminal ? "\r\x1b[K%H:%M:%S  %^%l%$  %v" : "%Y-%m-%d %H:%M:%S  %l  %v");
  if (flags.verbose) spdlog::set_level(spdlog::level::debug);
  // Of stderr alone: a stage's run.log has everything.
  if (flags.quiet) spdlog::default_logger()->sinks().front()->set_level(spdlog::level::warn);
  base::set_progress_style(flags.quiet ? base::ProgressStyle::kNone
                           : terminal  ? base::ProgressStyle::kLive
                                       : base::ProgressStyle::kPlain);
}

/// The text of an option: what is given, or its default.
std::string value_of(const base::OptionList& fields, const std::vector<CLI::Option*>& declared,
                     const std::string& name) {
  const auto& options = fields.options();
  for (std::size_t i = 0; i < options.size(); ++i) {
    if (options[i].name != name) continue;
    return declared[i]->count() > 0 ? declared[i]->results().back() : options[i].value_text();
  }
  return "";
}

/// Hides from --help the options that belong to other values of an option than the given one (or
/// its default): the options of other methods.
void hide_unread(const base::OptionList& fields, const std::vector<CLI::Option*>& declared) {
  const auto& options = fields.options();
  for (std::size_t i = 0; i < options.size(); ++i) {
    const auto& only_with = options[i].only_with;
    if (!only_with) continue;
    const auto& values = only_with->values;
    if (std::ranges::find(values, value_of(fields, declared, only_with->option)) == values.end()) {
      declared[i]->group("");
    }
  }
}

/// Default, then --config, then flag.
void resolve(const base::OptionList& fields, const std::vector<CLI::Option*>& declared,
             const std::vector<std::string>& texts, const std::string& command,
             const std::string& config) {
  if (!config.empty()) {
    try {
      const base::Json given = base::read_json(config);
      if (given.is_object() && given.value("command", base::Json(command)) != command) {
        throw base::ConfigError("--config: {} is of a run of {}, this is {}", config,
                                given["command"].dump(), command);
      }
      fields.set_json(given, config);
    } catch (const base::ArtifactError& error) {  // not JSON: here it is an option that is wrong
      throw base::ConfigError("--config: {}", error.what());
    }
  }
  for (std::size_t i = 0; i < declared.size(); ++i) {
    if (declared[i]->count() == 0) continue;
    if (fields.options()[i].positional) {
      fields.options()[i].set_texts(declared[i]->results());
      continue;
    }
    fields.options()[i].set_text(fields.options()[i].is_flag() ? "true" : texts[i]);
  }
  fields.check_required();
}

/// What every rank must have been given alike.
base::Json identity_of(const Command& command, const base::OptionList& fields) {
  base::Json identity = {{"version", base::version()}, {"the command", command.name}};
  const base::Json options = fields.to_json();
  std::int64_t threads = 0;
  for (const auto& [name, value] : options.items()) {
    if (name == "threads") threads = value.get<std::int64_t>();
    if (name == "threads" || name == "output" || name == "device") continue;
    identity["`" + name + "`"] = value;
  }
  identity["the number of threads"] = threads > 0 ? threads : tensor::available_threads();
  return identity;
}

/// A folder of a rank that is not the first: it writes what any process would, and nobody reads it.
class Scratch {
 public:
  Scratch()
      : path_(std::filesystem::temp_directory_path() / fmt::format("reaugkd-rank-{}", ::getpid())) {
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

void set_option(const base::OptionList& fields, const std::string& name, const std::string& text) {
  for (const auto& option : fields.options()) {
    if (option.name == name) option.set_text(text);
  }
}

/// Nothing on stderr: the first rank says what all would.
void fall_silent() {
  spdlog::default_logger()->sinks().front()->set_level(spdlog::level::critical);
}

/// Whether a rank meets the same errors as the first one, from the beginning on: it is on the same
/// machine. One on another machine speaks for itself until they are connected.
bool echoes_the_first(const parallel::Place& place) {
  return place.rank > 0 && place.address == "127.0.0.1";
}

constexpr std::array kDividedCommands = {"teacher-finetune", "project", "build-kb",
                                         "distill",          "eval",    "predict"};

/// Runs the command as one of several ranks; what it returns on the first one.
std::string run_as_rank(const Command& command, const base::OptionList& fields,
                        const parallel::Place& place, const ProcessFlags& flags) {
  if (std::ranges::find(kDividedCommands, command.name) == kDividedCommands.end()) {
    throw base::ConfigError(
        "{} runs as one process, and {} ranks were started; the commands for "
        "several are {}",
        command.name, place.size, fmt::join(kDividedCommands, ", "));
  }
  parallel::join(place, std::chrono::seconds(flags.rank_timeout), identity_of(command, fields));
  parallel::keep_warnings();
  std::optional<Scratch> scratch;
  if (place.rank > 0) {
    fall_silent();
    if (command.name != "predict") {  // whose other ranks write nothing
      scratch.emplace();
      set_option(fields, "output", scratch->path().string());
      set_option(fields, "resume", "false");
      set_option(fields, "overwrite", "false");
    }
  }
  try {
    const std::string text = command.run();
    parallel::leave();
    return place.rank == 0 ? text : "";
  } catch (const parallel::FinishedElsewhere&) {
    parallel::leave();
    return "";
  } catch (const std::exception& error) {
    parallel::leave_with(error.what());
    throw;
  }
}

std::string version_text() {
  return fmt::format("reaugkd {}{}", base::version(),
                     text::sentencepiece_available() ? "" : " (built without sentencepiece)");
}

/// What --completion or --options, alone on the command line, ask for.
std::optional<std::string> listing_asked_for(const std::vector<Command>& commands, int argc,
                                             char** argv) {
  const std::string flag = argc > 1 ? argv[1] : "";
  if (flag == "--options" && argc == 2) return option_tables(commands);
  if (flag == "--completion") return completion_script(commands, argc == 3 ? argv[2] : "");
  return {};
}

/// Ends as any program does whose stdout has no reader any more.
void print(const std::string& text) {
  if (std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0) return;
  if (errno == EPIPE) {
    std::signal(SIGPIPE, SIG_DFL);
    std::raise(SIGPIPE);
  }
  throw base::IoError("stdout cannot be written: {}", std::strerror(errno));
}

}  // namespace

int run_command_line(const std::vector<Command>& commands, int argc, char** argv) {
  CLI::App app(
      "Retrieval-augmented knowledge distillation (ReAugKD, Zhang et al., ACL 2023).\n"
      "The stages in turn: teacher-finetune, project, build-kb, distill, eval.\n"
      "Each writes a directory that the next ones read. export makes a folder of\n"
      "them that answers, and predict answers for new texts.",
      "reaugkd");
  app.set_version_flag("--version", version_text());
  app.require_subcommand(1);
  app.formatter(help_format());  // the commands below inherit it
  app.failure_message(CLI::FailureMessage::simple);
  app.footer(
      "reaugkd COMMAND --help shows a command's options.\n"
      "reaugkd --completion bash|zsh prints a completion script for the shell.\n"
      "reaugkd --options prints every option of every command as Markdown.\n"
      "Exit codes: 0 done, 2 options, 3 data, 4 a model or another command's output,\n"
      "5 files or memory, 6 not finite, 7 another rank ended, 70 a bug; 129, 130, 143\n"
      "stopped, and --resume goes on.\n"
      "reaugkd --ranks N COMMAND ... runs a command as N processes, a GPU or a share of\n"
      "the cores each.");
  if (const auto listing = listing_asked_for(commands, argc, argv)) {
    print(*listing);
    return 0;
  }
  ProcessFlags flags;
  set_logging(flags);  // of errors in the flags themselves
  struct Declared {
    CLI::App* app;
    base::OptionList fields;
    std::vector<std::string> texts;
    std::vector<CLI::Option*> handles;
  };
  std::vector<Declared> declared(commands.size());
  for (std::size_t i = 0; i < commands.size(); ++i) {
    Declared& entry = declared[i];
    entry.app = app.add_subcommand(commands[i].name, commands[i].description);
    entry.fields = commands[i].fields();
    entry.handles = declare(*entry.app, entry.fields, entry.texts);
    entry.app->add_option("--config", flags.config, "JSON file of options, or a run.json to repeat")
        ->group("Run");
    entry.app->add_flag("--quiet", flags.quiet, "warnings and errors only; run.log has everything")
        ->group("Run");
    entry.app->add_flag("--verbose", flags.verbose, "debugging messages too")->group("Run");
    entry.app
        ->add_option("--rank-timeout", flags.rank_timeout,
                     "seconds that a rank waits for another, of several")
        ->check(CLI::Range(1, 1000000))
        ->capture_default_str()
        ->group("Run");
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help, --version
      for (std::size_t i = 0; i < commands.size(); ++i) {
        const auto& entry = declared[i];
        hide_unread(entry.fields, entry.handles);
        const auto given = [&](const std::string& name) {
          return value_of(entry.fields, entry.handles, name);
        };
        if (commands[i].footer) entry.app->footer(commands[i].footer(given));
      }
      std::ostringstream text;
      app.exit(error, text, text);
      print(text.str());
      return 0;
    }
    if (echoes_the_first(parallel::place_of_environment())) fall_silent();
    throw base::ConfigError("{}", usage_problem(app, argc, argv, error.what()));
  }
  const parallel::Place place = parallel::place_of_environment();
  if (place.rank > 0) flags.quiet = true;
  set_logging(flags);
  if (echoes_the_first(place)) fall_silent();
  for (std::size_t i = 0; i < commands.size(); ++i) {
    if (!declared[i].app->parsed()) continue;
    resolve(declared[i].fields, declared[i].handles, declared[i].texts, commands[i].name,
            flags.config);
    try {
      print(place.size == 1 ? commands[i].run()
                            : run_as_rank(commands[i], declared[i].fields, place, flags));
    } catch (const base::Error& error) {  // the library names options by their keys
      throw base::Error(error.exit_code(), base::with_flags(error.what()));
    }
  }
  return 0;
}

}  // namespace reaugkd::apps
