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
