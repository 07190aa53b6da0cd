// Lines that fit a terminal of 80 columns. Used by eval's table.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace reaugkd::evaluation {

inline constexpr std::size_t kScreenColumns = 80;

/// Columns of a terminal that UTF-8 text takes up: two for East Asian characters and emoji.
std::size_t columns_of(std::string_view text);

/// The text, or as much of it as fits with "..." behind it.
std::string shortened(std::string_view text, std::size_t columns);

/// The text and spaces behind it, at least so many columns.
std::string padded(std::string text, std::size_t columns);

/// `lead` and `parts` with ", " between them, in lines that break between two parts; further lines
/// begin with four spaces. Ends with a line end.
std::string parts_lines(const std::string& lead, const std::vector<std::string>& parts);

/// The same with breaks at spaces.
std::string words_lines(const std::string& lead, const std::string& text);

std::int64_t count_lines(std::string_view text);

}  // namespace reaugkd::evaluation
