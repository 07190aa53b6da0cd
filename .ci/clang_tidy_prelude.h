// Lets clang read LibTorch 1.13's headers as C++20 with GCC 12's library, for clang-tidy alone.
// They use std::vector<c10::IValue> before IValue is complete, which a constexpr vector does not
// allow: so here std::vector is not constexpr.
#include <memory>
#include <string>
#ifdef _GLIBCXX20_CONSTEXPR
#undef _GLIBCXX20_CONSTEXPR
#define _GLIBCXX20_CONSTEXPR
#define __fill_a1 __fill_a1_of_bits  // declared constexpr before
#include <vector>
#undef __fill_a1
#undef _GLIBCXX20_CONSTEXPR
#define _GLIBCXX20_CONSTEXPR constexpr
#endif
