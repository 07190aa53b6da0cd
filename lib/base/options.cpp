#include "base/options.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <type_traits>

#include "base/error.h"
#include "base/names.h"

namespace reaugkd::base {
namespace {

template <typename T>
struct IsVector : std::false_type {};
template <typename T>
struct IsVector<std::vector<T>> : std::true_type {};
template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};

template <typename T>
std::string type_name_of() {
  if constexpr (IsVector<T>::value || IsOptional<T>::value) {
    const std::string inner = type_name_of<typename T::value_type>();
    return IsVector<T>::value ? inner + ",..." : inner;
  } else if constexpr (std::is_same_v<T, std::string>) {
    return "TEXT";
  } else if constexpr (std::is_same_v<T, std::int64_t>) {
    return "INT";
  } else if constexpr (std::is_same_v<T, double>) {
    return "FLOAT";
  } else {
    return "BOOL";
  }
}

template <typename T>
std::string text_of(const T& value) {
  if constexpr (IsVector<T>::value) {
    std::string text;
    for (const auto& entry : value) text += (text.empty() ? "" : ",") + text_of(entry);
    return text;
  } else if constexpr (IsOptional<T>::value) {
    return value ? text_of(*value) : "";
  } else {
    return fmt::format("{}", value);
  }
}

/// What JSON is to hold.
template <typename T>
std::string kind_of() {
  if constexpr (IsVector<T>::value) {
    return "a list, each entry " + kind_of<typename T::value_type>();
  } else if constexpr (IsOptional<T>::value) {
    return kind_of<typename T::value_type>() + " or null";
  } else if constexpr (std::is_same_v<T, std::string>) {
    return "a text";
  } else if constexpr (std::is_same_v<T, bool>) {
    return "true or false";
  } else {
    return std::is_integral_v<T> ? "a whole number" : "a number";
  }
}

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t\n");
  return begin == text.npos ? "" : text.substr(begin, text.find_last_not_of(" \t\n") + 1 - begin);
}

template <typename T>
T parse(const std::string& text, const std::string& flag) {
  if constexpr (IsVector<T>::value) {
    T list;
    for (std::size_t begin = 0; begin <= text.size() && !text.empty();) {
      const std::size_t end = std::min(text.find(',', begin), text.size());
      list.push_back(parse<typename T::value_type>(trimmed(text.substr(begin, end - begin)), flag));
      begin = end + 1;
    }
    return list;
  } else if constexpr (IsOptional<T>::value) {
    return parse<typename T::value_type>(text, flag);
  } else if constexpr (std::is_same_v<T, std::string>) {
    return text;
  } else if constexpr (std::is_same_v<T, bool>) {
    if (text != "true" && text != "false") {
      throw ConfigError("--{}: expected true or false, got \"{}\"", flag, text);
    }
    return text == "true";
  } else {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) {
      throw ConfigError("--{}: expected {}{}, got \"{}\"", flag,
                        std::is_integral_v<T> ? "a whole number" : "a number",
                        error == std::errc::result_out_of_range ? " of less magnitude" : "", text);
    }
    return value;
  }
}

/// JSON's own conversion would cut 8.7 to 8. Throws ConfigError.
std::int64_t whole_number(const Json& json) {
  if (!json.is_number_integer()) throw ConfigError("not a whole number");
  return json.get<std::int64_t>();
}

/// As a POSIX shell takes it for one word.
std::string shell_word(const std::string& text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view("_-./,:=+@%").find(c) != std::string_view::npos;
  });
  if (plain) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace

std::string json_key(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

std::string with_flags(std::string message) {
  for (auto begin = message.find('`'); begin != message.npos; begin = message.find('`', begin)) {
    const auto end = message.find('`', begin + 1);
    if (end == message.npos) break;
    std::string key = message.substr(begin + 1, end - begin - 1);
    const bool is_key = !key.empty() && std::all_of(key.begin(), key.end(), [](unsigned char c) {
      return std::isalnum(c) != 0 || c == '_';
    });
    if (!is_key) {
      begin = end;
      continue;
    }
    std::replace(key.begin(), key.end(), '_', '-');
    message.replace(begin, end + 1 - begin, "--" + key);
    begin += key.size() + 2;
  }
  return message;
}

constexpr double kUnbounded = 1e300;

std::string Range::text() const {
  if (high >= kUnbounded) return fmt::format("{} {}", low_open ? ">" : ">=", low);
  return fmt::format("{}{}, {}{}", low_open ? '(' : '[', low, high, high_open ? ')' : ']');
}

bool Range::contains(double value) const {
  return (low_open ? value > low : value >= low) &&
         (high >= kUnbounded || (high_open ? value < high : value <= high));
}

std::string Option::key() const {
  return json_key(name);
}

std::string Option::flag() const {
  return (name.size() == 1 ? "-" : "--") + name;
}

bool Option::is_flag() const {
  return std::holds_alternative<bool*>(target);
}

std::string Option::type_name() const {
  return std::visit(
      [](auto* value) { return type_name_of<std::remove_reference_t<decltype(*value)>>(); },
      target);
}

std::string Option::value_text() const {
  return std::visit([](auto* value) { return text_of(*value); }, target);
}

void Option::set_text(const std::string& text) const {
  std::visit(
      [&](auto* value) { *value = parse<std::remove_reference_t<decltype(*value)>>(text, name); },
      target);
  check();
}

void Option::set_texts(const std::vector<std::string>& texts) const {
  *std::get<std::vector<std::string>*>(target) = texts;
}

void Option::set_json(const Json& json) const {
  std::visit(
      [&](auto* value) {
        using T = std::remove_reference_t<decltype(*value)>;
        try {
          if constexpr (std::is_same_v<T, std::optional<std::int64_t>>) {
            *value = json.is_null() ? T{} : T{whole_number(json)};
          } else if constexpr (IsOptional<T>::value) {
            *value = json.is_null() ? T{} : T{json.get<typename T::value_type>()};
          } else if constexpr (std::is_same_v<T, std::int64_t>) {
            *value = whole_number(json);
          } else if constexpr (std::is_same_v<T, std::vector<std::int64_t>>) {
            T list;
            for (const Json& entry : json.get<std::vector<Json>>())
              list.push_back(whole_number(entry));
            *value = list;
          } else {
            *value = json.get<T>();
          }
        } catch (const std::exception&) {
          throw ConfigError("config key \"{}\": cannot take {}, expected {}", key(), json.dump(),
                            kind_of<T>());
        }
      },
      target);
  check();
}

Json Option::to_json() const {
  return std::visit(
      [](auto* value) -> Json {
        using T = std::remove_reference_t<decltype(*value)>;
        if constexpr (IsOptional<T>::value) {
          return *value ? Json(**value) : Json(nullptr);
        } else if constexpr (std::is_same_v<T, std::string>) {
          return json_text(*value);
        } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
          Json list = Json::array();
          for (const auto& text : *value) list.push_back(json_text(text));
          return list;
        } else {
          return *value;
        }
      },
      target);
}

void Option::check() const {
  const auto check_number = [&](double number) {
    if (!std::isfinite(number) || (range && !range->contains(number))) {
      const std::string finite = std::isfinite(number) ? ""
                                 : range               ? "a finite number "
                                                       : "a finite number";
      throw ConfigError("--{}: {} is out of range, expected {}{}", name, number, finite,
                        range ? range->text() : "");
    }
  };
  std::visit(
      [&](auto* value) {
        using T = std::remove_reference_t<decltype(*value)>;
        if constexpr (std::is_same_v<T, std::string>) {
          if (!choices.empty() &&
              std::find(choices.begin(), choices.end(), *value) == choices.end()) {
            throw ConfigError("--{}: \"{}\" is not one of {}{}", name, *value,
                              fmt::join(choices, ", "), did_you_mean(*value, choices));
          }
        } else if constexpr (std::is_same_v<T, std::int64_t> || std::is_same_v<T, double>) {
          check_number(static_cast<double>(*value));
        } else if constexpr (IsOptional<T>::value) {
          if (*value) check_number(static_cast<double>(**value));
        } else if constexpr (std::is_same_v<T, std::vector<std::int64_t>> ||
                             std::is_same_v<T, std::vector<double>>) {
          for (const auto entry : *value) check_number(static_cast<double>(entry));
        }
      },
      target);
}

void OptionList::set_json(const Json& object, const std::string& where) const {
  const bool is_run = object.is_object() && object.contains("options");
  if (is_run && object.value("format", Json(kRunFormat)) != kRunFormat) {
    throw ConfigError("{}: found format {}, supported is {}: a newer reaugkd wrote it", where,
                      object["format"].dump(), kRunFormat);
  }
  const Json& values = is_run ? object["options"] : object;
  if (!values.is_object()) throw ConfigError("{}: expected a JSON object of options", where);
  for (const auto& [key, value] : values.items()) {
    const std::string& wanted = key;
    const auto found = std::find_if(options_.begin(), options_.end(),
                                    [&](const Option& option) { return option.key() == wanted; });
    if (found == options_.end()) {
      std::vector<std::string> known;
      for (const auto& option : options_) known.push_back(option.key());
      throw ConfigError("{}: unknown key \"{}\"{} --help lists the options of this command", where,
                        shortened(key), did_you_mean(key, known));
    }
    found->set_json(value);
  }
}

Json OptionList::to_json() const {
  Json object = Json::object();
  for (const auto& option : options_) object[option.key()] = option.to_json();
  return object;
}

std::string OptionList::flags_beside(const OptionList& defaults) const {
  std::string text;
  for (std::size_t i = 0; i < options_.size(); ++i) {
    const Option& option = options_[i];
    if (option.to_json() == defaults.options_.at(i).to_json()) continue;
    text += ' ' + option.flag();
    if (!option.is_flag()) text += ' ' + shell_word(option.value_text());
  }
  return text;
}

Option& OptionList::at(const std::string& name) {
  const auto found = std::find_if(options_.begin(), options_.end(),
                                  [&](const Option& option) { return option.name == name; });
  REAUGKD_CHECK(found != options_.end(), "no option {}", name);
  return *found;
}

void OptionList::check_required() const {
  const auto given = [&](const std::string& name) {
    return std::any_of(options_.begin(), options_.end(), [&](const Option& option) {
      return option.name == name && !option.value_text().empty();
    });
  };
  for (const auto& option : options_) {
    const bool excused = std::any_of(option.unless.begin(), option.unless.end(), given);
    if (option.required && !excused && option.value_text().empty()) {
      throw ConfigError("--{} is required: {}", option.name, option.help);
    }
  }
}

}  // namespace reaugkd::base
