#include "base/file.h"

#include <filesystem>

#include "base/error.h"
#include "base/json.h"
#include "base/random.h"
#include "base/sha256.h"
#include "catch.h"
#include "temporary_directory.h"

namespace base = reaugkd::base;
namespace fs = std::filesystem;
using reaugkd::tests::TemporaryDirectory;

TEST_CASE("an atomic file appears whole or not at all", "[file]") {
  const TemporaryDirectory directory;
  const fs::path path = directory.path() / "a.txt";
  base::write_file(path, "old");
  {
    base::AtomicFile file(path);
    file.write("half of the new");
    CHECK(base::read_file(path) == "old");
  }
  CHECK(base::read_file(path) == "old");
  CHECK(std::distance(fs::directory_iterator(directory.path()), {}) == 1);
  base::write_file(path, std::string("new\0bytes", 9));
  CHECK(base::read_file(path) == std::string("new\0bytes", 9));
}

TEST_CASE("files that cannot be read or written say so", "[file]") {
  const TemporaryDirectory directory;
  CHECK_THROWS_AS(base::read_file(directory.path() / "none"), base::IoError);
  CHECK_THROWS_AS(base::read_file(directory.path()), base::IoError);
  CHECK_THROWS_AS(base::write_file(directory.path() / "none" / "a", "x"), base::IoError);
  base::write_file(directory.path() / "bad.json", "{\"a\": ");
  CHECK_THROWS_AS(base::read_json(directory.path() / "bad.json"), base::ArtifactError);
}

TEST_CASE("sha256 equals the published vectors", "[sha256]") {
  CHECK(base::sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(base::sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const TemporaryDirectory directory;
  std::string bytes(13'000'000, '\0');
  base::Random random(1);
  for (char& byte : bytes) byte = static_cast<char>(random.below(256));
  // Files are read in blocks of 4 MiB.
  const std::size_t block = std::size_t{4} << 20;
  for (const auto size :
       {std::size_t{0}, std::size_t{3}, block, block + 1, 2 * block, bytes.size()}) {
    base::write_file(directory.path() / "x", std::string_view(bytes).substr(0, size));
    CHECK(base::sha256_of_file(directory.path() / "x") ==
          base::sha256(std::string_view(bytes).substr(0, size)));
  }
}

TEST_CASE("differences name nested keys and paths", "[json]") {
  const base::Json before = {{"options", {{"tau", 0.1}, {"k", 4}}}, {"inputs", {{"/a/b", "x"}}}};
  const base::Json now = {{"options", {{"tau", 0.2}, {"k", 4}, {"M", 8}}},
                          {"inputs", {{"/a/b", "y"}}}};
  CHECK(base::differences(before, before).empty());
  CHECK(base::differences(before, now) ==
        std::vector<std::string>{"options.tau was 0.1, is 0.2", "options.M was absent, is 8",
                                 "inputs./a/b was \"x\", is \"y\""});
}

TEST_CASE("a JSON file is an object, and whole numbers are whole", "[json]") {
  const TemporaryDirectory directory;
  const fs::path path = directory.path() / "x.json";
  base::write_file(path, "[1]");
  CHECK_THROWS_WITH(base::read_json(path),
                    ContainsSubstring("found array, expected a JSON object"));
  const base::Json json = {
      {"half", 2.5}, {"yes", true}, {"minus", -1}, {"n", 3}, {"large", 1ULL << 63}};
  CHECK(base::json_at<std::int64_t>(json, "n", "x") == 3);
  CHECK(base::json_at<std::int64_t>(json, "minus", "x") == -1);
  for (const char* key : {"half", "yes", "large"}) {
    CHECK_THROWS_AS(base::json_at<std::int64_t>(json, key, "x"), base::ArtifactError);
  }
  CHECK_THROWS_AS(base::json_at<std::uint64_t>(json, "minus", "x"), base::ArtifactError);
}

TEST_CASE("an appended file goes on where it was left, and not behind its end", "[file]") {
  const TemporaryDirectory directory;
  const fs::path path = directory.path() / "log";
  {
    base::AppendedFile log(path, 0);
    log.write("one\n");
    log.write("two\n");
    log.sync();
  }
  { base::AppendedFile(path, 4).write("three\n"); }
  CHECK(base::read_file(path) == "one\nthree\n");
  CHECK_THROWS_WITH((base::AppendedFile(path, 100)), ContainsSubstring("has 10 bytes"));
  CHECK(base::read_file(path) == "one\nthree\n");
  CHECK_THROWS_AS((base::AppendedFile(directory.path() / "none" / "log", 0)), base::IoError);
}
