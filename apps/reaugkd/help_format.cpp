#include "help_format.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <sstream>

namespace reaugkd::apps {
namespace {

constexpr std::size_t kNameColumn = 30;
constexpr std::size_t kNarrowest = 30;
constexpr std::size_t kEndless = std::numeric_limits<std::size_t>::max();

/// Columns of the terminal on stdout; no end of them in a pipe or a file.
std::size_t line_width() {
  winsize size{};
  const bool terminal = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return terminal ? size.ws_col : kEndless;
}

/// Broken between words; a word longer than `width` stands alone.
std::string wrapped(const std::string& text, std::size_t width) {
  std::istringstream words(text);
  std::string lines;
  std::size_t column = 0;
  for (std::string word; words >> word;) {
    if (column > 0 && column + 1 + word.size() > width) {
      lines += '\n';
      column = 0;
    } else if (column > 0) {
      lines += ' ';
      ++column;
    }
    lines += word;
    column += word.size();
  }
  return lines;
}

class HelpFormat : public CLI::Formatter {
 public:
  HelpFormat() { column_width(kNameColumn); }

  /// In a pipe without CLI11's line break after a long name.
  std::string make_option(const CLI::Option* option, bool is_positional) const override {
    std::string text = CLI::Formatter::make_option(option, is_positional);
    if (line_width_ != kEndless) return text;
    for (auto end = text.find('\n'); end != text.npos; end = text.find('\n', end + 1)) {
      const auto next = text.find_first_not_of(" \n", end);
      if (next != text.npos) text.replace(end, next - end, "  ");
    }
    return text;
  }

  std::string make_option_desc(const CLI::Option* option) const override {
    return wrapped(CLI::Formatter::make_option_desc(option), description_width_);
  }

 private:
  std::size_t line_width_ = line_width();
  std::size_t description_width_ = std::max(line_width_, kNameColumn + kNarrowest) - kNameColumn;
};

}  // namespace

std::shared_ptr<CLI::FormatterBase> help_format() {
  return std::make_shared<HelpFormat>();
}

}  // namespace reaugkd::apps
