#include "run/output_directory.h"

#include <unistd.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "catch.h"
#include "temporary_directory.h"

namespace base = reaugkd::base;
namespace run = reaugkd::run;
namespace fs = std::filesystem;
using reaugkd::tests::TemporaryDirectory;

TEST_CASE("a run that failed at once leaves nothing, one that wrote something stays", "[output]") {
  const TemporaryDirectory root;
  const fs::path path = root.path() / "run";
  {
    run::OutputDirectory output(path, run::OutputMode::kFresh);
    base::write_file(path / "run.log", "failed");
    output.remove_if_only({"run.log"});
  }
  CHECK_FALSE(fs::exists(path));
  fs::create_directory(path);
  {
    run::OutputDirectory output(path, run::OutputMode::kFresh);
    base::write_file(path / "run.log", "failed");
    output.remove_if_only({"run.log"});
  }
  CHECK(fs::exists(path));  // the user's own empty directory
  CHECK(fs::is_empty(path));
  {
    run::OutputDirectory output(path, run::OutputMode::kFresh);
    base::write_file(path / "run.log", "failed");
    base::write_file(path / "run.json", "{}");
    output.remove_if_only({"run.log"});
  }
  CHECK(fs::exists(path / "run.log"));
  {
    run::OutputDirectory output(path, run::OutputMode::kResume);
    fs::remove(path / "run.json");
    output.remove_if_only({"run.log"});
  }
  CHECK(fs::exists(path / "run.log"));  // an earlier run's
}

TEST_CASE("an output directory is never overwritten by accident", "[output]") {
  const TemporaryDirectory root;
  const fs::path path = root.path() / "a" / "run";
  { const run::OutputDirectory output(path, run::OutputMode::kFresh); }
  base::write_file(path / "run.json", "{}");
  base::write_file(path / "model", "old");
  CHECK_THROWS_AS(run::OutputDirectory(path, run::OutputMode::kFresh), base::ConfigError);
  {
    const run::OutputDirectory output(path, run::OutputMode::kResume);
    CHECK(output.path() == path);
  }
  {
    const run::OutputDirectory abandoned(path, run::OutputMode::kOverwrite);
    CHECK(abandoned.path() != path);
    base::write_file(abandoned.path() / "model", "half");
  }
  CHECK(base::read_file(path / "model") == "old");
  {
    run::OutputDirectory output(path, run::OutputMode::kOverwrite);
    base::write_file(output.path() / "model", "new");
    output.finish();
    CHECK(output.path() == path);
  }
  CHECK(base::read_file(path / "model") == "new");
  CHECK(std::distance(fs::directory_iterator(path.parent_path()), {}) == 1);
  base::write_file(root.path() / "file", "");
  CHECK_THROWS_AS(run::OutputDirectory(root.path() / "file", run::OutputMode::kFresh),
                  base::ConfigError);
}

TEST_CASE("a directory has one writer at a time", "[output]") {
  const TemporaryDirectory root;
  const fs::path path = root.path() / "run";
  {
    const run::OutputDirectory first(path, run::OutputMode::kFresh);
    for (const auto mode :
         {run::OutputMode::kFresh, run::OutputMode::kResume, run::OutputMode::kOverwrite}) {
      CHECK_THROWS_WITH(run::OutputDirectory(path, mode),
                        ContainsSubstring("process " + std::to_string(::getpid())));
    }
  }
  CHECK_FALSE(fs::exists(path / ".lock"));
  base::write_file(path / "run.json", "{}");
  base::write_file(path / "model", "old");
  {
    const run::OutputDirectory first(path, run::OutputMode::kOverwrite);
    CHECK_THROWS_AS(run::OutputDirectory(path, run::OutputMode::kOverwrite), base::ConfigError);
  }
  // What a killed run left: a lock that nobody holds, half-written files, half of an overwrite.
  base::write_file(path / ".lock", "process 1 on nowhere");
  base::write_file(path / "model.tmp-123", "half");
  fs::create_directories(path / "trajectory" / "anchor-1");
  base::write_file(path / "trajectory" / "anchor-1" / "model.tmp-123", "half");
  fs::create_directory(root.path() / "run.tmp-overwrite");
  base::write_file(root.path() / "run.tmp-overwrite" / "stale", "");
  { const run::OutputDirectory second(path, run::OutputMode::kResume); }
  CHECK_FALSE(fs::exists(path / "model.tmp-123"));
  CHECK(fs::is_empty(path / "trajectory" / "anchor-1"));
  CHECK(base::read_file(path / "model") == "old");
  {
    run::OutputDirectory third(path, run::OutputMode::kOverwrite);
    CHECK_FALSE(fs::exists(third.path() / "stale"));
    third.finish();
  }
  CHECK(fs::is_empty(path));
  CHECK_FALSE(fs::exists(root.path() / "run.tmp-overwrite"));
}

TEST_CASE("a lock that nobody holds is cleared, another's stays", "[output]") {
  const TemporaryDirectory root;
  run::clear_lock(root.path());
  CHECK(fs::is_empty(root.path()));
  base::write_file(root.path() / ".lock", "process 1 on nowhere");
  run::clear_lock(root.path());
  CHECK(fs::is_empty(root.path()));
  const run::DirectoryLock held(root.path());
  run::clear_lock(root.path());
  CHECK(fs::exists(root.path() / ".lock"));
}

TEST_CASE("what is not a run's directory stays as it is", "[output]") {
  const TemporaryDirectory root;
  base::write_file(root.path() / "letter", "dear");
  base::write_file(root.path() / "metrics.json", "{}");
  for (const auto mode :
       {run::OutputMode::kFresh, run::OutputMode::kResume, run::OutputMode::kOverwrite}) {
    CHECK_THROWS_AS(run::OutputDirectory(root.path(), mode), base::ConfigError);
  }
  CHECK(base::read_file(root.path() / "letter") == "dear");
  CHECK(fs::exists(root.path() / "metrics.json"));
  CHECK_FALSE(fs::exists(root.path() / ".lock"));
  fs::remove(root.path() / "letter");  // what a run leaves that is killed before run.json is whole
  fs::remove(root.path() / "metrics.json");
  base::write_file(root.path() / "run.log", "");
  base::write_file(root.path() / "run.json.tmp-1", "");
  { const run::OutputDirectory output(root.path(), run::OutputMode::kResume); }
  CHECK_FALSE(fs::exists(root.path() / "run.json.tmp-1"));
}

TEST_CASE("--overwrite through a link replaces what it points to", "[output]") {
  const TemporaryDirectory root;
  fs::create_directories(root.path() / "far" / "run");
  base::write_file(root.path() / "far" / "run" / "run.json", "old");
  fs::create_directory_symlink(root.path() / "far" / "run", root.path() / "link");
  {
    run::OutputDirectory output(root.path() / "link", run::OutputMode::kOverwrite);
    base::write_file(output.path() / "run.json", "new");
    output.finish();
  }
  CHECK(fs::is_symlink(root.path() / "link"));
  CHECK(base::read_file(root.path() / "far" / "run" / "run.json") == "new");
  CHECK(std::distance(fs::directory_iterator(root.path() / "far"), {}) == 1);
}

TEST_CASE("a directory that was renamed away and not replaced is put back", "[output]") {
  const TemporaryDirectory root;
  fs::create_directory(root.path() / "run.tmp-old");
  base::write_file(root.path() / "run.tmp-old" / "run.json", "old");
  const run::OutputDirectory output(root.path() / "run", run::OutputMode::kResume);
  CHECK(base::read_file(root.path() / "run" / "run.json") == "old");
}

TEST_CASE("a path that leaves no room for the files' names is refused at once", "[output]") {
  const TemporaryDirectory root;
  fs::path path = root.path();
  while (path.string().size() < 4010) path /= std::string(200, 'd');
  CHECK_THROWS_WITH((run::OutputDirectory(path, run::OutputMode::kFresh)),
                    ContainsSubstring("too long"));
  CHECK(fs::is_empty(root.path()));
}

TEST_CASE("a run that has not finished is no input", "[output]") {
  const TemporaryDirectory root;
  CHECK_THROWS_AS(run::require_finished(root.path() / "none"), base::ArtifactError);
  CHECK_NOTHROW(run::require_finished(root.path()));  // a model from elsewhere
  base::write_file(root.path() / "run.json", "{}");
  CHECK_THROWS_WITH(run::require_finished(root.path()), ContainsSubstring("has not finished"));
  base::write_file(root.path() / "metrics.json", "{}");
  CHECK_NOTHROW(run::require_finished(root.path()));
}
