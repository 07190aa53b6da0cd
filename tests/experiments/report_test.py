#!/usr/bin/env python3
"""experiments/reaugkd_experiments/report.py on runs of a binary that only writes what the stages write, and its statistics by hand."""
import itertools
import json
import math
import random
import shutil
import subprocess
import sys
import unittest

from fake_binary import PLAN, ROOT, WithFake  # before bench's modules, which it makes known
import paired
import report
import table_format


class Report(WithFake):
    def test_fewer_seeds_are_said_and_are_not_the_best(self):
        methods = [{"method": "kd"}, {"name": "part", "method": "kd"}]
        self.run_plan(dict(PLAN, methods=methods), "--methods", "kd")
        self.run_plan(dict(PLAN, methods=methods), "--seeds", "1")
        tables = self.report()
        self.assertIn("| kd | **50.0 ± 0.0** |", tables)
        self.assertIn("| part | 50.0 (1 of 2 seeds) |", tables)

    def test_two_plans_in_one_directory(self):
        self.run_plan(dict(PLAN, seeds=[1], methods=[{"method": "kd"}], evals=[{"name": "k4", "options": {"k": 4}}]))
        self.run_plan(dict(PLAN, seeds=[1], methods=[{"method": "pkd"}, {"method": "rkd"}]), name="another")
        tables = self.report()
        self.assertIn("| method | as it is | k4 |", tables)
        self.assertIn("- Planned, and no eval is finished: rkd.", tables)

    def test_tasks_of_one_name_in_two_directories(self):
        self.run_plan(dict(PLAN, seeds=[1], methods=[{"method": "kd"}]))
        (self.root / "runs").rename(self.root / "first")
        self.run_plan(dict(PLAN, seeds=[1], methods=[{"method": "pkd"}]))
        tables = self.report(self.root / "first")
        self.assertIn("| method | runs-rte | first-rte | average |", tables)
        self.assertIn("| kd |  | **50.0** |", tables)

    def test_what_was_selected_on_dev_stands_apart(self):
        self.run_plan(PLAN)
        self.run_plan(PLAN, "--select-on-dev", "--tasks", "rte")
        self.assertEqual([task["name"] for task in json.loads((self.root / "runs/plan-plan-dev.json").read_text())["tasks"]],
                         [task["task"] + "-dev" for task in PLAN["tasks"]])
        tables = subprocess.run([sys.executable, ROOT / "experiments/reaugkd_experiments/report.py", self.root / "runs"],
                                stdout=subprocess.PIPE, universal_newlines=True).stdout.split("### ")
        self.assertIn("Student alone\n\n| method | rte | average |", tables[1])
        self.assertIn("Student alone (selected on dev)\n\n| method | rte-dev | average |", tables[len(tables) // 2 + 1])

    def test_reports_errors_are_no_tracebacks(self):
        self.run_plan(dict(PLAN, seeds=[1], methods=[{"method": "kd"}]))
        (self.root / "figures.json").write_text('[{"method": "x"}]')
        for arguments, text in (([self.root / "none"], "there is no such directory"), ([self.root / "RTE"], "no finished eval"),
                                ([self.root / "runs", "--published", self.root / "figures.json"], "expected [{")):
            done = subprocess.run([sys.executable, ROOT / "experiments/reaugkd_experiments/report.py", *arguments], stderr=subprocess.PIPE,
                                  universal_newlines=True)
            self.assertEqual(done.returncode, 1)
            self.assertIn(text, done.stderr)
            self.assertNotIn("Traceback", done.stderr)

    def test_a_run_that_goes_on_is_no_part_of_it(self):
        self.run_plan(dict(PLAN, seeds=[1], methods=[{"method": "kd"}]))
        begun = self.root / "runs/rte/seed-2/teacher"
        begun.mkdir(parents=True)
        (begun / "run.json").write_text('{"machine": {}}')
        self.assertIn("1 seed,", self.report())

    def test_a_metric_of_ones_own_and_rows_without_labels(self):
        self.run_plan(dict(PLAN, seeds=[1], methods=[{"method": "kd"}]))
        directory = self.root / "runs/rte/seed-1/eval-kd"
        metrics = (directory / "metrics.json").read_text()
        (directory / "metrics.json").write_text(metrics.replace("accuracy", "f1"))
        with open(directory / "predictions.tsv", "a") as file:
            file.write("4\t\t0" + "\t0.5" * 6 + "\n")
        self.assertIn("| kd | **50.0** |", self.report())

    def test_report(self):
        self.run_plan(dict(PLAN, options={"eval": {"sweep": True}}))
        for form, text in (("markdown", "| kd | +25.0 ["), ("latex", "\\toprule"), ("csv", '"method","rte"'),
                           ("markdown", "| kd | 75.0 ± 0.0 | 100.0 ± 0.0 |"), ("markdown", "| distill kd, s | 2.0 |"), ("latex", "50.0 $\\pm$ 0.0"),
                           ("markdown", "| retrieval on top, % | 25.0 |")):
            done = subprocess.run([sys.executable, ROOT / "experiments/reaugkd_experiments/report.py", self.root / "runs", "--format", form,
                                   "--method", "kd"],
                                  stdout=subprocess.PIPE, universal_newlines=True)
            self.assertEqual(done.returncode, 0)
            self.assertIn(text, done.stdout)


    def test_the_best_against_the_runner_up(self):
        self.run_plan(dict(PLAN, methods=[{"method": "kd"}, {"method": "pkd"}, {"method": "takd"}]))
        for seed in (1, 2):  # two of four right, then three
            predictions = self.root / f"runs/rte/seed-{seed}/eval-pkd/predictions.tsv"
            predictions.write_text(predictions.read_text().replace("\t0.1\t0.9\t0.5", "\t0.9\t0.1\t0.5"))
            metrics = predictions.with_name("metrics.json")
            metrics.write_text(metrics.read_text().replace('"student": {"accuracy": 0.5}', '"student": {"accuracy": 0.75}'))
        tables = self.report("--method", "kd")
        self.assertIn("| pkd | **75.0 ± 0.0** | **75.0 ± 0.0** |", tables)
        self.assertIn("| student alone | pkd over kd: +25.0 [+0.0, +75.0] p 1.000, seeds [+25.0, +25.0] |", tables)
        self.assertIn("| pkd alone | +0.0 [+0.0, +0.0] p 1.000, seeds [+0.0, +0.0] |", tables)
        self.assertIn("| pkd with retrieval | ", tables)

    def test_differences_and_averages_say_how_many_seeds_they_have(self):
        methods = [{"method": "kd"}, {"name": "part", "method": "kd"}]
        self.run_plan(dict(PLAN, methods=methods), "--methods", "kd")
        self.run_plan(dict(PLAN, methods=methods), "--seeds", "1")
        tables = self.report("--method", "kd")
        self.assertIn("| part | 50.0 (1 of 2 seeds) | 50.0 (1 of 2 seeds) |", tables)
        self.assertIn("| part | +25.0 [+0.0, +75.0] p 1.000 (1 of 2 seeds) |", tables)

    def test_what_cannot_be_paired_is_left_out(self):
        evals = [{"name": "test", "options": {"split": "test"}}, {"name": "holdout", "options": {"split": "holdout"}}]
        self.run_plan(dict(PLAN, seeds=[1], methods=[{"method": "kd"}], evals=evals))
        seed = self.root / "runs/rte/seed-1"
        metrics = seed / "eval-kd@test/metrics.json"
        metrics.write_text(json.dumps({**json.loads(metrics.read_text()), "metrics": {"student": {}}}))
        other = seed / "eval-kd@holdout/predictions.tsv"
        other.write_text(other.read_text() + "9\t1\t1" + "\t0.5" * 6 + "\n")
        shutil.copytree(seed / "eval-kd", seed / "eval-kd.tmp-overwrite")
        shutil.copytree(seed, seed.with_name("seed-1.bak"))
        tables = self.report()
        self.assertIn(f"- Left out: {seed}/eval-kd@test: no scored row has a label.", tables)
        self.assertIn(f"- Left out: {seed}/eval-kd@holdout: its rows are not those of the task's other evaluations.", tables)
        self.assertIn("9 rows trained on, 1 seed,", tables)
        self.assertNotIn("tmp-overwrite |", tables)
        self.assertNotIn("@holdout |", tables)

    def test_one_evaluation_of_other_rows_does_not_leave_out_the_others(self):
        self.run_plan(dict(PLAN, seeds=[1], methods=[{"method": "kd"}, {"method": "pkd"}, {"method": "takd"}]))
        with open(self.root / "runs/rte/seed-1/eval-kd/predictions.tsv", "a") as file:
            file.write("9\t1\t1" + "\t0.5" * 6 + "\n")
        tables = self.report("--method", "pkd")
        self.assertNotIn("| kd |", tables)
        self.assertIn("| pkd | **50.0** |", tables)

    def test_sweeps_of_two_grids(self):
        self.run_plan(dict(PLAN, seeds=[1], methods=[{"method": "kd"}, {"method": "pkd"}], options={"eval": {"sweep": True}}))
        sweep = self.root / "runs/rte/seed-1/eval-pkd/sweep.tsv"
        sweep.write_text(sweep.read_text().replace("\n4\t", "\n8\t"))
        self.assertIn("| method | 1 | 4 | 8 |\n| --- | --- | --- | --- |\n| kd | 75.0 | 100.0 |  |\n| pkd | 75.0 |  | 100.0 |",
                      self.report())

    def test_published_figures(self):
        self.run_plan(dict(PLAN, seeds=[1]), "--select-on-dev")
        figures = self.root / "figures.json"
        figures.write_text(json.dumps([{"method": "BERT*", "cells": [{"task": "rte", "value": "71.1", "source": "a | b"},
                                                                     {"task": "RTE", "value": "0", "source": "c"}]}]))
        tables = self.report("--published", figures)
        self.assertIn("| BERT* (published) | 71.1 [a \\| b] |  |", tables)
        self.assertIn("- BERT* (published): there is no task RTE here.", tables)

    def test_budgets_that_differ_are_said(self):
        self.run_plan(PLAN)
        self.assertIn("- The plan's budgets differ; configurations: kd 3, takd 1.", self.report())


class Statistics(unittest.TestCase):
    def test_matthews(self):
        # tp 2, tn 1, fp 1, fn 1: (2 - 1) / sqrt(3 * 3 * 2 * 2)
        self.assertAlmostEqual(paired.matthews([1, 1, 0, 1, 0], [1, 1, 1, 0, 0]), 1 / 6)
        self.assertEqual(paired.matthews([1, 1], [0, 1]), 0)
        # Three classes, confusion (predicted, expected): 2 x (0, 0), (1, 1), (2, 1), (0, 2): n 5, right 3, predicted 3, 1, 1,
        # expected 2, 2, 1: (15 - 9) / sqrt((25 - 11) (25 - 9)).
        self.assertAlmostEqual(paired.matthews([0, 0, 1, 2, 0], [0, 0, 1, 1, 2]), 6 / math.sqrt(14 * 16))

    def test_interval_of_an_average(self):
        """Two tasks of 400 rows, +0.1 and -0.02: mean 0.04, deviation half the root of the sum of their variances."""
        def task(better, worse):
            run = paired.Run.__new__(paired.Run)
            run.labels = [0] * 400
            run.decisions = {"alone": [1] * better + [0] * (400 - better), "combined": [0] * (400 - worse) + [1] * worse}
            made = paired.Task.__new__(paired.Task)
            made.name, made.metric, made.runs = f"{better} {worse}", "accuracy", {"m": {"seed-1": run}}
            return made

        tasks = [task(60, 20), task(20, 28)]
        mean, low, high, p, over_seeds, seeds = paired.average_interval(tasks, ("m", "combined"), ("m", "alone"))
        deviation = math.sqrt((80 / 400 - 0.01) / 400 + (48 / 400 - 0.0004) / 400) / 2
        self.assertAlmostEqual(mean, 0.04)
        self.assertAlmostEqual(low, 0.04 - 1.96 * deviation, delta=0.004)
        self.assertAlmostEqual(high, 0.04 + 1.96 * deviation, delta=0.004)
        self.assertEqual((p, over_seeds, seeds), (None, None, 1))
        tasks[1].runs = {}
        self.assertIsNone(paired.average_interval(tasks, ("m", "combined"), ("m", "alone")))

    def test_a_p_value_is_never_zero(self):
        task = paired.Task.__new__(paired.Task)
        task.teacher = {"seed-1": 1}
        difference = paired.Difference(0.1, 0.05, 0.2, 1 / 2001, (-0.1, 0.3), 1)
        self.assertEqual(report.difference_text(difference, [task]), "+10.0 [+5.0, +20.0] p < 0.001, seeds [-10.0, +30.0]")

    def test_interval_over_seeds(self):
        """Differences 0.01, 0.02 and 0.06: mean 0.03, deviation sqrt(0.0007), t of two degrees of freedom 4.303."""
        low, high = paired.over_seeds([0.01, 0.02, 0.06])
        self.assertAlmostEqual(low, 0.03 - 4.303 * math.sqrt(0.0007 / 3))
        self.assertAlmostEqual(high, 0.03 + 4.303 * math.sqrt(0.0007 / 3))
        self.assertIsNone(paired.over_seeds([0.01]))
        even = [0, 1] * 10 + [0.5]  # 20 degrees of freedom: 2.086
        self.assertAlmostEqual(paired.over_seeds(even)[1] - 0.5, 2.086 * math.sqrt(5 / 20 / 21), delta=0.001)

    def test_equal_methods_are_seldom_told_apart(self):
        """Two methods of one expected accuracy, three students each, which move by 3 points from seed to seed; 300 rows."""
        draw = random.Random(0)
        trials, over_rows, both = 40, 0, 0
        for trial in range(trials):
            task = paired.Task.__new__(paired.Task)
            task.name, task.metric, task.runs = str(trial), "accuracy", {"a": {}, "b": {}}
            hard = [draw.random() for _ in range(300)]
            for method, seed in itertools.product("ab", range(3)):
                run = paired.Run.__new__(paired.Run)
                skill = 0.8 + draw.gauss(0, 0.03)
                run.labels = [1] * len(hard)
                run.decisions = {"alone": [int((h if draw.random() < 0.8 else draw.random()) < skill) for h in hard]}
                task.runs[method][seed] = run
            difference = paired.interval(task, ("a", "alone"), ("b", "alone"))
            rows = difference.low > 0 or difference.high < 0
            over_rows += rows
            both += rows and (difference.over_seeds[0] > 0 or difference.over_seeds[1] < 0)
        self.assertGreater(over_rows, trials // 4)
        self.assertLessEqual(both, trials // 10, over_rows)

    def test_permutation_of_rows_of_two_sizes(self):
        """Exactly: of 3 rows of 1 and 2 of -1/2, 32 sign flips, those with |sum| >= 2."""
        each = [1, 1, 1, -0.5, -0.5]
        exact = sum(abs(sum(sign * x for sign, x in zip(signs, each))) >= 2 for signs in itertools.product((1, -1), repeat=5)) / 32
        self.assertAlmostEqual(paired.permutation_p(each, random.Random(0)), exact, delta=0.03)

    def test_latex_of_a_source(self):
        self.assertIn("A \\& B \\#1 5 \\% x\\_y", table_format.as_latex("", [["A & B #1 5 % x_y"]]))

    def test_pearson(self):
        self.assertAlmostEqual(paired.pearson([1, 2, 3], [2, 4, 6]), 1)
        self.assertAlmostEqual(paired.pearson([1, 2, 3], [1, 3, 2]), 0.5)

    def test_mean_and_deviation(self):
        self.assertEqual(report.mean_and_deviation([0.5, 0.6, 0.7]), "60.0 ± 10.0")
        self.assertEqual(report.mean_and_deviation([0.5]), "50.0")

    def test_the_average_is_over_tasks_with_a_signal_by_seed(self):
        def task(signal, scores):
            made = paired.Task.__new__(paired.Task)
            made.signal, made.teacher = signal, scores
            return made

        tasks = [task(True, {"1": 0.5, "2": 0.7}), task(True, {"1": 0.7, "2": 0.7, "3": 0}), task(False, {"1": 0})]
        # Seed 1: 0.6, seed 2: 0.7, seed 3 is not in both.
        self.assertEqual(report.mean_and_deviation(report.averages(tasks, lambda each: each.teacher).values()), "65.0 ± 7.1")
        self.assertEqual(report.averages(tasks[2:], lambda each: each.teacher), {})

    def test_the_best_setting_breaks_ties_as_eval_does(self):
        rows = [{"k": k, "tau": 0.1, "beta": beta, "kb_temperature": temperature, "validation_loss": loss}
                for k, beta, temperature, loss in ((4, 0.5, 1, 0.3), (1, 0.5, 2, 0.3), (1, 0.5, 0.8, 0.3),
                                                   (1, 0.5, 0.25, 0.3), (8, 0.2, 1, 0.3), (1, 1, 1, 0.4))]
        self.assertEqual(report.best_setting(rows), rows[2])

    def test_interval_of_a_binomial(self):
        """100 rows, 20 better and 10 worse: mean 0.1, deviation sqrt(0.3 - 0.01) / 10; exact McNemar p 0.0987."""
        y = [0] * 100
        right = [1] * 20 + [0] * 80
        left = [0] * 20 + [1] * 10 + [0] * 70
        run = paired.Run.__new__(paired.Run)
        run.labels, run.decisions = y, {"alone": right, "combined": left}
        task = paired.Task.__new__(paired.Task)
        task.name, task.metric, task.runs = "toy", "accuracy", {"m": {"seed-1": run}}
        mean, low, high, p, _, _ = paired.interval(task, ("m", "combined"), ("m", "alone"))
        self.assertAlmostEqual(mean, 0.1)
        self.assertAlmostEqual(low, 0.1 - 1.96 * math.sqrt(0.29) / 10, delta=0.02)
        self.assertAlmostEqual(high, 0.1 + 1.96 * math.sqrt(0.29) / 10, delta=0.02)
        self.assertAlmostEqual(p, 0.0987, delta=0.03)


if __name__ == "__main__":
    unittest.main()
