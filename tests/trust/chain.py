"""The five stages on a small part of data/demo, one after the other: what kill.py and disk.py do
their worst to. Each stage reads the finished directories of those before it.

Nothing here depends on the machine but the time it takes: one thread, fp32.
"""
import json
import os
import pathlib
import shutil
import subprocess

STAGES = ["teacher-finetune", "project", "build-kb", "distill", "eval"]
NOT_COMPARED = {"run.json", "teacher_run.json", "history.json", "run.log"}  # docs/reference/files.md: "the same bytes"


class Chain:
    def __init__(self, binary, source, work):
        self.binary = str(pathlib.Path(binary).resolve())
        self.demo = pathlib.Path(source).resolve() / "data" / "demo"
        self.work = pathlib.Path(work)
        self.whole = {stage: self.work / "whole" / stage for stage in STAGES}
        self.environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}

    def options(self, stage):
        """Without --output."""
        of, demo = self.whole, str(self.demo)
        training = ["--epochs", "2", "--batch-size", "8", "--learning-rate", "1e-3", "--save-steps", "5",
                    "--logging-steps", "3", "--precision", "fp32", "--init", "random"]
        own = {
            "teacher-finetune": ["--model", demo + "/teacher", "--task", "sst2", "--max-seq-length", "48",
                                 "--max-train-examples", "160", "--keep-trajectory", "2", *training],
            "project": ["--teacher", of["teacher-finetune"], "--student", demo + "/student", "--epochs", "10",
                        "--batch-size", "4"],
            "build-kb": ["--teacher", of["project"], "--index", "hnsw"],
            "distill": ["--kb", of["build-kb"], "--student", demo + "/student", *training],
            "eval": ["--model", of["distill"], "--kb", of["build-kb"], "--teacher", of["teacher-finetune"],
                     "--split", "test", "--test-file", "dev-as-test.tsv", "--explain", "2", "--latency-examples", "0"],
        }
        data = str(self.work / "data") if stage == "eval" else demo
        return [stage, *map(str, own[stage]), "--data", data, "--threads", "1", "--seed", "7"]

    def next_stage(self, stage, directory):
        """A command that reads what `stage` wrote, from `directory`; None after the last stage."""
        if stage == "eval":
            return None
        following = STAGES[STAGES.index(stage) + 1]
        return [str(directory) if part == str(self.whole[stage]) else part for part in self.options(following)]

    def command(self, stage, output, *more):
        return [self.binary, *self.options(stage), "--output", str(output), *more]

    def run(self, command, **keywords):
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, **keywords)

    def make_whole(self):
        """The uninterrupted run of every stage."""
        data = self.work / "data"
        data.mkdir(parents=True)
        for name in ("train.tsv", "dev.tsv"):
            shutil.copy(self.demo / name, data / name)
        rows = (self.demo / "test.tsv").read_text().splitlines()
        (data / "dev-as-test.tsv").write_text("\n".join(rows[:200]) + "\n")
        for stage in STAGES:
            done = self.run(self.command(stage, self.whole[stage]))
            if done.returncode != 0:
                raise SystemExit(f"{stage} does not run at all:\n{done.stderr}")


def content(directory):
    """Each file that is to have the same bytes, by its path; metrics.json without its times."""
    files = {}
    for path in sorted(pathlib.Path(directory).rglob("*")):
        name = str(path.relative_to(directory))
        if path.is_dir() or name in NOT_COMPARED:
            continue
        files[name] = path.read_bytes()
        if name == "metrics.json":
            metrics = json.loads(files[name])
            metrics.pop("timing", None)
            metrics.pop("latency", None)
            files[name] = json.dumps(metrics).encode()
    return files


def difference(directory, expected, ignored=()):
    """"" where the directory holds just that, else what differs."""
    found = {name: value for name, value in content(directory).items() if name not in ignored}
    wrong = [f"{name} is missing" for name in expected if name not in found]
    wrong += [f"{name} is too much" for name in found if name not in expected]
    wrong += [f"{name} differs" for name in found if name in expected and found[name] != expected[name]]
    return ", ".join(wrong)
