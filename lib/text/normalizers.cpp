#include <array>
#include <functional>

#include "base/error.h"
#include "text/charsmap.h"
#include "text/normal_form.h"
#include "text/normalizer.h"
#include "text/pattern.h"
#include "text/unicode.h"

namespace reaugkd::text {
namespace {

/// What each code point becomes, whatever its neighbors.
template <typename Append>
std::string by_character(std::string_view text, const Append& append) {
  std::string result;
  result.reserve(text.size() + text.size() / 4);
  for (std::size_t position = 0; position < text.size();) {
    append(next_code_point(text, position), result);
  }
  return result;
}

/// One of the small normalizers.
class FunctionNormalizer : public Normalizer {
 public:
  using Function = std::function<std::string(std::string)>;
  explicit FunctionNormalizer(Function function) : function_(std::move(function)) {}
  std::string apply(std::string text) const override { return function_(std::move(text)); }

 private:
  Function function_;
};

std::unique_ptr<Normalizer> made(FunctionNormalizer::Function function) {
  return std::make_unique<FunctionNormalizer>(std::move(function));
}

std::unique_ptr<Normalizer> form(NormalForm form) {
  return made([form](std::string text) {
    return is_ascii(text) ? std::move(text) : normal_form(text, form);
  });
}

std::string cleaned(std::string_view text) {
  return by_character(text, [](char32_t code_point, std::string& result) {
    if (code_point == 0 || code_point == kReplacementCharacter || is_control(code_point)) return;
    append_utf8(is_whitespace(code_point) ? U' ' : code_point, result);
  });
}

std::string with_chinese_apart(std::string_view text) {
  return by_character(text, [](char32_t code_point, std::string& result) {
    if (is_chinese(code_point)) {
      result += ' ';
      append_utf8(code_point, result);
      result += ' ';
    } else {
      append_utf8(code_point, result);
    }
  });
}

std::string without(std::string_view text, bool (*dropped)(char32_t)) {
  return by_character(text, [dropped](char32_t code_point, std::string& result) {
    if (!dropped(code_point)) append_utf8(code_point, result);
  });
}

std::string lower_cased(std::string text) {
  if (!is_ascii(text)) return lower_case(text);
  for (char& byte : text) {
    if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte - 'A' + 'a');
  }
  return text;
}

std::unique_ptr<Normalizer> bert(const Component& component) {
  const bool clean = component.flag("clean_text", true);
  const bool chinese = component.flag("handle_chinese_chars", true);
  const bool lower = component.flag("lowercase", true);
  const bool strip = component.flag("strip_accents", lower);
  return made([=](std::string text) {
    if (clean) text = cleaned(text);
    if (chinese) text = with_chinese_apart(text);
    if (strip) text = without(normal_form(text, NormalForm::kNfd), is_nonspacing_mark);
    return lower ? lower_cased(std::move(text)) : text;
  });
}

std::unique_ptr<Normalizer> strip(const Component& component) {
  const bool left = component.flag("strip_left", true);
  const bool right = component.flag("strip_right", true);
  return made([=](std::string text) {
    std::size_t begin = text.size();
    std::size_t end = 0;  // of what is no white space
    for (std::size_t position = 0; position < text.size();) {
      const std::size_t before = position;
      if (is_white_space_property(next_code_point(text, position))) continue;
      begin = std::min(begin, before);
      end = position;
    }
    if (end == 0) return left || right ? std::string() : text;
    if (right) text.resize(end);
    if (left) text.erase(0, begin);
    return text;
  });
}

std::unique_ptr<Normalizer> replace(const Component& component) {
  return made(
      [pattern = read_pattern(component), content = component.text("content")](std::string text) {
        auto match = pattern.search(text, 0);
        if (!match) return text;
        std::string result;
        std::size_t done = 0;
        for (; match; match = pattern.search(text, done)) {
          result.append(text, done, match->begin - done);
          result += content;
          done = match->end;
        }
        result.append(text, done);
        return result;
      });
}

std::unique_ptr<Normalizer> prepend(const Component& component) {
  return made([before = component.text("prepend")](const std::string& text) {
    return text.empty() ? text : before + text;
  });
}

/// sentencepiece's own cleaning of control characters and of what counts as a space.
std::string nmt(std::string_view text) {
  return by_character(text, [](char32_t c, std::string& result) {
    const bool control = (c >= 1 && c <= 8) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F ||
                         c == 0x8F || c == 0x9F;
    if (control) return;
    const bool space = c == '\t' || c == '\n' || c == '\f' || c == '\r' || c == 0x1680 ||
                       (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
                       c == 0xFEFF || c == kReplacementCharacter;
    append_utf8(space ? U' ' : c, result);
  });
}

std::unique_ptr<Normalizer> precompiled(const Component& component) {
  const std::string where = component.where("precompiled_charsmap");
  if (!component.has("precompiled_charsmap")) return nullptr;
  const std::string bytes = from_base64(component.text("precompiled_charsmap"), where);
  return bytes.empty() ? nullptr : std::make_unique<Charsmap>(bytes, where);
}

struct Maker {
  const char* type;
  std::unique_ptr<Normalizer> (*make)(const Component&);
};

const std::array<Maker, 12> kMakers = {{
    {"BertNormalizer", bert},
    {"NFC", [](const Component&) { return form(NormalForm::kNfc); }},
    {"NFD", [](const Component&) { return form(NormalForm::kNfd); }},
    {"NFKC", [](const Component&) { return form(NormalForm::kNfkc); }},
    {"NFKD", [](const Component&) { return form(NormalForm::kNfkd); }},
    {"Lowercase", [](const Component&) { return made(lower_cased); }},
    {"StripAccents",
     [](const Component&) {
       return made(
           [](const std::string& text) { return is_ascii(text) ? text : without(text, is_mark); });
     }},
    {"Strip", strip},
    {"Replace", replace},
    {"Prepend", prepend},
    {"Nmt", [](const Component&) { return made(nmt); }},
    {"Precompiled", precompiled},
}};

}  // namespace

Normalizers read_normalizers(const nlohmann::json& json, const std::string& where) {
  Normalizers normalizers;
  for (const Component& component : flat_components(json, where, "normalizers")) {
    std::string known;
    const Maker* found = nullptr;
    for (const Maker& maker : kMakers) {
      if (component.type() == maker.type) found = &maker;
      known += std::string(maker.type) + ", ";
    }
    if (found == nullptr) component.refuse_type(known + "Sequence");
    if (auto normalizer = found->make(component)) normalizers.push_back(std::move(normalizer));
  }
  return normalizers;
}

}  // namespace reaugkd::text
