#!/usr/bin/env python3
"""bench/experiments.py with a binary that only writes what the stages write."""
import fcntl
import json
import re
import signal
import subprocess
import sys
import time
import types
import unittest

from fake_binary import PLAN, ROOT, WithFake  # before bench's modules, which it makes known
import chain
import experiments
import plan


class Driver(WithFake):
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
        self.assertIn("student-kd@0 is not chosen: had diverged with these options", self.run_plan(plan).stderr)
        self.assertEqual(sum("--alpha 9" in call for call in self.calls()), 1)
        mended = dict(PLAN, seeds=[1], methods=[{"method": "kd", "grid": [{"alpha": 0.8}, {"alpha": 0.3}]}])
        self.run_plan(mended)
        self.assertTrue((self.root / "runs/rte/seed-1/student-kd@0/metrics.json").exists())

    def test_what_diverged_without_a_choice_is_not_tried_again_either(self):
        plan = dict(PLAN, seeds=[1], methods=[{"method": "kd", "options": {"alpha": 9}}])
        for _ in range(2):
            done = self.run_plan(plan)
            self.assertEqual(done.returncode, 1)
            self.assertIn("rte seed 1 kd: ", done.stderr)
        self.assertEqual(sum("--alpha 9" in call for call in self.calls()), 1)

    def test_what_the_driver_does_not_expect_is_a_failure_too(self):
        student = self.root / "runs/rte/seed-1/student-kd@0"
        student.mkdir(parents=True)
        (student / "metrics.json").write_text('{"validation": {}}')
        done = self.run_plan(dict(PLAN, tasks=[*PLAN["tasks"], {"task": "mrpc"}], seeds=[1]))
        self.assertEqual(done.returncode, 1)
        self.assertIn("FAILED: rte seed 1 kd: StopIteration", done.stderr)
        self.assertTrue((self.root / "runs/mrpc/seed-1/eval-kd/metrics.json").exists())

    def test_a_finished_teacher_stays_as_it_is(self):
        plan = dict(PLAN, seeds=[1], methods=[{"method": "kd"}])
        self.run_plan(plan)
        self.run_plan(dict(plan, methods=[{"method": "kd"}, {"method": "rco"}]))
        self.assertFalse(any("--keep-trajectory" in call for call in self.calls()))
        self.run_plan(dict(plan, seeds=[2], methods=[{"method": "rco"}]))
        self.run_plan(dict(plan, seeds=[2]))
        self.assertEqual(sum("--keep-trajectory 4" in call for call in self.calls() if call.startswith("teacher")), 2)

    def test_a_broken_device_does_not_take_the_plan(self):
        tasks = ["rte", "mrpc", "sst2", "qnli", "wnli", "stsb"]
        done = self.run_plan(dict(PLAN, seeds=[1], tasks=[{"task": task} for task in tasks], methods=[{"method": "kd"}]),
                             "--devices", "cuda:0,cuda:1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("cuda:1: the teachers of two tasks in a row have failed on it; it is given no more", done.stderr)
        self.assertEqual(len(list(self.root.glob("runs/*/seed-1/eval-kd/metrics.json"))), len(tasks) - 2)

    def test_broken_tasks_do_not_take_the_devices(self):
        tasks = [{"task": "cola", "name": f"bad-{i}"} for i in range(4)] + [{"task": "rte"}, {"task": "mrpc"}]
        done = self.run_plan(dict(PLAN, tasks=tasks, methods=[{"method": "kd"}]), "--devices", "cuda:0,cuda:2")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(list(self.root.glob("runs/*/seed-*/eval-kd/metrics.json"))), 4)

    def test_hours_are_those_of_the_fullest_device(self):
        arguments = types.SimpleNamespace(devices=["cuda:0", "cuda:1"])
        runner = experiments.Runner({"seeds": [1, 2], "rate": 1}, arguments)
        runner.cost = lambda _, stage: 3600 * stage
        todo = [(types.SimpleNamespace(seed=seed, name=name), hours)
                for seed, name, hours in ((1, "a", 3), (1, "b", 1), (1, "b", 1), (1, "c", 2), (2, "a", 1), (2, "b", 2))]
        self.assertEqual(runner.hours(todo), 4 + 2)  # b and c beside a; then b beside a

    def test_two_drivers_share_a_directory(self):
        chain = self.root / "runs/rte/seed-1"
        chain.mkdir(parents=True)
        plan = dict(PLAN, seeds=[1], tasks=[{"task": "rte"}, {"task": "mrpc"}], methods=[{"method": "kd"}])
        with open(chain / ".lock", "w") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            driver = self.start(plan)
            while not (self.root / "runs/mrpc/seed-1/eval-kd/metrics.json").exists():
                time.sleep(0.05)
            self.assertEqual(list(chain.iterdir()), [chain / ".lock"])
        self.assertIn(b"rte seed 1: another driver works on it; waiting", driver.communicate(timeout=60)[1])
        self.assertEqual(driver.returncode, 0)
        self.assertTrue((chain / "eval-kd/metrics.json").exists())

    def test_a_stage_that_outlives_its_driver_keeps_the_lock(self):
        self.binary.write_text("#!/bin/sh\ntouch started\nwhile [ ! -e end ]; do sleep 0.05; done\n")
        driver = self.start(PLAN)
        while not (self.root / "started").exists():
            time.sleep(0.05)
        driver.kill()
        driver.wait()
        driver.stderr.close()
        with open(self.root / "runs/rte/seed-1/.lock", "w") as lock:
            with self.assertRaises(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            (self.root / "end").touch()
            fcntl.flock(lock, fcntl.LOCK_EX)  # once it has ended

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
                      "| --- | --- |\n| kd | alpha 0.9 (of 4) |", tables)
        self.assertNotIn("different configurations", tables)
        run = self.root / "runs/rte/seed-2/eval-kd/run.json"
        run.write_text(run.read_text().replace("student-kd@3", "student-kd@1"))
        self.assertIn("rte, kd: the seeds have students of different configurations (student-kd@1, student-kd@3)", self.report())

    def test_parts_of_a_plan_have_one_teacher(self):
        plan = dict(PLAN, seeds=[1], methods=[{"method": "kd"}, {"method": "rco"}])
        self.run_plan(plan, "--methods", "kd")
        self.assertIn("--keep-trajectory 4", next(call for call in self.calls() if call.startswith("teacher-finetune")))

    def test_a_hang_up_ends_the_stage_too(self):
        self.binary.write_text("#!/bin/sh\ntrap 'touch hung-up; exit 129' HUP\ntouch started\nwhile :; do sleep 0.05; done\n")
        child = self.start(PLAN)
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

    def test_methods_are_those_of_distill(self):
        listed = re.search(r"^\| `--method` \|.*?\|(.*?)\|", (ROOT / "docs/reference/options.md").read_text(), re.MULTILINE)
        self.assertEqual({name.strip() for name in listed[1].split(",")}, set(plan.METHODS))

    def test_options_become_flags(self):
        self.assertEqual(chain.flags({"a": 1, "b": True, "c": False, "d": [1, 4]}), ["--a", "1", "--b", "--d", "1,4"])


if __name__ == "__main__":
    unittest.main()
