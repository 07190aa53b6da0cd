"""The statistics, beside values by hand and other ways to compute them."""
import itertools
import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from made import evaluation, opinions, task
from reaugkd_experiments import cell, difference, metrics, resampling, second_opinion, sweep
from reaugkd_experiments.score_table import with_average

METRICS = list(metrics.METRICS)


def score(metric, decisions, labels, positive=1):
    return metrics.score(metric, np.asarray(labels), np.asarray(decisions), positive)


def test_accuracy():
    assert score("accuracy", [1, 1, 0, 1], [1, 0, 0, 1]) == 0.75


def test_f1():
    # tp 2, fp 1, fn 1: 4 / (4 + 1 + 1). Of the other class, tp 1, fp 1, fn 1: 2 / 4.
    assert score("f1", [1, 1, 0, 1, 0], [1, 1, 1, 0, 0]) == pytest.approx(2 / 3)
    assert score("f1", [1, 1, 0, 1, 0], [1, 1, 1, 0, 0], positive=0) == pytest.approx(1 / 2)
    assert score("f1", [0, 0], [0, 0]) == 0


def test_f1_is_of_the_class_that_has_the_reported_f1():
    """The order of the classes is the user's choice, so that the positive class may come first."""
    labels, decisions = [1, 1, 1, 0, 0], [1, 1, 0, 1, 0]
    for reported, positive in ((2 / 3, 1), (1 / 2, 0), (0.9, 1)):  # the last one fits neither
        run = evaluation(labels, decisions, metric="f1")
        run.results["metrics"]["student"]["f1"] = reported
        assert run.positive == positive


def test_matthews():
    # tp 2, tn 1, fp 1, fn 1: (2 - 1) / sqrt(3 * 3 * 2 * 2)
    assert score("matthews_correlation", [1, 1, 0, 1, 0], [1, 1, 1, 0, 0]) == pytest.approx(1 / 6)
    assert score("matthews_correlation", [1, 1], [0, 1]) == 0
    # Three classes, confusion (predicted, expected): 2 x (0, 0), (1, 1), (2, 1), (0, 2): n 5, right 3, predicted 3, 1, 1,
    # expected 2, 2, 1: (15 - 9) / sqrt((25 - 11) (25 - 9)).
    assert score("matthews_correlation", [0, 0, 1, 2, 0], [0, 0, 1, 1, 2]) == pytest.approx(6 / math.sqrt(14 * 16))


def test_matthews_of_two_classes_is_pearson():
    generator = np.random.default_rng(0)
    labels = generator.integers(2, size=200)
    decisions = np.where(generator.random(200) < 0.7, labels, 1 - labels)
    assert score("matthews_correlation", decisions, labels) == pytest.approx(scipy.stats.pearsonr(decisions, labels)[0])


def test_pearson():
    assert score("pearson", [1.0, 2, 3], [2.0, 4, 6]) == pytest.approx(1)
    assert score("pearson", [1.0, 2, 3], [1.0, 3, 2]) == pytest.approx(0.5)
    assert score("pearson", [1.0, 1, 1], [1.0, 3, 2]) == 0
    x, y = np.random.default_rng(0).normal(1000, 1, (2, 500))
    assert score("pearson", x, y) == pytest.approx(scipy.stats.pearsonr(x, y)[0], abs=1e-12)


def noisy(metric, rows=400, seed=0):
    """Labels, and decisions of a worse and a better side."""
    generator = np.random.default_rng(seed)
    if metric == "pearson":
        labels = generator.normal(2.5, 1, rows)
        return labels, labels + generator.normal(0, 1.5, rows), labels + generator.normal(0, 1, rows)
    labels = generator.integers(2, size=rows)
    return labels, *(np.where(generator.random(rows) < right, labels, 1 - labels) for right in (0.7, 0.8))


@pytest.mark.parametrize("metric", METRICS)
def test_resampling_is_the_score_of_the_drawn_rows(metric):
    labels, _, decisions = noisy(metric, rows=50)
    draws = resampling.draw_rows("rows", 50)
    assert draws.shape == (resampling.RESAMPLES, 50)
    assert (draws.sum(axis=1) == 50).all()
    sums = resampling.resampled_sums(draws, metrics.row_statistics(metric, labels, decisions))
    resampled = metrics.METRICS[metric].score(sums)
    for draw in (0, 1, 1999):
        rows = np.repeat(np.arange(50), draws[draw])
        assert resampled[draw] == pytest.approx(score(metric, decisions[rows], labels[rows]))


@pytest.mark.parametrize("metric", METRICS)
def test_the_interval_over_rows_is_scipys(metric):
    """Every metric has as many samples. scipy draws other rows: their ends differ by the noise of 2,000 samples."""
    labels, alone, combined = noisy(metric)
    column = task(metric, {"m": {"seed-1": evaluation(labels, alone, combined, metric)}}).main
    found = difference.difference([column], ("m", "combined"), ("m", "alone"))
    assert len(column.resampled_scores(("m", "alone"), "seed-1")) == resampling.RESAMPLES == 2000

    def gain(labels, alone, combined):
        return score(metric, combined, labels) - score(metric, alone, labels)

    other = scipy.stats.bootstrap((labels, alone, combined), gain, paired=True, vectorized=False, n_resamples=2000,
                                  method="percentile", rng=1)
    width = other.confidence_interval.high - other.confidence_interval.low
    assert found.mean == pytest.approx(gain(labels, alone, combined))
    assert found.interval[0] == pytest.approx(other.confidence_interval.low, abs=0.1 * width)
    assert found.interval[1] == pytest.approx(other.confidence_interval.high, abs=0.1 * width)


def test_the_interval_of_a_mean_covers_it():
    """Of 100 dev sets, about 95 give an interval that holds the true difference, for each metric."""
    truth = {metric: np.subtract(*(score(metric, decisions, labels) for decisions in (combined, alone)))
             for metric in METRICS for labels, alone, combined in [noisy(metric, 10**6, 10**6)]}
    for metric, expected in truth.items():
        covered = 0
        for trial in range(100):
            column = task(str(trial), {"m": {1: evaluation(*noisy(metric, 200, trial), metric)}}).main
            low, high = difference.difference([column], ("m", "combined"), ("m", "alone")).interval
            covered += low <= expected <= high
        assert 88 <= covered <= 100, metric  # 95 expected, deviation 2.2


def test_interval_of_a_binomial():
    """100 rows, 20 better and 10 worse: mean 0.1, deviation sqrt(0.3 - 0.01) / 10."""
    run = evaluation([0] * 100, alone=[1] * 20 + [0] * 80, combined=[0] * 20 + [1] * 10 + [0] * 70)
    found = difference.difference([task("toy", {"m": {"seed-1": run}}).main], ("m", "combined"), ("m", "alone"))
    assert found.mean == pytest.approx(0.1)
    assert found.interval[0] == pytest.approx(0.1 - 1.96 * math.sqrt(0.29) / 10, abs=0.015)
    assert found.interval[1] == pytest.approx(0.1 + 1.96 * math.sqrt(0.29) / 10, abs=0.015)


def test_interval_of_an_average():
    """Two tasks of 400 rows, +0.1 and -0.02: mean 0.04, deviation half the root of the sum of their variances."""
    def made(better, worse):
        alone = [1] * better + [0] * (400 - better)
        combined = [0] * (400 - worse) + [1] * worse
        return task(f"{better} {worse}", {"m": {"seed-1": evaluation([0] * 400, alone, combined)}})

    tasks = [made(60, 20), made(20, 28)]
    found = difference.difference([each.main for each in tasks], ("m", "combined"), ("m", "alone"))
    deviation = math.sqrt((80 / 400 - 0.01) / 400 + (48 / 400 - 0.0004) / 400) / 2
    assert found.mean == pytest.approx(0.04)
    assert found.interval[0] == pytest.approx(0.04 - 1.96 * deviation, abs=0.003)
    assert found.interval[1] == pytest.approx(0.04 + 1.96 * deviation, abs=0.003)
    assert (found.p, found.more_than_noise, found.seeds) == (None, False, 1)  # one seed cannot tell
    columns = [each.main for each in tasks]
    tasks[1].runs = {}
    assert difference.difference(columns, ("m", "combined"), ("m", "alone")) is None
    assert difference.difference([], ("m", "combined"), ("m", "alone")) is None


def test_the_same_rows_are_drawn_for_both_sides():
    """Two sides that are right on the same rows: without pairing the interval would be wide."""
    decisions = [0] * 70 + [1] * 30
    runs = {"a": {1: evaluation([0] * 100, decisions)}, "b": {1: evaluation([0] * 100, decisions)}}
    assert difference.difference([task("t", runs).main], ("a", "alone"), ("b", "alone")).interval == (0, 0)


def test_the_interval_of_rows_and_seeds():
    """Differences 0.01, 0.02 and 0.06: mean 0.03, variance of it 0.0007 / 3."""
    by_seed = [0.01, 0.02, 0.06]
    interval, p = difference.of_rows_and_seeds(by_seed, 0, 100)  # no dev set would change it: Student's t over seeds
    t_test = scipy.stats.ttest_1samp(by_seed, 0)
    assert interval == pytest.approx(t_test.confidence_interval(0.95))
    assert p == pytest.approx(t_test.pvalue)
    interval, p = difference.of_rows_and_seeds([0.03, 0.03], 0.0001, 10**6)  # no seed would: normal over rows
    assert interval == pytest.approx((0.03 - 1.96 * 0.01, 0.03 + 1.96 * 0.01), abs=1e-5)
    assert p == pytest.approx(2 * scipy.stats.norm.sf(3), rel=1e-3)
    interval, _ = difference.of_rows_and_seeds(by_seed, 0.0007 / 3, 3)  # both alike: twice the variance, four degrees of freedom
    reach = scipy.stats.t.ppf(0.975, 4) * math.sqrt(2 * 0.0007 / 3)
    assert interval == pytest.approx((0.03 - reach, 0.03 + reach))
    assert difference.of_rows_and_seeds([0.25, 0.25], 0, 100) == ((0.25, 0.25), 0)
    assert difference.of_rows_and_seeds([0, 0], 0, 100) == ((0, 0), 1)


@pytest.mark.parametrize("seeds", [3, 5])
def test_equal_methods_are_seldom_told_apart(seeds):
    """Two methods of one expected accuracy, whose students move by 3 points from seed to seed; 300 rows."""
    generator = np.random.default_rng(0)
    trials, told_apart = 300, 0
    for trial in range(trials):
        hard, runs = generator.random(300), {"a": {}, "b": {}}
        for method, seed in itertools.product("ab", range(seeds)):
            own = np.where(generator.random(300) < 0.8, hard, generator.random(300))
            runs[method][seed] = evaluation(np.ones(300, int), (own < 0.8 + generator.normal(0, 0.03)).astype(int))
        found = difference.difference([task(str(trial), runs).main], ("a", "alone"), ("b", "alone"))
        low, high = found.interval
        assert found.more_than_noise == (low > 0 or high < 0)
        told_apart += found.more_than_noise
    assert told_apart <= 0.08 * trials  # 0.05 expected, deviation 0.013


def test_p_is_corrected_for_the_number_of_differences():
    """Benjamini and Hochberg: the largest of n stays, the k-th smallest is n / k times itself, and none is above a larger one's."""
    def made(p):
        return difference.Difference(0.1, (0.05, 0.2), p, 3)

    found = difference.corrected([made(0.01), None, made(0.04), made(0.03), made(None)])
    assert [each and each.p for each in found] == [pytest.approx(0.03), None, pytest.approx(0.04), pytest.approx(0.04), None]
    assert [each.more_than_noise for each in found if each] == [True, True, True, False]
    assert not difference.corrected([made(0.03), *[made(0.5)] * 9])[0].more_than_noise
    assert difference.corrected([]) == []


def test_the_text_of_a_difference():
    text = cell.difference_text(difference.Difference(0.1, (0.05, 0.2), 1e-5, 3), 3)
    assert text == "**+10.0 [+5.0, +20.0] p < 0.001**"
    text = cell.difference_text(difference.Difference(0.1, (-0.05, 0.2), 0.4, 2), 3)
    assert text == "+10.0 [-5.0, +20.0] p 0.400 (2 of 3 seeds)"
    assert cell.difference_text(difference.Difference(0.1, (0.05, 0.2), None, 1), 1) == "+10.0 [+5.0, +20.0]"
    assert cell.difference_text(difference.Difference(-0.0004, (-0.0004, 0), None, 1), 1) == "+0.0 [+0.0, +0.0]"
    assert cell.difference_text(None, 3) == ""


def test_mean_and_deviation():
    assert cell.mean_and_deviation([0.5, 0.6, 0.7]) == "60.0 ± 10.0"
    assert cell.mean_and_deviation([0.5]) == "50.0"
    assert cell.mean_and_deviation([]) == ""


class FakeColumn:
    def __init__(self, title, averaged, scores):
        self.title, self.averaged, self.found = title, averaged, scores


def test_the_average_is_over_tasks_with_a_signal_by_seed():
    columns = [FakeColumn("a", True, {"1": 0.5, "2": 0.7}), FakeColumn("b", True, {"1": 0.7, "2": 0.7, "3": 0}),
               FakeColumn("c", False, {"1": 0})]
    scores = with_average(columns, ["m"], lambda column, _: column.found)
    # Seed 1: 0.6, seed 2: 0.7, seed 3 is not in both.
    assert cell.mean_and_deviation(scores["average"].dropna()) == "65.0 ± 7.1"
    assert with_average(columns[2:], ["m"], lambda column, _: column.found)["average"].isna().all()


def test_the_best_setting_breaks_ties_as_eval_does():
    settings = pd.DataFrame([(4, 0.5, 1, 0.3), (1, 0.5, 2, 0.3), (1, 0.5, 0.8, 0.3), (1, 0.5, 0.25, 0.3), (8, 0.2, 1, 0.3),
                             (1, 1, 1, 0.4)], columns=["k", "beta", "kb_temperature", "validation_loss"])
    settings = settings.assign(tau=0.1, seed="seed-1")
    assert sweep.best_settings(settings, ["seed"]).index.tolist() == [2]
    assert sweep.best_settings(settings, ["seed", "k"]).sort_values("k").index.tolist() == [2, 0, 4]
    tied = pd.DataFrame({"k": [4, 1], "beta": [0.5, 0.2], "kb_temperature": 1, "validation_loss": 0.3, "tau": 0.1, "seed": 1})
    assert sweep.best_settings(tied, ["seed"]).index.tolist() == [0]  # beta goes before k


def test_who_errs_where():
    """Two seeds of ten rows. The neighbors say what the student says, but for one row; the other seed errs elsewhere."""
    labels = [1] * 10
    wrong_in_2, wrong_in_3 = [0.4, 0.4] + [0.9] * 8, [0.9] * 7 + [0.2] * 3
    runs = {"kd": {"seed-1": opinions(labels, wrong_in_2, [0.4, 0.8] + [0.8] * 8),
                   "seed-2": opinions(labels, wrong_in_3, wrong_in_3)}}
    table = second_opinion.errors_table([task("made", runs)])
    # Wrong: of seed 1's two rows the neighbors have one and seed 2 has both, of seed 2's three none and all. Right: the neighbors err on
    # none; seed 2 on three of eight, seed 1 on two of seven.
    assert list(table.iloc[0]) == ["made", "kd", "8, 8", "25 %", "100 %", "0 %", "33 %"]
    # Half and half, seed 1 gains one of ten rows by its neighbors (0.6), seed 2 none. Together both have all rows: +2 and +3 of ten.
    mixed = second_opinion.mixed_table([task("made", runs)])
    assert [text.split(" ")[0] for text in mixed["made"]] == ["+5.0", "+25.0"]
    assert ["p" in text for text in mixed["made"]] == [True, False]


def test_a_second_opinion_needs_two_seeds_and_probabilities():
    one = {"kd": {"seed-1": opinions([1, 0], [0.9, 0.4], [0.9, 0.4])}}
    assert second_opinion.errors_table([task("made", one)]) is None
    assert second_opinion.mixed_table([task("made", one)]) is None
    without = {"kd": {seed: opinions([1, 0], [0.9, 0.6], [0.9, 0.4]) for seed in ("seed-1", "seed-2")}}
    for run in without["kd"].values():
        run.probabilities = {}  # of an archive without them
    assert list(second_opinion.errors_table([task("made", without)]).iloc[0]) == ["made", "kd", "8, 8", "100 %", "0 %", "0 %", "0 %"]
    assert second_opinion.mixed_table([task("made", without)]) is None


def test_scores_are_averaged():
    """A regression has no right and wrong rows; its two opinions' mean is a score."""
    labels = np.arange(6.0)
    runs = {"kd": {}}
    for seed, sign in (("seed-1", 1), ("seed-2", -1)):
        run = evaluation(labels, labels + sign * np.array([2.0, -2, 2, -2, 2, -2]), metric="pearson")
        run.decisions["retrieval"] = run.decisions["alone"]
        runs["kd"][seed] = run
    assert second_opinion.errors_table([task("made", runs)]) is None
    mixed = second_opinion.mixed_table([task("made", runs)])
    alone = np.mean([scipy.stats.pearsonr(labels, run.decisions["alone"])[0] for run in runs["kd"].values()])
    assert [text.split(" ")[0] for text in mixed["made"]] == ["+0.0", f"+{100 * (1 - alone):.1f}"]
