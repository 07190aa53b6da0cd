#include "core/output_directory.h"

#include <unistd.h>

#include <filesystem>

#include "catch.h"
#include "core/error.h"
#include "core/file.h"
#include "temporary_directory.h"

namespace core = reaugkd::core;
namespace fs = std::filesystem;
using reaugkd::tests::TemporaryDirectory;

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
    core::write_file(path / "run.json", "{}");
    output.remove_if_only({"run.log"});
  }
  CHECK(fs::exists(path / "run.log"));
  {
    core::OutputDirectory output(path, core::OutputMode::kResume);
    fs::remove(path / "run.json");
    output.remove_if_only({"run.log"});
  }
  CHECK(fs::exists(path / "run.log"));  // an earlier run's
}

TEST_CASE("an output directory is never overwritten by accident", "[output]") {
  const TemporaryDirectory root;
  const fs::path path = root.path() / "a" / "run";
  { const core::OutputDirectory output(path, core::OutputMode::kFresh); }
  core::write_file(path / "run.json", "{}");
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
                        ContainsSubstring("process " + std::to_string(::getpid())));
    }
  }
  CHECK_FALSE(fs::exists(path / ".lock"));
  core::write_file(path / "run.json", "{}");
  core::write_file(path / "model", "old");
  {
    const core::OutputDirectory first(path, core::OutputMode::kOverwrite);
    CHECK_THROWS_AS(core::OutputDirectory(path, core::OutputMode::kOverwrite), core::ConfigError);
  }
  // What a killed run left: a lock that nobody holds, half-written files, half of an overwrite.
  core::write_file(path / ".lock", "process 1 on nowhere");
  core::write_file(path / "model.tmp-123", "half");
  fs::create_directories(path / "trajectory" / "anchor-1");
  core::write_file(path / "trajectory" / "anchor-1" / "model.tmp-123", "half");
  fs::create_directory(root.path() / "run.tmp-overwrite");
  core::write_file(root.path() / "run.tmp-overwrite" / "stale", "");
  { const core::OutputDirectory second(path, core::OutputMode::kResume); }
  CHECK_FALSE(fs::exists(path / "model.tmp-123"));
  CHECK(fs::is_empty(path / "trajectory" / "anchor-1"));
  CHECK(core::read_file(path / "model") == "old");
  {
    core::OutputDirectory third(path, core::OutputMode::kOverwrite);
    CHECK_FALSE(fs::exists(third.path() / "stale"));
    third.finish();
  }
  CHECK(fs::is_empty(path));
  CHECK_FALSE(fs::exists(root.path() / "run.tmp-overwrite"));
}

TEST_CASE("a lock that nobody holds is cleared, another's stays", "[output]") {
  const TemporaryDirectory root;
  core::clear_lock(root.path());
  CHECK(fs::is_empty(root.path()));
  core::write_file(root.path() / ".lock", "process 1 on nowhere");
  core::clear_lock(root.path());
  CHECK(fs::is_empty(root.path()));
  const core::DirectoryLock held(root.path());
  core::clear_lock(root.path());
  CHECK(fs::exists(root.path() / ".lock"));
}

TEST_CASE("what is not a run's directory stays as it is", "[output]") {
  const TemporaryDirectory root;
  core::write_file(root.path() / "letter", "dear");
  core::write_file(root.path() / "metrics.json", "{}");
  for (const auto mode :
       {core::OutputMode::kFresh, core::OutputMode::kResume, core::OutputMode::kOverwrite}) {
    CHECK_THROWS_AS(core::OutputDirectory(root.path(), mode), core::ConfigError);
  }
  CHECK(core::read_file(root.path() / "letter") == "dear");
  CHECK(fs::exists(root.path() / "metrics.json"));
  CHECK_FALSE(fs::exists(root.path() / ".lock"));
  fs::remove(root.path() / "letter");  // what a run leaves that is killed before run.json is whole
  fs::remove(root.path() / "metrics.json");
  core::write_file(root.path() / "run.log", "");
  core::write_file(root.path() / "run.json.tmp-1", "");
  { const core::OutputDirectory output(root.path(), core::OutputMode::kResume); }
  CHECK_FALSE(fs::exists(root.path() / "run.json.tmp-1"));
}

TEST_CASE("--overwrite through a link replaces what it points to", "[output]") {
  const TemporaryDirectory root;
  fs::create_directories(root.path() / "far" / "run");
  core::write_file(root.path() / "far" / "run" / "run.json", "old");
  fs::create_directory_symlink(root.path() / "far" / "run", root.path() / "link");
  {
    core::OutputDirectory output(root.path() / "link", core::OutputMode::kOverwrite);
    core::write_file(output.path() / "run.json", "new");
    output.finish();
  }
  CHECK(fs::is_symlink(root.path() / "link"));
  CHECK(core::read_file(root.path() / "far" / "run" / "run.json") == "new");
  CHECK(std::distance(fs::directory_iterator(root.path() / "far"), {}) == 1);
}

TEST_CASE("a directory that was renamed away and not replaced is put back", "[output]") {
  const TemporaryDirectory root;
  fs::create_directory(root.path() / "run.tmp-old");
  core::write_file(root.path() / "run.tmp-old" / "run.json", "old");
  const core::OutputDirectory output(root.path() / "run", core::OutputMode::kResume);
  CHECK(core::read_file(root.path() / "run" / "run.json") == "old");
}

TEST_CASE("a path that leaves no room for the files' names is refused at once", "[output]") {
  const TemporaryDirectory root;
  fs::path path = root.path();
  while (path.string().size() < 4010) path /= std::string(200, 'd');
  CHECK_THROWS_WITH((core::OutputDirectory(path, core::OutputMode::kFresh)),
                    ContainsSubstring("too long"));
  CHECK(fs::is_empty(root.path()));
}

TEST_CASE("a run that has not finished is no input", "[output]") {
  const TemporaryDirectory root;
  CHECK_THROWS_AS(core::require_finished(root.path() / "none"), core::ArtifactError);
  CHECK_NOTHROW(core::require_finished(root.path()));  // a model from elsewhere
  core::write_file(root.path() / "run.json", "{}");
  CHECK_THROWS_WITH(core::require_finished(root.path()), ContainsSubstring("has not finished"));
  core::write_file(root.path() / "metrics.json", "{}");
  CHECK_NOTHROW(core::require_finished(root.path()));
}
