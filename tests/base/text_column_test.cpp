// Columns of texts in memory and in a file without a name; what copies share and do not.
#include "base/text_column.h"

#include <sys/resource.h>

#include <csignal>
#include <cstdlib>
#include <fstream>

#include "base/error.h"
#include "catch.h"
#include "temporary_directory.h"

namespace base = reaugkd::base;
using base::TextColumn;

namespace {

// While it lives, all blocks are in files, and TMPDIR is `folder`.
class OnDisk {
 public:
  explicit OnDisk(const std::string& folder) {
    if (const char* set = std::getenv("TMPDIR")) folder_before_ = set;
    ::setenv("TMPDIR", folder.c_str(), 1);
  }
  ~OnDisk() {
    folder_before_.empty() ? ::unsetenv("TMPDIR") : ::setenv("TMPDIR", folder_before_.c_str(), 1);
  }
  OnDisk(const OnDisk&) = delete;
  OnDisk& operator=(const OnDisk&) = delete;

 private:
  base::BlockLimitsGuard limits_{0, 0};
  std::string folder_before_;
};

std::string text(std::size_t i) {
  return std::string(i * 37 % 5000, char('a' + i % 26));
}

// How many maps of this process are of a file that was in `folder` and has no name any more.
int nameless_maps(const std::string& folder) {
  std::ifstream maps("/proc/self/maps");
  int count = 0;
  for (std::string line; std::getline(maps, line);) {
    const bool in_folder = line.find(folder + "/") != line.npos;
    count += in_folder && line.ends_with("(deleted)") ? 1 : 0;
  }
  return count;
}

void check_column(std::size_t n) {
  TextColumn column;
  std::vector<std::string> expected;
  for (std::size_t i = 0; i < n; ++i) {
    expected.push_back(text(i));
    column.push_back(expected.back());
  }
  REQUIRE(column.size() == n);
  CHECK(column == TextColumn(expected));
  const TextColumn part = column.subset({3, 0, 3});
  column.clear();
  CHECK(column.empty());
  CHECK(part == TextColumn{text(3), text(0), text(3)});
}

}  // namespace

TEST_CASE("a column gives back its texts, in memory or in a file", "[text_column]") {
  check_column(2000);
  const reaugkd::tests::TemporaryDirectory directory;
  const OnDisk on_disk(directory.path().string());
  check_column(2000);
  TextColumn column{"a", "", "bc"};
  CHECK(nameless_maps(directory.path().string()) > 0);
  CHECK(std::filesystem::is_empty(directory.path()));
  CHECK(column[1].empty());
  CHECK(column == TextColumn{"a", "", "bc"});
  column.clear();
  CHECK(nameless_maps(directory.path().string()) == 0);
}

TEST_CASE("what a copy adds is its own", "[text_column]") {
  TextColumn column{"a", "b"};
  TextColumn copy = column;
  copy.push_back("c");
  column.push_back("d");
  CHECK(copy == TextColumn{"a", "b", "c"});
  CHECK(column == TextColumn{"a", "b", "d"});
  TextColumn moved = std::move(copy);
  copy = column;
  copy.push_back("e");
  moved.push_back("f");
  CHECK(moved == TextColumn{"a", "b", "c", "f"});
  CHECK(copy == TextColumn{"a", "b", "d", "e"});
  column.append(moved);
  column.append(column);
  moved.clear();
  CHECK(column == TextColumn{"a", "b", "d", "a", "b", "c", "f", "a", "b", "d", "a", "b", "c", "f"});
  CHECK_THROWS_AS(column.subset({14}), base::InternalError);
  CHECK_THROWS_AS(column.subset({-1}), base::InternalError);
}

TEST_CASE("a folder that cannot take the texts is an error that names it", "[text_column]") {
  const OnDisk on_disk("/nowhere/at/all");
  TextColumn column;
  CHECK_THROWS_WITH(column.push_back("a"), ContainsSubstring("TMPDIR: no file can be made in "
                                                             "/nowhere/at/all"));
}

TEST_CASE("a disk without room for the texts is an error and no signal", "[text_column]") {
  const reaugkd::tests::TemporaryDirectory directory;
  const OnDisk on_disk(directory.path().string());
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit little{.rlim_cur = 1 << 20, .rlim_max = before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &little) == 0);
  TextColumn column{"a"};
  std::string message;
  try {
    column.push_back(std::string(2 << 20, 'b'));
  } catch (const base::IoError& error) {
    message = error.what();
  }
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, handler);
  CHECK_THAT(message, ContainsSubstring("cannot have 2 MiB: File too large"));
  CHECK(column == TextColumn{"a"});
  column.push_back("c");
  CHECK(column == TextColumn{"a", "c"});
}

TEST_CASE("a few texts of a large column do not keep it", "[text_column]") {
  const reaugkd::tests::TemporaryDirectory directory;
  const OnDisk on_disk(directory.path().string());
  TextColumn column;
  for (int i = 0; i < 100; ++i) column.push_back(std::string(20000, 'a'));
  column.push_back("b");
  TextColumn few = column.subset({100});
  TextColumn most = column.subset({0, 1, 2});
  most = column.subset(std::vector<std::int64_t>(50, 3));
  const int all = nameless_maps(directory.path().string());
  column.clear();
  CHECK(nameless_maps(directory.path().string()) >= all - 1);
  most.clear();
  CHECK(nameless_maps(directory.path().string()) == 1);
  CHECK(few == TextColumn{"b"});
}
