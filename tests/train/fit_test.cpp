// What a fit keeps and logs beside its result.
#include "train/fit.h"

#include "base/file.h"
#include "base/json.h"
#include "catch.h"
#include "temporary_directory.h"
#include "train/least_squares.h"

namespace reaugkd::train {
namespace {

using tests::LeastSquares;
using tests::TemporaryDirectory;
using tests::twelve_rows_by;

/// The lines of log.jsonl that are of steps.
std::vector<base::Json> logged_steps(const TemporaryDirectory& directory) {
  std::vector<base::Json> lines;
  std::istringstream log(base::read_file(directory.path() / "log.jsonl"));
  for (std::string line; std::getline(log, line);) {
    if (const auto json = base::Json::parse(line); json.contains("loss")) lines.push_back(json);
  }
  return lines;
}

/// A part of it is not trained before step 9, as TinyBERT's classifier; killed at step `stop_at`.
class LateStarter : public LeastSquares {
 public:
  explicit LateStarter(int stop_at) : LeastSquares(0.1), left_(stop_at) {}
  LossTerms loss(const std::vector<std::int64_t>& rows) override {
    if (left_-- == 0) throw std::runtime_error("killed");
    return LeastSquares::loss(rows);
  }
  bool may_be_kept(std::int64_t last, std::int64_t) const override { return last >= 9; }

 private:
  int left_;
};

TEST_CASE("what may not be kept is not, however well it scores", "[fit]") {
  const auto trained = [](LateStarter& step, const TemporaryDirectory& directory) {
    FitOptions options;
    options.epochs = 5;  // of three steps
    options.checkpoint.place.path = directory.path() / "checkpoint.safetensors";
    options.checkpoint.place.resume = true;
    options.checkpoint.save_steps = 1;
    const auto falling = [&] { return Validation{-step.w_.norm().item<double>(), {}}; };
    return fit(
        options, step, [](std::int64_t) { return twelve_rows_by(4); }, falling,
        directory.path() / "log.jsonl");
  };
  const TemporaryDirectory whole;
  LateStarter step(-1);
  const auto result = trained(step, whole);
  CHECK(result.best_step == 12);  // validated after 3, 6, 9, 12 and 15
  for (const int stop_at : {2, 7, 9, 13}) {
    const TemporaryDirectory directory;
    LateStarter killed(stop_at);
    CHECK_THROWS_AS(trained(killed, directory), std::runtime_error);
    LateStarter resumed(-1);
    CHECK(trained(resumed, directory).best_step == 12);
    CHECK(torch::equal(resumed.w_, step.w_));
  }
}

TEST_CASE("an accumulated step logs the mean over its rows", "[fit]") {
  const auto first_line = [](std::int64_t rows, std::int64_t accumulation) {
    const TemporaryDirectory directory;
    LeastSquares problem(0.1);
    FitOptions options;
    options.epochs = 1;
    options.accumulation = accumulation;
    fit(
        options, problem, [rows](std::int64_t) { return twelve_rows_by(rows); },
        [] { return Validation{}; }, directory.path() / "log.jsonl");
    return logged_steps(directory).front();
  };
  const auto whole = first_line(12, 1);
  const auto parts = first_line(5, 3);  // 5 + 5 + 2 rows
  CHECK(whole["loss"].get<double>() > 0);
  for (const char* name : {"loss", "mse", "grad_norm"}) {
    CHECK(parts[name].get<double>() == Approx(whole[name].get<double>()).epsilon(1e-6));
  }
}

}  // namespace
}  // namespace reaugkd::train
