"""An estimate: how long a plan takes. A cost is counted in rows of plain student training."""
import collections
import heapq
import math
import threading
import time

from .chain import Chain

# A training row of a method beside one of plain student training, measured on 2 CPU cores.
COST = {"tinybert": 2, "minilm": 1.8, "dml": 4, "prokt": 4, "metadistil": 8}
RATE = 300  # rows of plain student training a second, if the plan does not say


def cost(chain, stage):
    rows = chain.task.get("rows", 1000)
    if stage.command not in ("teacher-finetune", "distill"):
        return rows / 2
    trains_student = stage.command == "distill"
    epochs = float(stage.options.get("epochs", 6 if trains_student else 3))
    factor = COST.get(stage.options.get("method"), 1) if trains_student else 2
    return rows * epochs * (factor + 2 * ("student-friendly" in stage.options))


def duration(hours):
    minutes = math.ceil(60 * hours)
    return f"{hours:.1f} h" if minutes > 90 else f"{minutes} min"


def chains_of(plan, settings):
    return [Chain(plan, settings, task, seed) for seed in plan["seeds"] for task in plan["tasks"]]


def best_configuration(chain, method):
    """The configuration that the first seed chose. Before all were tried: the first one, in its place."""
    first = Chain(chain.plan, chain.settings, chain.task, chain.plan["seeds"][0])
    stages = [first.method_stage(method, i) for i in range(len(method["grid"]))]
    if not all(stage.finished() or stage.diverged() for stage in stages):
        return 0
    scores = [stage.validation_score() if stage.finished() else float("-inf") for stage in stages]
    return scores.index(max(scores))


def planned_stages(chain):
    """Every stage of a chain, as far as it is known before it runs."""
    stages = list(chain.teacher_stages())
    for method in chain.plan["methods"]:
        best = best_configuration(chain, method)
        stages += [chain.method_stage(method, i) for i in (range(len(method["grid"])) if chain.tunes else [best])]
        stages += chain.eval_stages(method, chain.method_stage(method, best).directory)
    return stages


def device_hours(costs, devices, first_seed, rate):
    """The hours of the fullest device. {(seed, task): cost}: as the driver does it, the chains of the first seed run before
    the others, each on the device that is free first."""
    total = 0
    for first in (True, False):
        free = [0] * devices
        for (seed, _), of_chain in costs.items():
            if (seed == first_seed) == first:
                heapq.heapreplace(free, free[0] + of_chain)
        total += max(free)
    return total / rate / 3600


class Estimate:
    """What is left, corrected by the speed so far. Threads share it."""

    def __init__(self, plan, settings):
        self.plan, self.settings = plan, settings
        self.stages = [(chain, stage) for chain in chains_of(plan, settings) for stage in planned_stages(chain)]
        self.todo = [(chain, stage) for chain, stage in self.stages if not stage.finished() and not stage.diverged()]
        self.left = {stage.directory: cost(chain, stage) for chain, stage in self.todo}
        self.done, self.started, self.lock = 0.0, time.time(), threading.Lock()

    def hours(self):
        costs = collections.Counter()
        for chain, stage in self.todo:
            costs[chain.seed, chain.name] += cost(chain, stage)
        return device_hours(costs, len(self.settings.devices), self.plan["seeds"][0], self.plan.get("rate", RATE))

    def summary(self):
        """Text such as "23 stages, 0 finished; about 2 min for the rest"."""
        devices = len(self.settings.devices)
        where = "1 device" if devices == 1 else f"each of {devices} devices"
        done, rate = len(self.stages) - len(self.todo), self.plan.get("rate", RATE)
        return (f"{len(self.stages)} stages, {done} finished; about {duration(self.hours())} for the rest "
                f"(at {rate} student rows/s on {where})")

    def finished(self, chain, stage, fresh):
        with self.lock:
            self.left.pop(stage.directory, None)
            self.done += cost(chain, stage) if fresh else 0

    def time_left(self):
        """Text such as "(12 min left)". Empty until a stage was made."""
        with self.lock:
            if not self.done:
                return ""
            seconds = (time.time() - self.started) / self.done * sum(self.left.values())
        return f"({duration(seconds / 3600)} left)"
