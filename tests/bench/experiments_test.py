#!/usr/bin/env python3
"""bench/experiments.py with a binary that only writes what the stages write, and report.py's statistics by hand."""
import json
import math
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
import chain  # noqa: E402
import paired  # noqa: E402
import plan  # noqa: E402
import report  # noqa: E402

# Scores grow with --alpha, at 9 it diverges; --method rkd and task cola fail; every call leaves a line in calls.txt.
FAKE = """#!/usr/bin/env python3
import json, pathlib, sys
arguments = sys.argv[1:]
options = {}
for i, text in enumerate(arguments):
    if text.startswith("--"):
        options[text[2:]] = arguments[i + 1] if i + 1 < len(arguments) and arguments[i + 1][:2] != "--" else True
out = pathlib.Path(options["output"])
with open(pathlib.Path(sys.argv[0]).parent / "calls.txt", "a") as calls:
    calls.write(" ".join(arguments) + "\\n")
if options.get("method") == "rkd" or options.get("task") == "cola":
    sys.exit("error: broken on purpose")
if options.get("alpha") == "9":
    sys.exit(6)
if (out / "metrics.json").exists() and not options.get("overwrite"):
    sys.exit(0)
out.mkdir(parents=True, exist_ok=True)
(out / "run.json").write_text(json.dumps({"machine": {"precision": "fp32", "description": "a fake"},
                                          "options": {name: options.get(name) for name in ("model", "keys")}}))
score = float(options.get("alpha", 0.5))
metrics = {"validation": {"accuracy": score}, "train_examples": 9, "examples": 4,
           "validation_split": options.get("validation", "holdout:0.1"), "timing": {"total_seconds": 8 if "k" in options else 2}}
if arguments[0] == "eval":
    metrics["metrics"] = {"student": {"accuracy": 0.5}, "combined": {"accuracy": 0.75},
                          "retrieval": {"accuracy": 0.25}, "teacher": {"accuracy": 1.0}}
    metrics["majority"] = {"accuracy": 0.5}
    metrics["retrieval"] = {"beta": 0.5, "k": 4}
    metrics["latency"] = {"batch_1": {"model": {"p50_ms": 4}, "with_retrieval": {"p50_ms": 5}, "overhead_percent": 25}}
    if options.get("sweep"):
        (out / "sweep.tsv").write_text("k\\ttau\\tbeta\\tkb_temperature\\tvalidation_loss\\tloss\\taccuracy\\n"
                                       "1\\t0.1\\t0\\t1\\t0.7\\t0.7\\t0.5\\n1\\t0.1\\t1\\t1\\t0.6\\t0.6\\t0.75\\n"
                                       "4\\t0.1\\t0\\t1\\t0.2\\t0.2\\t1\\n4\\t0.1\\t1\\t2\\t0.6\\t0.6\\t0.75\\n")
    lines = ["index\\tlabel\\tprediction\\tp_0\\tp_1\\tstudent_p_0\\tstudent_p_1\\tkb_p_0\\tkb_p_1"]
    for i, (label, p, s) in enumerate([(0, .9, .9), (1, .2, .3), (0, .8, .1), (1, .6, .7)]):
        lines.append(f"{i}\\t{label}\\t0\\t{p}\\t{1 - p}\\t{s}\\t{1 - s}\\t0.5\\t0.5")
    (out / "predictions.tsv").write_text("\\n".join(lines) + "\\n")
(out / "metrics.json").write_text(json.dumps(metrics))
"""

PLAN = {"seeds": [1, 2], "student_layers": "0", "assistant_layers": "0,1", "tasks": [{"task": "rte", "folder": "RTE"}],
        "methods": [{"method": "kd", "grid": [{"alpha": 0.1}, {"alpha": 0.7}, {"alpha": 0.3}]}, {"method": "takd"}]}


class Driver(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        (self.root / "RTE").mkdir()
        self.binary = self.root / "fake"
        self.binary.write_text(FAKE)
        self.binary.chmod(0o755)

    def tearDown(self):
        self.folder.cleanup()

    def report(self, *more):
        done = subprocess.run([sys.executable, ROOT / "bench/report.py", self.root / "runs", *more], stderr=subprocess.PIPE,
                              stdout=subprocess.PIPE, universal_newlines=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def run_plan(self, plan, *more, name="plan"):
        path = self.root / f"{name}.json"
        path.write_text(json.dumps(plan))
        return subprocess.run([sys.executable, ROOT / "bench/experiments.py", path, "--binary", self.binary, "--glue",
                               self.root, "--model", "m", "--output", self.root / "runs", *more],
                              stderr=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True)

    def calls(self):
        return (self.root / "calls.txt").read_text().splitlines()

    def test_tunes_on_the_first_seed_and_keeps_the_best(self):
        done = self.run_plan(PLAN)
        self.assertEqual(done.returncode, 0, done.stderr)
        kd = sorted(p.name for p in (self.root / "runs/rte/seed-1").glob("student-kd*"))
        self.assertEqual(kd, ["student-kd@0", "student-kd@1", "student-kd@2"])
        self.assertEqual([p.name for p in (self.root / "runs/rte/seed-2").glob("student-kd*")], ["student-kd@1"])
        evals = [call for call in self.calls() if call.startswith("eval") and "eval-kd" in call]
        self.assertTrue(all("student-kd@1" in call for call in evals))
        self.assertEqual(sum(call.startswith("build-kb") for call in self.calls()), 2)

    def test_the_assistant_is_between(self):
        self.run_plan(PLAN)
        takd = next(call for call in self.calls() if "--method takd" in call)
        self.assertIn("seed-1/assistant", takd)
        assistant = next(call for call in self.calls() if call.endswith("--quiet") and "seed-1/assistant " in call)
        self.assertIn("--student-layers 0,1 ", assistant)

    def test_what_is_finished_is_used(self):
        self.run_plan(PLAN)
        again = self.run_plan(PLAN, "--dry-run")
        self.assertEqual([line for line in again.stdout.splitlines() if "student-kd" not in line], [])

    def test_one_failure_does_not_stop_the_others(self):
        plan = dict(PLAN, methods=[{"method": "rkd"}, {"method": "kd"}])
        done = self.run_plan(plan)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("broken on purpose", done.stderr)
        self.assertTrue((self.root / "runs/rte/seed-2/eval-kd/metrics.json").exists())

    def test_a_failed_teacher_stops_its_chain_alone(self):
        plan = dict(PLAN, tasks=[{"task": "cola"}, {"task": "rte"}], methods=[{"method": "kd"}])
        done = self.run_plan(plan)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("cola seed 1 kd: its --kb", done.stderr)
        self.assertFalse(any("distill" in call and "/cola/" in call for call in self.calls()))
        self.assertTrue((self.root / "runs/rte/seed-2/eval-kd/metrics.json").exists())

    def test_a_configuration_that_diverges_is_not_chosen(self):
        plan = dict(PLAN, methods=[{"method": "kd", "grid": [{"alpha": 9}, {"alpha": 0.3}]}])
        self.assertEqual(self.run_plan(plan).returncode, 0)
        self.assertTrue((self.root / "runs/rte/seed-2/student-kd@1").exists())

    def test_what_diverged_is_not_tried_again(self):
        plan = dict(PLAN, seeds=[1], methods=[{"method": "kd", "grid": [{"alpha": 9}, {"alpha": 0.3}]}])
        self.run_plan(plan)
        self.assertEqual(self.run_plan(plan, "--dry-run").stdout, "")
        self.assertIn("had diverged and is left out", self.run_plan(plan).stderr)
        self.assertEqual(sum("--alpha 9" in call for call in self.calls()), 1)
        mended = dict(PLAN, seeds=[1], methods=[{"method": "kd", "grid": [{"alpha": 0.8}, {"alpha": 0.3}]}])
        self.run_plan(mended)
        self.assertTrue((self.root / "runs/rte/seed-1/student-kd@0/metrics.json").exists())

    def test_another_choice_makes_the_evaluations_again(self):
        plan = dict(PLAN, evals=[{"name": "keys", "keys": True}])
        self.run_plan(plan)
        better = {"method": "kd", "grid": [*PLAN["methods"][0]["grid"], {"alpha": 0.9}]}
        done = self.run_plan(dict(plan, methods=[better]))
        self.assertEqual(done.returncode, 0, done.stderr)
        for seed in (1, 2):
            for name, option in (("eval-kd", "model"), ("eval-kd@keys", "model"), ("kb-of-kd", "keys")):
                run = json.loads((self.root / f"runs/rte/seed-{seed}/{name}/run.json").read_text())
                self.assertTrue(run["options"][option].endswith("student-kd@3"), name)
        tables = self.report("--method", "kd")
        self.assertIn("### Options chosen on the validation part of the first seed\n\n| method | rte |\n"
                      "| --- | --- |\n| kd | alpha 0.9 |", tables)
        self.assertNotIn("different configurations", tables)
        run = self.root / "runs/rte/seed-2/eval-kd/run.json"
        run.write_text(run.read_text().replace("student-kd@3", "student-kd@1"))
        self.assertIn("rte, kd: the seeds have students of different configurations (1, 3)", self.report())

    def test_parts_of_a_plan_have_one_teacher(self):
        plan = dict(PLAN, seeds=[1], methods=[{"method": "kd"}, {"method": "rco"}])
        self.run_plan(plan, "--methods", "kd")
        self.assertIn("--keep-trajectory 4", next(call for call in self.calls() if call.startswith("teacher-finetune")))

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

    def test_a_hang_up_ends_the_stage_too(self):
        self.binary.write_text("#!/bin/sh\ntrap 'touch hung-up; exit 129' HUP\ntouch started\nwhile :; do sleep 0.05; done\n")
        (self.root / "plan.json").write_text(json.dumps(PLAN))
        child = subprocess.Popen([sys.executable, ROOT / "bench/experiments.py", "plan.json", "--binary", self.binary, "--glue",
                                  ".", "--model", "m", "--output", "runs"], cwd=self.root, stderr=subprocess.PIPE)
        while not (self.root / "started").exists():
            time.sleep(0.05)
        child.send_signal(signal.SIGHUP)
        self.assertIn(b"stopped; the same command goes on", child.communicate(timeout=60)[1])
        self.assertEqual(child.returncode, 129)
        self.assertTrue((self.root / "hung-up").exists())

    def test_no_other_seed_tunes(self):
        plan = dict(PLAN, methods=[{"method": "rkd", "grid": [{}, {"alpha": 0.3}]}])
        done = self.run_plan(plan)
        self.assertIn("rte seed 2 rkd: was not tuned: seed 1 has failed", done.stderr)
        self.assertFalse(any("distill" in call and "seed-2" in call for call in self.calls()))

    def test_one_student_has_several_evaluations(self):
        plan = dict(PLAN, seeds=[1], kbs=[{"name": "more", "options": {"extend-files": "{glue}/more.tsv"}}],
                    methods=[{"method": "kd"}, {"name": "kd-more", "method": "kd", "kb": "more"}],
                    evals=[{"name": "k4", "options": {"k": 4}, "methods": ["kd"]}, {"name": "more", "kb": "more"},
                           {"name": "keys", "kb": "more", "keys": True, "methods": ["kd"]}])
        self.assertEqual(self.run_plan(plan).returncode, 0)
        evals = sorted(p.name for p in (self.root / "runs/rte/seed-1").glob("eval-*"))
        self.assertEqual(evals, ["eval-kd", "eval-kd-more", "eval-kd-more@more", "eval-kd@k4", "eval-kd@keys", "eval-kd@more"])
        calls = {call.split("--output ")[1].split()[0].rpartition("/")[2]: call for call in self.calls()}
        self.assertEqual(sum("distill" in call for call in calls.values()), 2)
        self.assertIn(f"--extend {self.root}/runs/rte/seed-1/kb --extend-files {self.root}/more.tsv", calls["kb-more"])
        self.assertIn("seed-1/kb-more ", calls["student-kd-more"])
        self.assertIn("seed-1/kb-more ", calls["eval-kd-more"])
        self.assertIn("seed-1/kb-more ", calls["eval-kd@more"])
        self.assertIn("seed-1/kb ", calls["eval-kd@k4"])
        self.assertIn("--k 4", calls["eval-kd@k4"])
        self.assertIn("seed-1/kb-more-of-kd ", calls["eval-kd@keys"])
        self.assertIn(f"seed-1/kb-more --keys {self.root}/runs/rte/seed-1/student-kd", calls["kb-more-of-kd"])
        report_of = subprocess.run([sys.executable, ROOT / "bench/report.py", self.root / "runs", "--method", "kd"],
                                   stdout=subprocess.PIPE, universal_newlines=True).stdout
        self.assertIn("| method | as it is | k4 | more |", report_of)
        self.assertNotIn("| kd@", report_of)
        self.assertIn("| eval kd, s | 2.0 |", report_of)  # not "k4", which takes 8
        self.assertIn("| kd | +25.0, -, 25.0, 0.5 (4) |", report_of)

    def test_what_was_selected_on_dev_stands_apart(self):
        self.run_plan(PLAN)
        self.run_plan(PLAN, "--select-on-dev", "--tasks", "rte")
        self.assertEqual([task["name"] for task in json.loads((self.root / "runs/plan-plan-dev.json").read_text())["tasks"]],
                         [task["task"] + "-dev" for task in PLAN["tasks"]])
        tables = subprocess.run([sys.executable, ROOT / "bench/report.py", self.root / "runs"],
                                stdout=subprocess.PIPE, universal_newlines=True).stdout.split("### ")
        self.assertIn("Student alone\n\n| method | rte | average |", tables[1])
        self.assertIn("Student alone (selected on dev)\n\n| method | rte-dev | average |", tables[len(tables) // 2 + 1])

    def test_bad_plans_are_refused(self):
        for change, text in (({"methods": [{"method": "kd", "grid": [{}] * 5}]}, "5 configurations"),
                             ({"seeds": []}, '"seeds"'), ({"sedes": 1}, 'unknown key "sedes"'),
                             ({"assistant_layers": ""}, "assistant_layers"),
                             ({"tasks": [{"task": "rte"}, {"task": "rte"}]}, "name"),
                             ({"evals": [{"name": "a@b"}]}, "without @"),
                             ({"evals": [{"name": "a", "kb": "none"}]}, "not one of"),
                             ({"evals": [{"name": "a", "methods": ["kdd"]}]}, 'no method "kdd"'),
                             ({"evals": [{"name": "a", "option": {}}]}, 'evals: unknown key "option"'),
                             ({"evals": {"name": "a"}}, "expected a list"),
                             ({"options": {"distil": {}}}, 'options: unknown key "distil"'),
                             ({"options": []}, "is no object"),
                             ({"methods": ["kd"]}, "'kd' is no object"),
                             ({"methods": [{"method": "kd", "grids": [{}]}]}, 'unknown key "grids"'),
                             ({"methods": [{"method": "kd", "grid": {"alpha": 1}}]}, "expected a list of options"),
                             ({"methods": [{"method": "kd", "options": {"alpha": None}}]}, "names and values"),
                             ({"tasks": [{"task": "rte", "foldr": "RTE"}]}, 'unknown key "foldr"'),
                             ({"tasks": [{"task": "rte", "folder": "none"}]}, "there is no directory"),
                             ({"seeds": [1, 1]}, "names one twice"),
                             ({"methods": [{"method": "rkds"}]}, '"rkds" is not one of finetune, kd, reaugkd'),
                             ({"methods": [{"method": "kd"}, {"method": "kd"}]}, "name")):
            done = self.run_plan(dict(PLAN, **change))
            self.assertEqual(done.returncode, 1)
            self.assertIn(text, done.stderr)

    def test_parts_that_are_not_in_the_plan_are_refused(self):
        for flag, given in (("--methods", "kd,kdd"), ("--tasks", "rte,cloa"), ("--seeds", "1,9")):
            done = self.run_plan(PLAN, flag, given)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f'"{given.partition(",")[2]}" is not in the plan', done.stderr)
        self.assertIn("there is no such program", self.run_plan(PLAN, "--binary", "none").stderr)

    def test_reports_errors_are_no_tracebacks(self):
        self.run_plan(dict(PLAN, seeds=[1], methods=[{"method": "kd"}]))
        (self.root / "figures.json").write_text('[{"method": "x"}]')
        for arguments, text in (([self.root / "none"], "there is no such directory"), ([self.root / "RTE"], "no finished eval"),
                                ([self.root / "runs", "--published", self.root / "figures.json"], "expected [{")):
            done = subprocess.run([sys.executable, ROOT / "bench/report.py", *arguments], stderr=subprocess.PIPE,
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

    def test_methods_are_those_of_distill(self):
        listed = re.search(r"^\| `--method` \|.*?\|(.*?)\|", (ROOT / "docs/options.md").read_text(), re.MULTILINE)
        self.assertEqual({name.strip() for name in listed[1].split(",")}, set(plan.METHODS))

    def test_options_become_flags(self):
        self.assertEqual(chain.flags({"a": 1, "b": True, "c": False, "d": [1, 4]}), ["--a", "1", "--b", "--d", "1,4"])

    def test_report(self):
        self.run_plan(dict(PLAN, options={"eval": {"sweep": True}}))
        for form, text in (("markdown", "| kd | +25.0 ["), ("latex", "\\toprule"), ("csv", '"method","rte"'),
                           ("markdown", "| kd | 75.0 ± 0.0 | 100.0 ± 0.0 |"), ("markdown", "| distill kd, s | 2.0 |"), ("latex", "50.0 $\\pm$ 0.0"),
                           ("markdown", "| retrieval on top, % | 25.0 |")):
            done = subprocess.run([sys.executable, ROOT / "bench/report.py", self.root / "runs", "--format", form,
                                   "--method", "kd"],
                                  stdout=subprocess.PIPE, universal_newlines=True)
            self.assertEqual(done.returncode, 0)
            self.assertIn(text, done.stdout)


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
            made.metric, made.signal, made.runs = "accuracy", True, {"m": {"seed-1": run}}
            return made

        tasks = [task(60, 20), task(20, 28)]
        mean, low, high, p = paired.average_interval(tasks, ("m", "combined"), ("m", "alone"))
        deviation = math.sqrt((80 / 400 - 0.01) / 400 + (48 / 400 - 0.0004) / 400) / 2
        self.assertAlmostEqual(mean, 0.04)
        self.assertAlmostEqual(low, 0.04 - 1.96 * deviation, delta=0.004)
        self.assertAlmostEqual(high, 0.04 + 1.96 * deviation, delta=0.004)
        self.assertIsNone(p)
        tasks[1].runs = {}
        self.assertIsNone(paired.average_interval(tasks, ("m", "combined"), ("m", "alone")))

    def test_a_p_value_is_never_zero(self):
        self.assertEqual(report.difference_text((0.1, 0.05, 0.2, 1 / 2001)), "+10.0 [+5.0, +20.0] p < 0.001")

    def test_latex_of_a_source(self):
        self.assertIn("A \\& B \\#1 5 \\% x\\_y", report.as_latex("", [["A & B #1 5 % x_y"]]))

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
        self.assertEqual(report.over_tasks(tasks, lambda each: each.teacher), "65.0 ± 7.1")
        self.assertEqual(report.over_tasks(tasks[2:], lambda each: each.teacher), "")

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
        task.metric, task.runs = "accuracy", {"m": {"seed-1": run}}
        mean, low, high, p = paired.interval(task, ("m", "combined"), ("m", "alone"))
        self.assertAlmostEqual(mean, 0.1)
        self.assertAlmostEqual(low, 0.1 - 1.96 * math.sqrt(0.29) / 10, delta=0.02)
        self.assertAlmostEqual(high, 0.1 + 1.96 * math.sqrt(0.29) / 10, delta=0.02)
        self.assertAlmostEqual(p, 0.0987, delta=0.03)


if __name__ == "__main__":
    unittest.main()
