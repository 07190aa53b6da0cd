"""The driver: runs every stage of a plan that is not finished, on one or more devices."""
import dataclasses
import json
import math
import pathlib
import queue
import shutil
import signal
import sys
import threading
import time

from . import rehearsal
from .children import Children
from .errors import UserError
from .estimate import Estimate, chains_of
from .plan import load_plan, part_of, selected_on_dev
from .stage import flags

DIVERGED = 6  # exit code of the binary


class StageFailed(Exception):
    """A stage, or what it needs, has failed. The stages that do not need it go on."""


class Diverged(StageFailed):
    """A training left the finite numbers: a bad configuration, not a broken run."""


def say(text):
    print(text, file=sys.stderr, flush=True)


class Driver:
    def __init__(self, plan, settings):
        self.plan, self.settings = plan, settings
        self.estimate = Estimate(plan, settings)
        self.children = Children()
        self.chosen = {}  # (task, method) -> configuration
        self.failures = []
        self.idle = set()  # devices that get no more work
        self.lock = threading.Lock()

    def run(self):
        """The first seed of every task tunes, so it runs before the others. A device works on one chain at a time."""
        for tunes in (True, False):
            waiting = queue.Queue()
            for chain in chains_of(self.plan, self.settings):
                if chain.tunes == tunes:
                    waiting.put(chain)
            workers = [threading.Thread(target=self.work, args=(waiting, device)) for device in self.settings.devices]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()

    def work(self, waiting, device):
        """Takes one chain after the other. A chain that another driver works on comes later."""
        fruitless, told = set(), set()  # names of tasks; chains
        while not self.children.stopped and device not in self.idle:
            try:
                chain = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                with chain.locked() as mine:
                    if mine:
                        self.run_chain(chain, device)
            except OSError as error:  # of the lock
                self.failures.append(f"{chain.title}: {error}")
                continue
            if mine:
                self.judge_device(device, chain, fruitless)
                continue
            if chain not in told:
                say(f"{chain.title}: another driver works on it; waiting")
            told.add(chain)
            waiting.put(chain)
            time.sleep(1)

    def judge_device(self, device, chain, fruitless):
        """A device gets no more work after the teachers of two tasks in a row failed on it and nothing else was made.
        The last device always goes on."""
        teacher = chain.teacher_stage()
        if chain.made or teacher.directory not in chain.failed or teacher.diverged():
            fruitless.clear()
            return
        fruitless.add(chain.name)
        with self.lock:
            if len(fruitless) == 2 and len(self.idle) + 1 < len(self.settings.devices):
                self.idle.add(device)
                say(f"{device}: the teachers of two tasks in a row failed on it; it gets no more work")

    def run_chain(self, chain, device):
        for stage in chain.teacher_stages():
            self.attempt(chain, stage.name, lambda stage=stage: self.run_stage(chain, stage, device))
        for method in self.plan["methods"]:
            self.attempt(chain, method["name"], lambda method=method: self.run_method(chain, method, device))

    def run_method(self, chain, method, device):
        student = chain.method_stage(method, self.configuration(chain, method, device))
        self.run_stage(chain, student, device)
        for stage in chain.eval_stages(method, student.directory):
            self.attempt(chain, stage.name, lambda stage=stage: self.run_stage(chain, stage, device))

    def attempt(self, chain, what, work):
        """Whatever goes wrong, the other stages go on. The exit code and the last lines tell."""
        if self.children.stopped:
            return
        try:
            work()
        except Exception as error:
            if self.children.stopped:
                return
            kind = "" if isinstance(error, StageFailed) else f"{type(error).__name__}: "
            self.failures.append(f"{chain.title} {what}: {kind}{error}")
            say(f"FAILED: {self.failures[-1]}")

    def configuration(self, chain, method, device):
        """The first seed tunes a method by the validation part. The other seeds take what the first one chose."""
        key = (chain.name, method["name"])
        if len(method["grid"]) == 1:
            return 0
        if chain.tunes:
            scores = [self.score(chain, chain.method_stage(method, i), device) for i in range(len(method["grid"]))]
            if max(scores) == -math.inf:
                raise StageFailed("every configuration diverged")
            self.chosen[key] = scores.index(max(scores))
        if key not in self.chosen:
            raise StageFailed(f"was not tuned: seed {self.plan['seeds'][0]} has failed")
        return self.chosen[key]

    def score(self, chain, stage, device):
        try:
            self.run_stage(chain, stage, device)
        except Diverged as error:
            say(f"{chain.title}: {stage.name} is not chosen: {error}")
            return -math.inf
        return stage.validation_score()

    def run_stage(self, chain, stage, device):
        self.check_inputs(chain, stage)
        fresh = not stage.finished()
        if fresh:
            say(" ".join(filter(None, [f"{chain.title}: {stage.name}", self.estimate.time_left()])))
        command = [str(self.settings.binary), *device.start, stage.command, *flags(stage.options), "--quiet", *device.flags]
        stage.directory.parent.mkdir(parents=True, exist_ok=True)
        code, errors = self.children.run(command, chain.lock, device.environment)  # of a finished stage it checks the inputs
        self.estimate.finished(chain, stage, fresh)
        if code == 0:
            chain.made += fresh
            return
        chain.failed.add(stage.directory)
        if code == DIVERGED:
            stage.note_divergence()
        kind = Diverged if code == DIVERGED else StageFailed
        raise kind("\n    ".join([" ".join(command), f"exit code {code}: {errors[0] if errors else ''}", *errors[1:]]))

    def check_inputs(self, chain, stage):
        for name, value in stage.options.items():
            if isinstance(value, pathlib.Path) and value in chain.failed:
                chain.failed.add(stage.directory)
                raise StageFailed(f"its --{name} {value} has failed")
        if stage.diverged():
            chain.failed.add(stage.directory)
            raise Diverged(f"it diverged with these options before; delete {stage.divergence} to try again")

    def stop(self, number, frame):
        self.children.stop(number)

    def listen(self):
        """SIGTERM, SIGINT and SIGHUP stop the driver after the running stages wrote their checkpoints."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup ignores it
                signal.signal(number, self.stop)


def check_paths(plan, settings):
    if not shutil.which(settings.binary):
        raise UserError(f"--binary {settings.binary}: there is no such program; make build makes build/release/bin/reaugkd")
    for task in plan["tasks"]:
        data = settings.glue / task.get("folder", "")
        if not data.is_dir():
            raise UserError(f"--glue {settings.glue}: task {task['name']}: there is no directory {data}; --glue names the "
                            "directory that holds the tasks' folders")


def run(path, settings, tasks=None, methods=None, seeds=None, select_on_dev=False, rehearse=0):
    """Runs a plan, or the part that tasks, methods and seeds name. Returns the exit code."""
    plan = load_plan(path)
    whole = selected_on_dev(plan) if select_on_dev else plan
    part = part_of(plan, tasks, methods, seeds)
    part = selected_on_dev(part) if select_on_dev else part
    rehearsal.check_output(settings.output, rehearse)
    if not settings.dry_run:
        check_paths(part, settings)
        settings.output.mkdir(parents=True, exist_ok=True)
    parts = [part]
    if rehearse:
        parts = [one for one in rehearsal.rehearsed(part, rehearse) if one["tasks"]]
        if not settings.dry_run:
            cut = rehearsal.cut_data(settings.glue, settings.output, part, rehearse)
            settings = dataclasses.replace(settings, glue=cut)
            settings = dataclasses.replace(settings, model=rehearsal.model_with_weights(settings, part["tasks"][0], rehearse))
    if not settings.dry_run:
        name = f"plan-{path.stem}{'-dev' if select_on_dev else ''}.json"  # several plans may share a directory
        (settings.output / name).write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
    code = 0
    for one in parts:
        code = max(code, run_part(one, settings))
        if code > 1:  # stopped
            break
    return code


def run_part(plan, settings):
    driver = Driver(plan, settings)
    say(driver.estimate.summary())
    if settings.dry_run:
        for chain, stage in driver.estimate.todo:
            print(f"{chain.title} {stage.command} {stage.name}")
        return 0
    driver.listen()
    driver.run()
    if driver.children.stopped:
        say("stopped; the same command goes on from here")
        return 128 + driver.children.stopped
    if driver.failures:
        say("\n  ".join([f"{len(driver.failures)} failed:", *driver.failures]))
        return 1
    return 0
