"""A binary that only writes what the stages write, and a folder in which the run command works with it."""
import json
import pathlib
import subprocess
import sys

from reaugkd_experiments import report

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = [sys.executable, "-m", "reaugkd_experiments"]

# Scores grow with --alpha, at 9 it diverges; --method rkd, task cola and cuda:1 fail; every call leaves a line in calls.txt.
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
if options.get("method") == "rkd" or options.get("task") == "cola" or options.get("device") == "cuda:1":
    sys.exit("error: broken on purpose")
if options.get("alpha") == "9":
    sys.exit(6)
if (out / "metrics.json").exists() and not options.get("overwrite"):
    sys.exit(0)
out.mkdir(parents=True, exist_ok=True)
(out / "run.json").write_text(json.dumps({"machine": {"precision": "fp32", "description": "a fake"},
                                          "options": {"keep_trajectory": int(options.get("keep-trajectory", 0)),
                                                      **{name: options.get(name) for name in ("model", "keys")}}}))
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
    lines = ["index\\tlabel\\tprediction\\tp_0\\tp_1\\tstudent_p_0\\tstudent_p_1\\tkb_p_0\\tkb_p_1\\tstudent_prediction\\tkb_prediction"]
    for i, (label, p, s) in enumerate([(0, .9, .9), (1, .2, .3), (0, .8, .1), (1, .6, .7)]):
        lines.append(f"{i}\\t{label}\\t{int(p < .5)}\\t{p}\\t{1 - p}\\t{s}\\t{1 - s}\\t0.5\\t0.5\\t{int(s < .5)}\\t0")
    (out / "predictions.tsv").write_text("\\n".join(lines) + "\\n")
(out / "model.safetensors").touch()
(out / "metrics.json").write_text(json.dumps(metrics))
"""

PLAN = {"seeds": [1, 2], "student_layers": "0", "assistant_layers": "0,1", "tasks": [{"task": "rte", "folder": "RTE"}],
        "methods": [{"method": "kd", "grid": [{"alpha": 0.1}, {"alpha": 0.7}, {"alpha": 0.3}]}, {"method": "takd"}]}


class Workplace:
    """A folder with RTE/ and the fake binary in it."""

    def __init__(self, root, capsys):
        self.root, self.capsys = root, capsys
        (root / "RTE").mkdir()
        self.binary = root / "fake"
        self.binary.write_text(FAKE)
        self.binary.chmod(0o755)

    def run_plan(self, plan, *more, name="plan"):
        path = self.root / f"{name}.json"
        path.write_text(json.dumps(plan))
        return self.command("run", path, "--binary", self.binary, "--glue", self.root, "--model", "m", "--output",
                            self.root / "runs", *more)

    def start(self, plan):
        """The driver, to be stopped or waited for."""
        (self.root / "plan.json").write_text(json.dumps(plan))
        return subprocess.Popen([*PROGRAM, "run", "plan.json", "--binary", self.binary, "--glue", ".", "--model", "m", "--output",
                                 "runs"], cwd=self.root, stderr=subprocess.PIPE, text=True)

    def command(self, *arguments):
        return subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True)

    def report(self, *more_runs, method="reaugkd", form="markdown", published=None):
        """What the report command prints, without the spaces that align the columns."""
        self.capsys.readouterr()
        report.print_report([self.root / "runs", *more_runs], form, method, published)
        return squeezed(self.capsys.readouterr().out)

    def calls(self):
        return (self.root / "calls.txt").read_text().splitlines()


def squeezed(tables):
    """Markdown without padding: "| a   | b |" becomes "| a | b |", and an empty cell "| |"."""
    lines = ["| --- |" if line.startswith("|-") else " ".join(line.split()) for line in tables.splitlines()]
    return "\n".join(lines) + "\n"
