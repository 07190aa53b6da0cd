// --config FILE.json or run.json: one option of each type.
#include "base/options.h"
#include "fuzz.h"

void read(const std::string& bytes, const std::filesystem::path& directory) {
  using namespace reaugkd::base;
  std::string text = "cls";
  std::int64_t count = 1;
  double rate = 0.1;
  bool flag = false;
  std::optional<std::int64_t> maybe_count;
  std::optional<double> maybe_rate;
  std::vector<std::string> texts;
  std::vector<std::int64_t> counts;
  std::vector<double> rates;
  OptionList list;
  list.add({"text", "", &text, "", {}, {"cls", "mean"}});
  list.add({"count", "", &count, "", kAtLeastOne});
  list.add({"rate", "", &rate, "", kPositive});
  list.add({"flag", "", &flag, ""});
  list.add({"maybe-count", "", &maybe_count, "", kNotNegative});
  list.add({"maybe-rate", "", &maybe_rate, "", kUnit});
  list.add({"texts", "", &texts, ""});
  list.add({"counts", "", &counts, ""});
  list.add({"rates", "", &rates, "", kUnit});
  write_quickly(directory / "run.json", bytes);
  list.set_json(read_json(directory / "run.json"), "run.json");
  if (count < 1 || !(rate > 0) || (text != "cls" && text != "mean")) std::abort();
  differences(list.to_json(), list.to_json());
}
