#!/usr/bin/env python3
"""Runs tasks x methods x seeds from one plan: the paper's tables.

    experiments/reaugkd_experiments/experiments.py experiments/plans/small.json --glue $GLUE_DIR --model $MODEL_DIR --output runs/small
    experiments/reaugkd_experiments/report.py runs/small

Teacher, projection and knowledge base are made once for each task and seed, then every student is trained and
evaluated with and without retrieval. Finished stages are not repeated: start it again to go on. The plan's format is
in docs/experiments.md.
"""
import argparse
import collections
import heapq
import json
import math
import pathlib
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time

from chain import Chain, flags
from plan import fail, load_plan, selected_on_dev

# What a row of an epoch costs beside plain training of the student, for the estimate of hours (measured on 2 CPU cores).
COST = {"tinybert": 2, "minilm": 1.8, "dml": 4, "prokt": 4, "metadistil": 8}
DIVERGED = 6  # exit code


class Diverged(RuntimeError):
    """A training that is not finite: a bad configuration, not a broken run."""


def validation_score(metrics):
    return next(iter(metrics["validation"].values()))


class Runner:
    def __init__(self, plan, args):
        self.plan, self.args = plan, args
        self.chosen = {}  # (task, method) -> configuration
        self.failures, self.children = [], set()
        self.idle = set()  # devices that nothing is given to any more
        self.lock = threading.Lock()
        self.started, self.stopped = time.time(), 0  # stopped: by which signal
        self.done_cost = self.left_cost = 0.0
        self.todo = set()  # directories whose cost is in left_cost

    def chains(self):
        return [Chain(self.plan, self.args, task, seed) for seed in self.plan["seeds"] for task in self.plan["tasks"]]

    def cost(self, chain, stage):
        """About how many rows are gone through, in rows of plain student training."""
        rows = chain.task.get("rows", 1000)
        if stage.command not in ("teacher-finetune", "distill"):
            return rows / 2
        epochs = float(stage.options.get("epochs", 6 if stage.command == "distill" else 3))
        factor = COST.get(stage.options.get("method"), 1) if stage.command == "distill" else 2
        return rows * epochs * (factor + 2 * ("student-friendly" in stage.options))

    def planned(self, chain):
        """Every stage of a chain; where a method is not tuned yet, its first configuration stands for the best."""
        stages = list(chain.teacher_stages())
        for method in self.plan["methods"]:
            chosen = self.tuned_already(chain, method)
            tunes = chain.seed == self.plan["seeds"][0]
            for i in range(len(method["grid"])) if tunes else [chosen]:
                stages.append(chain.method_stage(method, i))
            stages += chain.eval_stages(method, chain.method_stage(method, chosen).directory)
        return stages

    def tuned_already(self, chain, method):
        first = Chain(self.plan, self.args, chain.task, self.plan["seeds"][0])
        stages = [first.method_stage(method, i) for i in range(len(method["grid"]))]
        if not all(stage.finished() or stage.diverged() for stage in stages):
            return 0
        scores = [validation_score(stage.metrics()) if stage.finished() else -math.inf for stage in stages]
        return scores.index(max(scores))

    def run_stage(self, chain, stage, device):
        for name, value in stage.options.items():
            if isinstance(value, pathlib.Path) and value in chain.failed:
                chain.failed.add(stage.directory)
                raise RuntimeError(f"its --{name} {value} has failed")
        if stage.diverged():
            chain.failed.add(stage.directory)
            raise Diverged(f"had diverged with these options: {stage.divergence}, without which it is tried again")
        with self.lock:
            left = [self.time_left()] if self.done_cost else []
        if not stage.finished():
            print(f"{chain.name} seed {chain.seed}: {stage.directory.name}", *left, file=sys.stderr, flush=True)
        command = [str(self.args.binary), stage.command, *flags(stage.options), "--quiet"]
        if device:
            command += ["--device", device]
        fresh = not stage.finished()
        stage.directory.parent.mkdir(parents=True, exist_ok=True)
        # A session of its own: Ctrl-C must reach a stage once, from stop(), for a second signal ends it at once.
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                 start_new_session=True, pass_fds=[chain.lock.fileno()])
        self.children.add(child)
        if self.stopped:
            child.send_signal(self.stopped)
        errors = child.communicate()[1]
        self.children.discard(child)
        cost = self.cost(chain, stage)
        with self.lock:
            self.left_cost -= cost if stage.directory in self.todo else 0
            self.todo.discard(stage.directory)
            self.done_cost += cost if fresh else 0
        if child.returncode != 0:
            chain.failed.add(stage.directory)
            if child.returncode == DIVERGED:
                stage.divergence.write_text(" ".join(flags(stage.options)))
            kind = Diverged if child.returncode == DIVERGED else RuntimeError
            raise kind(f"{' '.join(command)}\n    exit code {child.returncode}: "
                       + "\n    ".join(errors.strip().splitlines()[-3:]))
        chain.made += fresh

    def time_left(self):
        seconds = (time.time() - self.started) / self.done_cost * self.left_cost
        return f"({seconds / 3600:.1f} h left)" if seconds > 5400 else f"({seconds / 60:.0f} min left)"

    def configuration(self, chain, method, device):
        """The method's configuration for this task: tuned on the first seed by the validation part, then fixed."""
        key = (chain.name, method["name"])
        if len(method["grid"]) == 1:
            return 0
        if chain.seed == self.plan["seeds"][0]:
            scores = [self.tried(chain, chain.method_stage(method, i), device) for i in range(len(method["grid"]))]
            if max(scores) == -math.inf:
                raise RuntimeError("every configuration diverged")
            self.chosen[key] = scores.index(max(scores))
        if key not in self.chosen:
            raise RuntimeError(f"was not tuned: seed {self.plan['seeds'][0]} has failed")
        return self.chosen[key]

    def tried(self, chain, stage, device):
        try:
            self.run_stage(chain, stage, device)
        except Diverged as error:
            print(f"{chain.name} seed {chain.seed}: {stage.directory.name} is not chosen: {error}", file=sys.stderr, flush=True)
            return -math.inf
        return validation_score(stage.metrics())

    def run_chain(self, chain, device):
        for stage in chain.teacher_stages():
            self.attempt(chain, stage.directory.name, lambda: self.run_stage(chain, stage, device))
        for method in self.plan["methods"]:
            self.attempt(chain, method["name"], lambda: self.run_method(chain, method, device))

    def run_method(self, chain, method, device):
        student = chain.method_stage(method, self.configuration(chain, method, device))
        self.run_stage(chain, student, device)
        for stage in chain.eval_stages(method, student.directory):
            self.attempt(chain, stage.directory.name, lambda: self.run_stage(chain, stage, device))

    def attempt(self, chain, what, work):
        if self.stopped:
            return
        try:
            work()
        except Exception as error:  # whatever it is, the other stages go on, and the exit code tells
            if not self.stopped:
                kind = "" if isinstance(error, RuntimeError) else f"{type(error).__name__}: "
                self.failures.append(f"{chain.name} seed {chain.seed} {what}: {kind}{error}")
                print(f"FAILED: {self.failures[-1]}", file=sys.stderr, flush=True)

    def run(self):
        """The first seed of every task, which tunes, before the others; a chain at a time on each device."""
        for first in (True, False):
            waiting = queue.Queue()
            for chain in self.chains():
                if (chain.seed == self.plan["seeds"][0]) == first:
                    waiting.put(chain)
            workers = [threading.Thread(target=self.work, args=(waiting, device)) for device in self.args.devices]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()

    def work(self, waiting, device):
        """A chain after the other; one that another driver works on comes later. A device on which the teachers of two tasks
        in a row fail, and nothing else is made, is given no more, unless it is the last."""
        fruitless, told = set(), set()  # names of tasks; chains
        while not self.stopped and device not in self.idle:
            try:
                chain = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                with chain.locked() as mine:
                    if mine:
                        self.run_chain(chain, device)
            except OSError as error:  # of the lock
                self.failures.append(f"{chain.name} seed {chain.seed}: {error}")
                continue
            if not mine:
                if chain not in told:
                    print(f"{chain.name} seed {chain.seed}: another driver works on it; waiting", file=sys.stderr, flush=True)
                told.add(chain)
                waiting.put(chain)
                time.sleep(1)
                continue
            teacher = next(iter(chain.teacher_stages()))
            if chain.made or teacher.directory not in chain.failed or teacher.diverged():
                fruitless.clear()
            else:
                fruitless.add(chain.name)
            with self.lock:
                if len(fruitless) == 2 and len(self.idle) + 1 < len(self.args.devices):
                    self.idle.add(device)
                    print(f"{device}: the teachers of two tasks in a row have failed on it; it is given no more",
                          file=sys.stderr, flush=True)

    def stop(self, number, frame):
        self.stopped = number
        for child in list(self.children):
            child.send_signal(number)

    def hours(self, todo):
        """As run() gives the chains to devices: those of the first seed, then the others, each to the first that is free."""
        costs = collections.Counter()
        for chain, stage in todo:
            costs[chain.seed, chain.name] += self.cost(chain, stage)
        total = 0
        for first in (True, False):
            free = [0] * len(self.args.devices)
            for (seed, _), cost in costs.items():
                if (seed == self.plan["seeds"][0]) == first:
                    heapq.heapreplace(free, free[0] + cost)
            total += max(free)
        return total / self.plan.get("rate", 300) / 3600

    def announce(self):
        stages = [(chain, stage) for chain in self.chains() for stage in self.planned(chain)]
        todo = [(chain, stage) for chain, stage in stages if not stage.finished() and not stage.diverged()]
        self.left_cost = sum(self.cost(chain, stage) for chain, stage in todo)
        self.todo = {stage.directory for _, stage in todo}
        devices = len(self.args.devices)
        print(f"{len(stages)} stages, {len(stages) - len(todo)} finished; about {self.hours(todo):.1f} h for the rest "
              f"(at {self.plan.get('rate', 300)} student rows/s on {'each of ' if devices > 1 else ''}{devices} "
              f"device{'s' * (devices > 1)})", file=sys.stderr)
        if self.args.dry_run:
            for chain, stage in todo:
                print(f"{chain.name} seed {chain.seed} {stage.command} {stage.directory.name}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plan", type=pathlib.Path)
    parser.add_argument("--binary", default="build/release/bin/reaugkd")
    parser.add_argument("--glue", required=True, type=pathlib.Path, help="directory with GLUE's own layout")
    parser.add_argument("--model", required=True, help="the teacher's checkpoint; the student is its student_layers")
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("--devices", default="", help="cuda:0,cuda:1,...: a task and seed at a time on each")
    parser.add_argument("--tasks", help="only these, comma separated")
    parser.add_argument("--methods", help="only these, comma separated")
    parser.add_argument("--seeds", help="only these; the plan's first seed still tunes")
    parser.add_argument("--select-on-dev", action="store_true", help="train on all of train and select on dev; the tasks' "
                        "directories end in -dev, and the report has tables of their own for them")
    parser.add_argument("--dry-run", action="store_true", help="print what would be run")
    args = parser.parse_args()
    args.devices = args.devices.split(",")
    return args


def asked_for(flag, given, entries, name_of):
    """Those of the plan that the flag names, all without it."""
    if not given:
        return entries
    names = [name_of(entry) for entry in entries]
    for name in given.split(","):
        if name not in names:
            fail(f"--{flag} {given}: \"{name}\" is not in the plan, which has {', '.join(names)}")
    return [entry for entry in entries if name_of(entry) in given.split(",")]


def narrow(plan, args):
    plan["keeps_trajectory"] = any(method["method"] == "rco" for method in plan["methods"])  # one teacher for all parts
    plan["tasks"] = asked_for("tasks", args.tasks, plan["tasks"], lambda task: task["name"])
    plan["methods"] = asked_for("methods", args.methods, plan["methods"], lambda method: method["name"])
    seeds = asked_for("seeds", args.seeds, plan["seeds"], str)
    tuned = any(len(method["grid"]) > 1 for method in plan["methods"])
    plan["seeds"] = ([plan["seeds"][0]] if tuned and plan["seeds"][0] not in seeds else []) + seeds


def check_paths(plan, args):
    if not shutil.which(args.binary):
        fail(f"--binary {args.binary}: there is no such program; make build makes build/release/bin/reaugkd")
    for task in plan["tasks"]:
        data = args.glue / task.get("folder", "")
        if not data.is_dir():
            fail(f"task {task['name']}: there is no directory {data}; --glue names the one with the tasks' folders in it")


def main():
    args = parse_arguments()
    plan = load_plan(args.plan)
    kept = selected_on_dev(plan) if args.select_on_dev else plan
    kept_as = f"plan-{args.plan.stem}{'-dev' if args.select_on_dev else ''}.json"  # several plans may share a directory
    whole_plan = json.dumps(kept, indent=2) + "\n"
    narrow(plan, args)
    if args.select_on_dev:
        plan = selected_on_dev(plan)
    runner = Runner(plan, args)
    runner.announce()
    if args.dry_run:
        return
    check_paths(plan, args)
    args.output.mkdir(parents=True, exist_ok=True)
    (args.output / kept_as).write_text(whole_plan)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # ignored under nohup
            signal.signal(number, runner.stop)
    runner.run()
    if runner.stopped:
        print("experiments.py: stopped; the same command goes on from here", file=sys.stderr)
        sys.exit(128 + runner.stopped)
    if runner.failures:
        fail(f"{len(runner.failures)} failed:\n  " + "\n  ".join(runner.failures))


if __name__ == "__main__":
    main()
