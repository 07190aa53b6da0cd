// What --overwrite may replace, and what it must not.
#include "run/run_files.h"

#include "base/error.h"
#include "base/file.h"
#include "catch.h"
#include "temporary_directory.h"

namespace reaugkd::run {
namespace {

namespace fs = std::filesystem;

/// A directory with a run.json of eval's and these files.
class Run : public tests::TemporaryDirectory {
 public:
  explicit Run(const std::vector<std::string>& files) {
    write("run.json", R"({"format": 1, "command": "eval", "options": {}})");
    for (const auto& file : files) write(file, "");
  }

 private:
  void write(const std::string& file, const std::string& text) const {
    fs::create_directories((path() / file).parent_path());
    base::write_file(path() / file, text);
  }
};

TEST_CASE("a run's own files may be replaced", "[overwrite]") {
  const Run run({"run.log",
                 "metrics.json",
                 ".lock",
                 "predictions.tsv",
                 "RTE.tsv",
                 "MNLI-mm.tsv",
                 "explain.txt",
                 "config.json",
                 "model.safetensors",
                 "kb.json",
                 "index.hnsw",
                 "train_log-fold-2.jsonl",
                 "checkpoint-fold-10.safetensors",
                 "kb.json.tmp-12",
                 "trajectory/anchor-1/model.safetensors",
                 "trajectory/anchor-1/vocab.txt",
                 "modules.json",
                 "1_Pooling/config.json",
                 "sentence_bert_config.json",
                 "trajectory/anchor-1/1_Pooling/config.json"});
  CHECK_NOTHROW(check_replaceable("eval", run.path()));
}

TEST_CASE("nothing else may", "[overwrite]") {
  for (const char* foreign :
       {"notes.txt", "data/train.tsv", "trajectory/notes.txt", "trajectory/anchor-1/notes.txt",
        "trajectory/anchor-1/deep/model.safetensors", "fold-.tsv", "1_Pooling/vocab.txt",
        "kb/deep/1_Pooling/config.json", "fold-1.safetensors.old"}) {
    const Run run({"metrics.json", foreign});
    const auto name = fs::path(foreign).begin()->string();
    CHECK_THROWS_WITH(check_replaceable("eval", run.path()), ContainsSubstring(name));
  }
  const Run run({"metrics.json"});
  CHECK_THROWS_WITH(check_replaceable("distill", run.path()),
                    ContainsSubstring("holds a run of eval, not of distill"));
  base::write_file(run.path() / "run.json", R"({"command": "npm start"})");
  CHECK_THROWS_AS(check_replaceable("eval", run.path()), base::ConfigError);
}

}  // namespace
}  // namespace reaugkd::run
