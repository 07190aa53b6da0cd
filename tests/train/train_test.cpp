// The training loop on small problems with known answers: the schedule by hand, batches as sets,
// accumulation equal to one large batch, the best validation kept.
#include <torch/torch.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <numeric>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/random.h"
#include "catch.h"
#include "temporary_directory.h"
#include "train/batches.h"
#include "train/checkpoint.h"
#include "train/fit.h"
#include "train/least_squares.h"
#include "train/optimizer.h"
#include "train/predict.h"

namespace base = reaugkd::base;
namespace train = reaugkd::train;
using reaugkd::tests::LeastSquares;
using reaugkd::tests::TemporaryDirectory;
using reaugkd::tests::twelve_rows_by;

namespace {

std::multiset<std::int64_t> rows_in(const train::Batches& batches) {
  std::multiset<std::int64_t> rows;
  for (const auto& batch : batches) rows.insert(batch.begin(), batch.end());
  return rows;
}

}  // namespace

TEST_CASE("every row is in one batch, the last is never alone", "[batches]") {
  for (const std::int64_t n : {2, 31, 32, 33, 65, 1000}) {
    std::vector<std::int64_t> lengths;
    for (std::int64_t i = 0; i < n; ++i) lengths.push_back(3 + i * 7919 % 60);
    for (const auto& batches : {train::shuffled_batches(n, 32, 1, 0),
                                train::length_bucketed_batches(lengths, 32, 1, 0)}) {
      const auto rows = rows_in(batches);
      CHECK(static_cast<std::int64_t>(rows.size()) == n);
      CHECK(std::set(rows.begin(), rows.end()).size() == rows.size());
      for (const auto& batch : batches) CHECK((batch.size() >= 2 && batch.size() <= 33));
    }
  }
}

TEST_CASE("batch order depends on seed and epoch alone", "[batches]") {
  CHECK(train::shuffled_batches(100, 8, 1, 2) == train::shuffled_batches(100, 8, 1, 2));
  CHECK(train::shuffled_batches(100, 8, 1, 2) != train::shuffled_batches(100, 8, 1, 3));
  CHECK(train::shuffled_batches(100, 8, 1, 2) != train::shuffled_batches(100, 8, 2, 2));
}

TEST_CASE("equal parts of a batch have about as many tokens", "[batches]") {
  std::vector<std::int64_t> lengths(3200);
  base::Random generator(1);
  for (auto& length : lengths) length = 4 + static_cast<std::int64_t>(generator.below(100));
  const auto before = train::shuffled_batches(3200, 32, 1, 0);
  const auto after = train::with_even_parts(before, lengths);
  // Of P equal parts, what the largest has over their mean; its mean over the batches.
  const auto excess = [&](const train::Batches& batches, std::size_t parts) {
    double sum = 0;
    for (const auto& batch : batches) {
      double largest = 0, all = 0;
      for (std::size_t part = 0; part < parts; ++part) {
        double tokens = 0;
        for (std::size_t i = batch.size() * part / parts; i < batch.size() * (part + 1) / parts;
             ++i)
          tokens += static_cast<double>(lengths[batch[i]]);
        largest = std::max(largest, tokens);
        all += tokens;
      }
      sum += largest * static_cast<double>(parts) / all - 1;
    }
    return sum / static_cast<double>(batches.size());
  };
  CHECK(excess(before, 2) > 0.05);
  CHECK(excess(after, 2) < 0.01);
  CHECK(excess(after, 4) < 0.02);
  CHECK(excess(after, 3) < 0.6 * excess(before, 3));
  REQUIRE(after.size() == before.size());
  for (std::size_t i = 0; i < after.size(); ++i) {
    CHECK(rows_in({after[i]}) == rows_in({before[i]}));
  }
  CHECK(train::training_batches(lengths, 32, 1, 0, /*random=*/true) == after);
  CHECK(train::training_batches(lengths, 32, 1, 0, /*random=*/false) ==
        train::with_even_parts(train::length_bucketed_batches(lengths, 32, 1, 0), lengths));
  CHECK(train::with_even_parts({{2, 0, 1}, {3}, {}}, {5, 9, 7, 1}) ==
        train::Batches{{1, 2, 0}, {3}, {}});
}

TEST_CASE("in random batches rows meet by chance, in bucketed ones often again", "[batches]") {
  std::vector<std::int64_t> lengths;
  for (std::int64_t i = 0; i < 1000; ++i) lengths.push_back(1 + i * 7919 % 100);
  using Pair = std::pair<std::int64_t, std::int64_t>;
  const auto pairs = [](const train::Batches& batches) {
    std::set<Pair> met;
    for (const auto& batch : batches) {
      for (const auto a : batch) {
        for (const auto b : batch) {
          if (a < b) met.emplace(a, b);
        }
      }
    }
    return met;
  };
  // Of the pairs that meet in one epoch, the share that meets again in the next.
  const auto again = [&](const auto& batches) {
    const auto first = pairs(batches(0)), second = pairs(batches(1));
    std::vector<Pair> both;
    std::ranges::set_intersection(first, second, std::back_inserter(both));
    return static_cast<double>(both.size()) / static_cast<double>(first.size());
  };
  CHECK(again([&](std::int64_t epoch) { return train::shuffled_batches(1000, 32, 1, epoch); }) <
        0.05);  // 31 of 999 others
  CHECK(again([&](std::int64_t epoch) {
          return train::length_bucketed_batches(lengths, 32, 1, epoch);
        }) > 0.3);
}

TEST_CASE("bucketed batches hold rows of like length", "[batches]") {
  std::vector<std::int64_t> lengths;
  for (std::int64_t i = 0; i < 3200; ++i) lengths.push_back(1 + i * 7919 % 100);
  const auto spread = [&](const train::Batches& batches) {
    double sum = 0;
    for (const auto& batch : batches) {
      const auto [low, high] = std::minmax_element(
          batch.begin(), batch.end(), [&](auto a, auto b) { return lengths[a] < lengths[b]; });
      sum += static_cast<double>(lengths[*high] - lengths[*low]);
    }
    return sum / static_cast<double>(batches.size());
  };
  CHECK(spread(train::length_bucketed_batches(lengths, 32, 1, 0)) < 5);
  CHECK(spread(train::shuffled_batches(3200, 32, 1, 0)) > 50);
}

TEST_CASE("the rate rises and falls linearly", "[schedule]") {
  CHECK(train::linear_schedule(0, 100, 0.1) == 0);
  CHECK(train::linear_schedule(5, 100, 0.1) == Approx(0.5));
  CHECK(train::linear_schedule(10, 100, 0.1) == Approx(1));
  CHECK(train::linear_schedule(55, 100, 0.1) == Approx(0.5));
  CHECK(train::linear_schedule(100, 100, 0.1) == 0);
  CHECK(train::linear_schedule(0, 100, 0) == 1);
}

TEST_CASE("fit reaches the known minimum and keeps the best", "[fit]") {
  const TemporaryDirectory directory;
  LeastSquares problem(0.3);
  train::FitOptions options;
  options.epochs = 200;
  options.max_grad_norm = 0;
  int calls = 0;
  torch::Tensor at_best;
  const auto result = train::fit(
      options, problem, [](std::int64_t) { return twelve_rows_by(4); },
      [&] {
        ++calls;
        if (calls == 150) at_best = problem.w_.detach().clone();
        // Rises to its best at call 150, then falls: later epochs must not be kept.
        return train::Validation{calls <= 150 ? double(calls) : -double(calls), {}};
      },
      directory.path() / "log.jsonl");
  CHECK(result.steps == 600);
  CHECK(result.best_step == 450);
  CHECK(result.best_epoch == Approx(150));
  CHECK(torch::equal(problem.w_, at_best));
  CHECK(torch::allclose(problem.w_, torch::tensor({1.0F, -2.0F, 0.5F}), 0, 1e-2));
  const std::string log = base::read_file(directory.path() / "log.jsonl");
  const auto first = base::Json::parse(log.substr(0, log.find('\n')));
  CHECK(first["step"] == 0);
  CHECK(first.contains("mse"));
  CHECK(first.contains("grad_norm"));
}

TEST_CASE("accumulated batches equal one large batch", "[fit]") {
  const TemporaryDirectory directory;
  const auto trained = [&](std::int64_t rows, std::int64_t accumulation) {
    LeastSquares problem(0.05);
    double score = 0;  // the last epoch is the one that is kept
    train::FitOptions options;
    options.epochs = 3;
    options.accumulation = accumulation;
    train::fit(
        options, problem, [rows](std::int64_t) { return twelve_rows_by(rows); },
        [&] {
          return train::Validation{score++, {}};
        },
        directory.path() / "log.jsonl");
    return problem.w_.detach().clone();
  };
  // The last step of 5 + 5 + 2 rows must weight rows, not batches.
  CHECK(trained(12, 1).abs().min().item<double>() > 0);
  CHECK(torch::allclose(trained(12, 1), trained(5, 3), 1e-5, 1e-7));
}

TEST_CASE("a loss that is not finite stops the run", "[fit]") {
  const TemporaryDirectory directory;
  LeastSquares problem(0.1);
  problem.poison_ = true;
  CHECK_THROWS_AS(train::fit(
                      {}, problem, [](std::int64_t) { return twelve_rows_by(4); },
                      [] { return train::Validation{}; }, directory.path() / "log.jsonl"),
                  base::NumericError);
}

namespace {

/// A fit of 5 epochs x 3 steps whose score falls from the second validation on; `stop_at`: the
/// number of steps after which the process is as good as killed.
struct Killed : std::exception {};

class Interruptible : public LeastSquares {
 public:
  explicit Interruptible(int stop_at) : LeastSquares(0.1), left_(stop_at) {}
  train::LossTerms loss(const std::vector<std::int64_t>& rows) override {
    if (left_-- == 0) throw Killed();
    // The loss draws random numbers, as dropout does.
    auto terms = LeastSquares::loss(rows);
    terms.total = terms.total * (1 + torch::rand({}));
    return terms;
  }

 private:
  int left_;
};

train::FitOptions five_epochs(const TemporaryDirectory& directory) {
  train::FitOptions options;
  options.epochs = 5;
  options.logging_steps = 2;
  options.checkpoint.place.path = directory.path() / "checkpoint.safetensors";
  options.checkpoint.place.resume = true;
  options.checkpoint.place.identity = {{"options", {{"tau", 0.1}}}};
  return options;
}

train::FitResult fit_until(const train::FitOptions& options, LeastSquares& problem,
                           const TemporaryDirectory& directory) {
  // Best in the middle: what is kept must survive too. The score depends on w alone.
  return train::fit(
      options, problem, [](std::int64_t) { return twelve_rows_by(4); },
      [&] {
        const double distance = std::abs(problem.w_.norm().item<double>() - 0.7);
        return train::Validation{-distance, {{"distance", distance}}};
      },
      directory.path() / "log.jsonl");
}

}  // namespace

TEST_CASE("a fit that was killed anywhere goes on to the same bytes", "[fit][resume]") {
  const TemporaryDirectory whole_directory;
  Interruptible whole(-1);
  auto options = five_epochs(whole_directory);
  options.eval_steps = GENERATE(0, 2);
  const auto expected = fit_until(options, whole, whole_directory);
  CHECK(expected.best_step > 1);
  CHECK(expected.best_step < 15);
  for (int stop_at = 1; stop_at < 15; ++stop_at) {
    const TemporaryDirectory directory;
    auto interrupted = five_epochs(directory);
    interrupted.eval_steps = options.eval_steps;
    interrupted.checkpoint.save_steps = stop_at % 3 + 1;
    Interruptible first(stop_at);
    CHECK_THROWS_AS(fit_until(interrupted, first, directory), Killed);
    Interruptible second(-1);
    const auto result = fit_until(interrupted, second, directory);
    INFO("killed after step " << stop_at);
    CHECK(torch::equal(second.w_, whole.w_));
    CHECK(result.best_step == expected.best_step);
    CHECK(result.best_epoch == expected.best_epoch);
    CHECK(result.best.details == expected.best.details);
    CHECK(base::read_file(directory.path() / "log.jsonl") ==
          base::read_file(whole_directory.path() / "log.jsonl"));
  }
}

TEST_CASE("a checkpoint of other options or inputs is refused", "[fit][resume]") {
  const TemporaryDirectory directory;
  auto options = five_epochs(directory);
  options.checkpoint.save_steps = 1;
  Interruptible first(4);
  CHECK_THROWS_AS(fit_until(options, first, directory), Killed);
  options.checkpoint.place.identity["options"]["tau"] = 0.2;
  Interruptible second(-1);
  CHECK_THROWS_WITH(fit_until(options, second, directory),
                    ContainsSubstring("options.tau was 0.1, is 0.2"));
  base::write_file(options.checkpoint.place.path, "not a checkpoint");
  CHECK_THROWS_AS(fit_until(options, second, directory), base::ArtifactError);
  options.checkpoint.place.resume = false;  // a fresh start does not look at it
  CHECK(fit_until(options, second, directory).steps == 15);
}

TEST_CASE("a checkpoint whose options are no object is damaged", "[fit][resume]") {
  const TemporaryDirectory directory;
  auto place = five_epochs(directory).checkpoint.place;
  const auto identity = place.identity;
  place.identity = {{"options", "none"}};
  train::save_checkpoint(place, {base::Json::object(), {{"w", torch::zeros(1)}}});
  place.identity = identity;
  place.usual_options = {{"tau", 0.1}};
  CHECK_THROWS_AS(train::load_checkpoint(place), base::ArtifactError);
}

TEST_CASE("a checkpoint of a version that did not know an option goes on with its default",
          "[fit][resume]") {
  const TemporaryDirectory directory;
  auto options = five_epochs(directory);
  options.checkpoint.save_steps = 1;
  Interruptible first(4);
  CHECK_THROWS_AS(fit_until(options, first, directory), Killed);
  options.checkpoint.place.usual_options = {{"tau", 0.3}, {"exchange", "fp32"}};
  auto& asked = options.checkpoint.place.identity["options"];
  asked["exchange"] = "bf16";
  Interruptible second(-1);
  CHECK_THROWS_WITH(
      fit_until(options, second, directory),
      ContainsSubstring("options.exchange was \"fp32\", is \"bf16\"") && !ContainsSubstring("tau"));
  asked["exchange"] = "fp32";
  CHECK(fit_until(options, second, directory).steps == 15);
}

TEST_CASE("a request to stop writes a checkpoint and says so", "[fit][resume]") {
  class Stopping : public Interruptible {
   public:
    Stopping() : Interruptible(-1) {}
    train::LossTerms loss(const std::vector<std::int64_t>& rows) override {
      if (++calls_ == 8) std::raise(SIGTERM);
      return Interruptible::loss(rows);
    }

   private:
    int calls_ = 0;
  };
  const TemporaryDirectory directory;
  const auto options = five_epochs(directory);
  Interruptible whole(-1);
  {
    const TemporaryDirectory other;
    fit_until(five_epochs(other), whole, other);
  }
  base::notice_interrupts();
  Stopping stopped;
  try {
    fit_until(options, stopped, directory);
    FAIL("it went on");
  } catch (const base::Interrupted& interrupted) {
    CHECK(interrupted.exit_code() == 143);
    CHECK_THAT(interrupted.what(), ContainsSubstring("8 of 15 steps were done"));
  }
  base::forget_interrupt();
  Interruptible again(-1);
  fit_until(options, again, directory);
  CHECK(torch::equal(again.w_, whole.w_));
}

TEST_CASE("a request to stop that is heard within a step leaves what was before it",
          "[fit][resume]") {
  // So does one of several ranks whose peers end, as all are asked to.
  class Stopping : public Interruptible {
   public:
    Stopping() : Interruptible(-1) {}
    train::LossTerms loss(const std::vector<std::int64_t>& rows) override {
      if (++calls_ == 8) throw base::Interrupted(SIGTERM, "the others have ended");
      return Interruptible::loss(rows);
    }

   private:
    int calls_ = 0;
  };
  const TemporaryDirectory directory, other;
  Interruptible whole(-1), again(-1);
  fit_until(five_epochs(other), whole, other);
  Stopping stopped;
  CHECK_THROWS_AS(fit_until(five_epochs(directory), stopped, directory), base::Interrupted);
  CHECK(std::filesystem::exists(five_epochs(directory).checkpoint.place.path));
  fit_until(five_epochs(directory), again, directory);
  CHECK(torch::equal(again.w_, whole.w_));
}

TEST_CASE("patience ends a fit that no longer improves", "[fit]") {
  const TemporaryDirectory directory;
  LeastSquares problem(0.1);
  auto options = five_epochs(directory);
  options.epochs = 50;
  options.early_stopping_patience = 3;
  double score = 4;  // best at once
  const auto result = train::fit(
      options, problem, [](std::int64_t) { return twelve_rows_by(4); },
      [&] {
        return train::Validation{score--, {}};
      },
      directory.path() / "log.jsonl");
  CHECK(result.stopped_early);
  CHECK(result.steps == 12);
  CHECK(result.best_step == 3);
}
