#include "core/file.h"

#include <unistd.h>

#include <filesystem>

#include "catch.h"
#include "core/error.h"
#include "core/json.h"
#include "core/output_directory.h"
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
  const std::string large(3'000'000, 'x');
  core::write_file(directory.path() / "x", large);
  CHECK(core::sha256_of_file(directory.path() / "x") == core::sha256(large));
}

TEST_CASE("a run that failed at once leaves nothing, one that wrote something stays", "[output]") {
  const TemporaryDirectory root;
  const fs::path path = root.path() / "run";
  {
    core::OutputDirectory output(path, core::OutputMode::kFresh);
    core::write_file(path / "run.log", "failed");
    output.remove_if_only({"run.log"});
  }
  CHECK_FALSE(fs::exists(path));
  fs::create_directory(path);
  {
    core::OutputDirectory output(path, core::OutputMode::kFresh);
    core::write_file(path / "run.log", "failed");
    output.remove_if_only({"run.log"});
  }
  CHECK(fs::exists(path));  // the user's own empty directory
  CHECK(fs::is_empty(path));
  {
    core::OutputDirectory output(path, core::OutputMode::kFresh);
    core::write_file(path / "run.log", "failed");
    core::write_file(path / "train_log.jsonl", "{}");
    output.remove_if_only({"run.log"});
  }
  CHECK(fs::exists(path / "run.log"));
  {
    core::OutputDirectory output(path, core::OutputMode::kResume);
    fs::remove(path / "train_log.jsonl");
    output.remove_if_only({"run.log"});
  }
  CHECK(fs::exists(path / "run.log"));  // an earlier run's
}

TEST_CASE("an output directory is never overwritten by accident", "[output]") {
  const TemporaryDirectory root;
  const fs::path path = root.path() / "a" / "run";
  { const core::OutputDirectory output(path, core::OutputMode::kFresh); }
  core::write_file(path / "model", "old");
  CHECK_THROWS_AS(core::OutputDirectory(path, core::OutputMode::kFresh), core::ConfigError);
  {
    const core::OutputDirectory output(path, core::OutputMode::kResume);
    CHECK(output.path() == path);
  }
  {
    const core::OutputDirectory abandoned(path, core::OutputMode::kOverwrite);
    CHECK(abandoned.path() != path);
    core::write_file(abandoned.path() / "model", "half");
  }
  CHECK(core::read_file(path / "model") == "old");
  {
    core::OutputDirectory output(path, core::OutputMode::kOverwrite);
    core::write_file(output.path() / "model", "new");
    output.finish();
    CHECK(output.path() == path);
  }
  CHECK(core::read_file(path / "model") == "new");
  CHECK(std::distance(fs::directory_iterator(path.parent_path()), {}) == 1);
  core::write_file(root.path() / "file", "");
  CHECK_THROWS_AS(core::OutputDirectory(root.path() / "file", core::OutputMode::kFresh),
                  core::ConfigError);
}

TEST_CASE("a directory has one writer at a time", "[output]") {
  const TemporaryDirectory root;
  const fs::path path = root.path() / "run";
  {
    const core::OutputDirectory first(path, core::OutputMode::kFresh);
    for (const auto mode :
         {core::OutputMode::kFresh, core::OutputMode::kResume, core::OutputMode::kOverwrite}) {
      CHECK_THROWS_WITH(core::OutputDirectory(path, mode),
                        Catch::Contains("process " + std::to_string(::getpid())));
    }
  }
  CHECK_FALSE(fs::exists(path / ".lock"));
  core::write_file(path / "model", "old");
  {
    const core::OutputDirectory first(path, core::OutputMode::kOverwrite);
    CHECK_THROWS_AS(core::OutputDirectory(path, core::OutputMode::kOverwrite), core::ConfigError);
  }
  // What a killed run left: a lock that nobody holds, half-written files, half of an overwrite.
  core::write_file(path / ".lock", "process 1 on nowhere");
  core::write_file(path / "model.tmp-123", "half");
  fs::create_directory(root.path() / "run.new");
  core::write_file(root.path() / "run.new" / "stale", "");
  { const core::OutputDirectory second(path, core::OutputMode::kResume); }
  CHECK_FALSE(fs::exists(path / "model.tmp-123"));
  CHECK(core::read_file(path / "model") == "old");
  {
    core::OutputDirectory third(path, core::OutputMode::kOverwrite);
    CHECK_FALSE(fs::exists(third.path() / "stale"));
    third.finish();
  }
  CHECK(fs::is_empty(path));
  CHECK_FALSE(fs::exists(root.path() / "run.new"));
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
