// Catch2, version 2 or 3, for every test. Include torch before it: both define CHECK.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
#else
#include <catch2/catch.hpp>
// Catch2 3's name for it.
inline auto ContainsSubstring(const std::string& text) {  // NOLINT(readability-identifier-naming)
  return Catch::Matchers::Contains(text);
}
#endif
