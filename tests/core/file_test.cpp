#include "core/file.h"

#include <filesystem>

#include "catch.h"
#include "core/error.h"
#include "core/json.h"
#include "core/random.h"
#include "core/sha256.h"
#include "temporary_directory.h"

namespace core = reaugkd::core;
namespace fs = std::filesystem;
using reaugkd::tests::TemporaryDirectory;

TEST_CASE("an atomic file appears whole or not at all", "[file]") {
  const TemporaryDirectory directory;
  const fs::path path = directory.path() / "a.txt";
  core::write_file(path, "old");
  {
    core::AtomicFile file(path);
    file.write("half of the new");
    CHECK(core::read_file(path) == "old");
  }
  CHECK(core::read_file(path) == "old");
  CHECK(std::distance(fs::directory_iterator(directory.path()), {}) == 1);
  core::write_file(path, std::string("new\0bytes", 9));
  CHECK(core::read_file(path) == std::string("new\0bytes", 9));
}

TEST_CASE("files that cannot be read or written say so", "[file]") {
  const TemporaryDirectory directory;
  CHECK_THROWS_AS(core::read_file(directory.path() / "none"), core::IoError);
  CHECK_THROWS_AS(core::read_file(directory.path()), core::IoError);
  CHECK_THROWS_AS(core::write_file(directory.path() / "none" / "a", "x"), core::IoError);
  core::write_file(directory.path() / "bad.json", "{\"a\": ");
  CHECK_THROWS_AS(core::read_json(directory.path() / "bad.json"), core::ArtifactError);
}

TEST_CASE("sha256 equals the published vectors", "[sha256]") {
  CHECK(core::sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(core::sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const TemporaryDirectory directory;
  std::string bytes(13'000'000, '\0');
  core::Random random(1);
  for (char& byte : bytes) byte = static_cast<char>(random.below(256));
  // Files are read in blocks of 4 MiB.
  const std::size_t block = std::size_t{4} << 20;
  for (const auto size :
       {std::size_t{0}, std::size_t{3}, block, block + 1, 2 * block, bytes.size()}) {
    core::write_file(directory.path() / "x", std::string_view(bytes).substr(0, size));
    CHECK(core::sha256_of_file(directory.path() / "x") ==
          core::sha256(std::string_view(bytes).substr(0, size)));
  }
}

TEST_CASE("differences name nested keys and paths", "[json]") {
  const core::Json before = {{"options", {{"tau", 0.1}, {"k", 4}}}, {"inputs", {{"/a/b", "x"}}}};
  const core::Json now = {{"options", {{"tau", 0.2}, {"k", 4}, {"M", 8}}},
                          {"inputs", {{"/a/b", "y"}}}};
  CHECK(core::differences(before, before).empty());
  CHECK(core::differences(before, now) ==
        std::vector<std::string>{"options.tau was 0.1, is 0.2", "options.M was absent, is 8",
                                 "inputs./a/b was \"x\", is \"y\""});
}

TEST_CASE("a JSON file is an object, and whole numbers are whole", "[json]") {
  const TemporaryDirectory directory;
  const fs::path path = directory.path() / "x.json";
  core::write_file(path, "[1]");
  CHECK_THROWS_WITH(core::read_json(path),
                    ContainsSubstring("found array, expected a JSON object"));
  const core::Json json = {
      {"half", 2.5}, {"yes", true}, {"minus", -1}, {"n", 3}, {"large", 1ULL << 63}};
  CHECK(core::json_at<std::int64_t>(json, "n", "x") == 3);
  CHECK(core::json_at<std::int64_t>(json, "minus", "x") == -1);
  for (const char* key : {"half", "yes", "large"}) {
    CHECK_THROWS_AS(core::json_at<std::int64_t>(json, key, "x"), core::ArtifactError);
  }
  CHECK_THROWS_AS(core::json_at<std::uint64_t>(json, "minus", "x"), core::ArtifactError);
}

TEST_CASE("an appended file goes on where it was left, and not behind its end", "[file]") {
  const TemporaryDirectory directory;
  const fs::path path = directory.path() / "log";
  {
    core::AppendedFile log(path, 0);
    log.write("one\n");
    log.write("two\n");
    log.sync();
  }
  { core::AppendedFile(path, 4).write("three\n"); }
  CHECK(core::read_file(path) == "one\nthree\n");
  CHECK_THROWS_WITH((core::AppendedFile(path, 100)), ContainsSubstring("has 10 bytes"));
  CHECK(core::read_file(path) == "one\nthree\n");
  CHECK_THROWS_AS((core::AppendedFile(directory.path() / "none" / "log", 0)), core::IoError);
}
