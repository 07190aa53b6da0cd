// Messages of the library name options by key; people type flags.
#include "base/options.h"

#include "catch.h"

using reaugkd::base::with_flags;

TEST_CASE("keys in backticks become flags", "[options]") {
  CHECK(with_flags("`learning_rate` is 0: take `tau` 1") == "--learning-rate is 0: take --tau 1");
  CHECK(with_flags("`M`") == "--M");
}

TEST_CASE("what is no key stays", "[options]") {
  CHECK(with_flags("plain") == "plain");
  CHECK(with_flags("a ` alone") == "a ` alone");
  CHECK(with_flags("`two words` and `k`") == "`two words` and --k");
  CHECK(with_flags("``") == "``");
}
