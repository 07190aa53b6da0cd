#include "retrieval/examples_file.h"

#include "base/error.h"
#include "base/file.h"
#include "catch.h"
#include "temporary_directory.h"

namespace reaugkd::retrieval {
namespace {

const std::vector<base::ExampleId> kIds = {{0x0123456789abcdefULL, 0}, {0xffULL, 41}};

TEST_CASE("texts come back as they were, whatever they hold") {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / "examples.tsv";
  const std::vector<std::string> text_a = {"a\tb\nc\rd\\te", ""};
  const std::vector<std::string> text_b = {"\\", "na\xc3\xafve \\n"};
  SECTION("pairs") {
    save_examples(kIds, text_a, text_b, path);
    const auto texts = load_examples(kIds, path);
    CHECK(texts.text_a == text_a);
    CHECK(texts.text_b == text_b);
  }
  SECTION("single texts") {
    save_examples(kIds, text_a, {}, path);
    CHECK(base::read_file(path) ==
          "id\ttext_a\n0123456789abcdef:0\ta\\tb\\nc\\rd\\\\te\n00000000000000ff:41\t\n");
    const auto texts = load_examples(kIds, path);
    CHECK(texts.text_a == text_a);
    CHECK(texts.text_b.empty());
  }
}

TEST_CASE("damaged examples are refused with the line") {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / "examples.tsv";
  const std::string first = "0123456789abcdef:0\tone\n";
  const auto message = [&](const std::string& text) -> std::string {
    base::write_file(path, text);
    try {
      load_examples(kIds, path);
    } catch (const base::ArtifactError& error) {
      return error.what();
    }
    return "accepted";
  };
  const std::string header = "id\ttext_a\n";
  CHECK(message(header + first + "00000000000000ff:41\ttwo\n") == "accepted");
  CHECK_THAT(message(""), ContainsSubstring(":1:"));
  CHECK_THAT(message("id\ttext\n" + first + "00000000000000ff:41\ttwo\n"),
             ContainsSubstring(":1:"));
  CHECK_THAT(message(header + first), ContainsSubstring("2 lines"));
  CHECK_THAT(message(header + first + "00000000000000ff:41\ttwo"), ContainsSubstring("each ended"));
  CHECK_THAT(message(header + first + "00000000000000ff:41\n"), ContainsSubstring(":3:"));
  CHECK_THAT(message(header + first + "00000000000000ff:41\ta\tb\n"), ContainsSubstring(":3:"));
  CHECK_THAT(message(header + first + "00000000000000ff:42\ttwo\n"), ContainsSubstring(":3:"));
  CHECK_THAT(message(header + first + "00000000000000ff:41\ta\\x\n"), ContainsSubstring(":3:"));
  CHECK_THAT(message(header + first + "00000000000000ff:41\ta\\\n"), ContainsSubstring(":3:"));
}

}  // namespace
}  // namespace reaugkd::retrieval
