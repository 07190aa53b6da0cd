#include "listing.h"

#include "base/error.h"
#include "base/names.h"

namespace reaugkd::apps {
namespace {

std::vector<std::string> flags_of(const base::OptionList& fields) {
  std::vector<std::string> flags;
  for (const auto& option : fields.options()) {
    if (!option.positional) flags.push_back("--" + option.name);
  }
  for (const char* flag : {"--config", "--quiet", "--verbose", "--rank-timeout", "--help"})
    flags.emplace_back(flag);
  return flags;
}

/// '|' would end a cell.
std::string cell(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) {
    text.insert(at, "\\");
  }
  return text;
}

std::string option_row(const base::Option& option) {
  std::string allowed = option.is_flag() ? "" : option.type_name();
  if (!option.choices.empty()) allowed = fmt::format("{}", fmt::join(option.choices, ", "));
  if (option.range) allowed += ", " + option.range->text();
  std::string initial = option.value_text().empty() ? "" : "`" + option.value_text() + "`";
  if (option.is_flag()) initial = "off";
  if (option.required) initial = "required";
  if (!option.unless.empty()) {
    initial = fmt::format("required without `--{}`", fmt::join(option.unless, "`, `--"));
  }
  if (option.positional) allowed = "FILE...";
  return fmt::format("| `{}{}` | {} | {} | {} |\n", option.positional ? "" : "--", option.name,
                     cell(option.help), cell(allowed), initial);
}

// Filled with the commands, a case for each option of fixed choices, and one for each command's
// flags.
constexpr const char* kBashCompletion =
    R"(# Completion of reaugkd for bash, written by reaugkd --completion bash.
_reaugkd() {{
  local first=1 more='--ranks --help --version --completion'
  if [ "${{COMP_WORDS[1]}}" = --ranks ] && [ "$COMP_CWORD" -gt 1 ]; then
    first=3 more=''
    [ "${{COMP_WORDS[2]}}" = = ] && first=4
  fi
  local current=${{COMP_WORDS[COMP_CWORD]}} command=${{COMP_WORDS[first]}} choices='' flags=''
  [ "$COMP_CWORD" -lt "$first" ] && return
  if [ "$COMP_CWORD" -eq "$first" ]; then
    COMPREPLY=($(compgen -W "{} $more" -- "$current"))
    return
  fi
  case "$command ${{COMP_WORDS[COMP_CWORD-1]}}" in
{}  esac
  case "$command" in
{}  esac
  if [ -n "$choices" ]; then
    COMPREPLY=($(compgen -W "$choices" -- "$current"))
  elif [ "${{current:0:1}}" = - ]; then
    COMPREPLY=($(compgen -W "$flags" -- "$current"))
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  fi
}}
complete -o filenames -F _reaugkd reaugkd
)";

constexpr const char* kZshCompletion = R"(#compdef reaugkd
# Completion of reaugkd for zsh, written by reaugkd --completion zsh.
_reaugkd() {{
  local choices='' flags='' more='--ranks --help --version --completion'
  if [[ $words[2] == --ranks ]] && (( CURRENT > 2 )); then
    (( CURRENT == 3 )) && return
    words=("$words[1]" "${{(@)words[4,-1]}}")
    (( CURRENT -= 2 ))
    more=''
  elif [[ $words[2] == --ranks=* ]] && (( CURRENT > 2 )); then
    words=("$words[1]" "${{(@)words[3,-1]}}")
    (( CURRENT -= 1 ))
    more=''
  fi
  local command=$words[2]
  if (( CURRENT == 2 )); then
    compadd -- {} $=more
    return
  fi
  case "$command $words[CURRENT-1]" in
{}  esac
  case "$command" in
{}  esac
  if [[ -n $choices ]]; then
    compadd -- $=choices
  elif [[ $PREFIX == -* ]]; then
    compadd -- $=flags
  else
    _files
  fi
}}
# Found by compinit in $fpath, or sourced.
if [[ $funcstack[1] == _reaugkd ]]; then
  _reaugkd "$@"
else
  compdef _reaugkd reaugkd
fi
)";

}  // namespace

std::string completion_script(const std::vector<Command>& commands, const std::string& shell) {
  if (shell != "bash" && shell != "zsh") {
    throw base::ConfigError("--completion: \"{}\" is not one of bash, zsh{}", shell,
                            base::did_you_mean(shell, {"bash", "zsh"}));
  }
  std::vector<std::string> names;
  std::string choices;
  std::string flags;
  for (const auto& command : commands) {
    names.push_back(command.name);
    const auto fields = command.fields();
    for (const auto& option : fields.options()) {
      if (option.choices.empty()) continue;
      choices += fmt::format("    '{} --{}') choices='{}' ;;\n", command.name, option.name,
                             fmt::join(option.choices, " "));
    }
    flags += fmt::format("    {}) flags='{}' ;;\n", command.name, fmt::join(flags_of(fields), " "));
  }
  return fmt::format(fmt::runtime(shell == "zsh" ? kZshCompletion : kBashCompletion),
                     fmt::join(names, " "), choices, flags);
}

std::string option_tables(const std::vector<Command>& commands) {
  std::string text =
      "# Options\n\nWritten by `make options` from the lists behind `--help`; "
      "a test holds it equal to them.\n";
  for (const auto& command : commands) {
    text += fmt::format("\n## {}\n\n{}\n", command.name, command.description);
    const auto fields = command.fields();
    std::string group;
    for (const auto& option : fields.options()) {
      if (option.group != group) {
        group = option.group;
        text += fmt::format(
            "\n### {}: {}\n\n| option | what | values | default |\n| --- | --- | --- | --- |\n",
            command.name, group);
      }
      text += option_row(option);
    }
  }
  return text +
         "\nEvery command also takes `--config FILE.json` (options, or a `run.json` to repeat), "
         "`--quiet`, `--verbose`, `--rank-timeout SECONDS` (how long a rank waits for another) and "
         "`--help`.\n";
}

}  // namespace reaugkd::apps
