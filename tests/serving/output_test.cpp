#include "serving/output.h"

#include <unistd.h>

#include <csignal>

#include "base/error.h"
#include "catch.h"
#include "temporary_directory.h"

namespace reaugkd::serving {
namespace {

const base::Json kJob = {{"model", "m"}};

TEST_CASE("a file is there once all rows are answered") {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / "answers.csv";
  const auto output = output_to_file(path, kJob, PartialFile::kStart);
  output->write("a\n", 1);
  CHECK_FALSE(std::filesystem::exists(path));
  output->finish();
  CHECK(base::read_file(path) == "a\n");
  CHECK(std::distance(std::filesystem::directory_iterator(directory.path()), {}) == 1);
}

TEST_CASE("a stopped job goes on behind the rows that it noted") {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / "answers.csv";
  output_to_file(path, kJob, PartialFile::kStart)->write("a\nb\n", 2);
  {  // killed between the answers and the note
    base::AppendedFile more(path.string() + ".partial", 4);
    more.write("half a li");
  }
  base::write_file(path.string() + ".partial.json" + base::kTemporaryMark + "1", "half a note");
  const auto output = output_to_file(path, kJob, PartialFile::kGoOn);
  CHECK(output->rows_before() == 2);
  output->write("c\n", 3);
  output->finish();
  CHECK(base::read_file(path) == "a\nb\nc\n");
  CHECK(std::distance(std::filesystem::directory_iterator(directory.path()), {}) == 1);
}

TEST_CASE("a job begins anew where it is asked to, and where nothing was noted") {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / "answers.csv";
  output_to_file(path, kJob, PartialFile::kStart)->write("a\n", 1);
  CHECK(output_to_file(path, kJob, PartialFile::kStart)->rows_before() == 0);
  CHECK(output_to_file(directory.path() / "other", kJob, PartialFile::kGoOn)->rows_before() == 0);
}

TEST_CASE("another job, and a file that is shorter than noted, are refused") {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / "answers.csv";
  output_to_file(path, kJob, PartialFile::kStart)->write("abc\n", 1);
  CHECK_THROWS_AS(output_to_file(path, {{"model", "n"}}, PartialFile::kGoOn), base::ConfigError);
  std::filesystem::resize_file(path.string() + ".partial", 2);
  CHECK_THROWS_AS(output_to_file(path, kJob, PartialFile::kGoOn), base::ArtifactError);
}

TEST_CASE("a pipe that nobody reads is told from an error") {
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  ::close(ends[0]);
  CHECK_THROWS_AS(output_to(ends[1])->write("a", 1), ClosedPipe);
  ::close(ends[1]);
  CHECK_THROWS_AS(output_to(ends[1])->write("a", 1), base::IoError);
  std::signal(SIGPIPE, before);
}

}  // namespace
}  // namespace reaugkd::serving
