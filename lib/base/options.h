// The list of options of a stage: the one place from which its flags, its JSON and its validation
// come. A stage keeps plain struct members with defaults; OptionList points at them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/json.h"

namespace reaugkd::base {

/// Of run.json, whose options OptionList::set_json takes.
inline constexpr int kRunFormat = 1;

/// A closed or half-open range of numbers; `text` is how --help and errors print it.
struct Range {
  double low;
  double high;
  bool low_open = false;
  bool high_open = false;
  std::string text() const;
  bool contains(double value) const;
};

inline const Range kPositive{0, 1e300, true, true};
inline const Range kNotNegative{0, 1e300, false, true};
inline const Range kUnit{0, 1};
inline const Range kAtLeastOne{1, 1e300, false, true};
inline const Range kCount{1, 1e6};  // of rows at once, of passes

/// "max-seq-length" -> "max_seq_length", as in run.json.
std::string json_key(std::string name);

/// A message in which an option's key stands in backticks ("`tau` is 0") with the flag in their
/// place ("--tau is 0"). Below the stages nobody knows that options are flags.
std::string with_flags(std::string message);

struct Option {
  using Target =
      std::variant<std::string*, std::int64_t*, double*, bool*, std::optional<std::int64_t>*,
                   std::optional<double>*, std::vector<std::string>*, std::vector<std::int64_t>*,
                   std::vector<double>*>;

  std::string name;   // "max-seq-length": the flag without "--"; '-' becomes '_' in JSON
  std::string group;  // heading in --help
  Target target;
  std::string help;
  std::optional<Range> range = {};        // numbers, and each entry of a list
  std::vector<std::string> choices = {};  // strings
  bool required = false;
  std::vector<std::string> unless = {};  // not required where one of these options is given
  /// Read only where another option has one of these values: --pkd-layers with --method pkd.
  struct OnlyWith {
    std::string option;
    std::vector<std::string> values;
  };
  std::optional<OnlyWith> only_with = {};
  bool positional = false;  // on the command line without a flag, any number of values: a list

  std::string key() const;         // in JSON
  bool is_flag() const;            // a bool: the flag takes no value
  std::string type_name() const;   // "TEXT", "INT", "FLOAT", "INT,..." for --help
  std::string value_text() const;  // the present value as a flag would take it
  std::string flag() const;        // "--max-seq-length", "-M"
  /// Sets the value from a flag's text. Throws ConfigError naming the flag.
  void set_text(const std::string& text) const;
  /// Sets a list of texts, as positional values come: one with a comma stays whole.
  void set_texts(const std::vector<std::string>& texts) const;
  /// Sets the value from JSON of the matching type. Throws ConfigError naming the key.
  void set_json(const Json& value) const;
  Json to_json() const;

 private:
  void check() const;
};

class OptionList {
 public:
  void add(Option option) { options_.push_back(std::move(option)); }
  const std::vector<Option>& options() const { return options_; }
  std::vector<Option>& options() { return options_; }
  /// The option of this name, which exists.
  Option& at(const std::string& name);

  /// Sets what the object names; run.json's {"options": {...}} is accepted too. Throws ConfigError
  /// on an unknown key, naming the nearest one.
  void set_json(const Json& object, const std::string& where) const;
  Json to_json() const;
  /// " --name value ..." for a shell: what sets each option whose value is another than in
  /// `defaults`, a list of the same options.
  std::string flags_beside(const OptionList& defaults) const;
  /// Throws ConfigError naming the first required option that is still empty.
  void check_required() const;

 private:
  std::vector<Option> options_;
};

}  // namespace reaugkd::base
