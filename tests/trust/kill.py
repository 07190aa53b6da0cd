#!/usr/bin/env python3
"""Kills every stage at random moments and lets it go on: kill.py BINARY SOURCE [--kills N] [--seed S]

A killed directory must not be taken for a finished one, and what --resume ends with must be what an
uninterrupted run writes, byte for byte. --overwrite must leave the whole old directory or the whole
new one. SIGTERM, SIGINT and SIGHUP must say how to go on and exit with 143, 130 and 129.
"""
import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import pathlib

from chain import STAGES, Chain, content, difference

failures = []


def fail(message):
    failures.append(message)
    print("FAILED: " + message, file=sys.stderr)


def listing(directory):
    """What is there; directories may go while it looks."""
    return sorted(str(pathlib.Path(root) / name) for root, folders, files in os.walk(directory) for name in folders + files)


def killed_at(chain, command, directory, moment):
    """Starts the command and kills it after `moment` changes of the directory's listing (a whole
    number) or seconds of work (a float). Whether the kill came before the end."""
    process = subprocess.Popen(command, env=chain.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not directory.exists() and process.poll() is None:
        time.sleep(0.001)
    began, before, changes = time.monotonic(), listing(directory.parent), 0
    while process.poll() is None:
        if isinstance(moment, float):
            if time.monotonic() - began >= moment:
                break
            time.sleep(0.0005)
        else:
            now = listing(directory.parent)
            changes += now != before
            before = now
            if changes >= moment:
                break
    process.kill()
    return process.wait() == -signal.SIGKILL


def changes_of(chain, command, directory):
    """How often the listing changes in a whole run, and how many seconds that takes."""
    process = subprocess.Popen(command, env=chain.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not directory.exists() and process.poll() is None:
        time.sleep(0.001)
    began, before, changes = time.monotonic(), listing(directory.parent), 0
    while process.poll() is None:
        now = listing(directory.parent)
        changes += now != before
        before = now
    return changes, time.monotonic() - began


def check_refused(chain, stage, directory, why):
    """The next stage must not accept an unfinished directory."""
    command = chain.next_stage(stage, directory)
    if command is None or not directory.exists():
        return
    output = directory.parent / "next"
    done = chain.run([chain.binary, *command, "--output", str(output)])
    if done.returncode != 4 or "has not finished" not in done.stderr and "is missing" not in done.stderr:
        fail(f"{why}: the next stage ended with {done.returncode}:\n{done.stderr}")
    if output.exists():
        fail(f"{why}: the next stage left a directory")


class Killer:
    def __init__(self, chain, work, seed):
        self.chain, self.work, self.random = chain, work, random.Random(seed)
        self.expected = {stage: content(chain.whole[stage]) for stage in STAGES}
        self.span = {}
        self.kills = 0
        self.unfinished = 0

    def moment(self, key):
        """In a random half of the cases by time, else by what the directory shows."""
        changes, seconds = self.span[key]
        return self.random.uniform(0, seconds) if self.random.random() < 0.5 else self.random.randint(0, changes)

    def fresh(self):
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()
        return self.work / "run"

    def resume(self, stage):
        """One to three kills of a run, then its end."""
        directory = self.fresh()
        command = self.chain.command(stage, directory, "--resume")
        if stage not in self.span:
            self.span[stage] = changes_of(self.chain, command, directory)
            directory = self.fresh()
        for _ in range(self.random.randint(1, 3)):
            moment = self.moment(stage)
            why = f"{stage} killed at {moment}"
            if not killed_at(self.chain, command, directory, moment):
                break
            self.kills += 1
            if not (directory / "metrics.json").exists():
                self.unfinished += 1
                check_refused(self.chain, stage, directory, why)
        done = self.chain.run(command)
        if done.returncode != 0:
            fail(f"{why}, --resume ended with {done.returncode}:\n{done.stderr}")
        elif wrong := difference(directory, self.expected[stage]):
            fail(f"{why}, --resume ended with other files: {wrong}")

    def overwrite(self, stage):
        """A kill of a run that replaces a finished one: the old or the new, nothing between."""
        directory = self.fresh()
        old = self.expected[stage]
        shutil.copytree(self.chain.whole[stage], directory)
        command = self.chain.command(stage, directory, "--overwrite")
        command[command.index("--seed") + 1] = "8"
        key = stage + " --overwrite"
        if key not in self.span:
            self.span[key] = changes_of(self.chain, command, directory)
            self.expected[key] = content(directory)
            if stage != "eval" and difference(directory, old) == "":  # eval draws its control alone
                fail(f"{key}: another seed gave the same")
            self.overwrite(stage)
            return
        moment = self.moment(key)
        why = f"{key} killed at {moment}"
        if killed_at(self.chain, command, directory, moment):
            self.kills += 1
        lock = (".lock",)  # stays behind a process that was killed, and holds nothing
        if difference(directory, old, lock) and difference(directory, self.expected[key], lock):
            fail(f"{why}: neither old nor new: {difference(directory, old, lock)}")
        done = self.chain.run(command)
        if done.returncode != 0:
            fail(f"{why}, again: ended with {done.returncode}:\n{done.stderr}")
        elif wrong := difference(directory, self.expected[key]):
            fail(f"{why}, again: other files: {wrong}")
        if listing(self.work) != [str(directory), *listing(directory)]:
            fail(f"{why}, again: something is left beside it: {listing(self.work)}")

    def stop(self, stage, number):
        """SIGTERM, SIGINT or SIGHUP in the midst of a run."""
        directory = self.fresh()
        command = self.chain.command(stage, directory, "--resume")
        process = subprocess.Popen(command, env=self.chain.environment, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        trains = stage in ("teacher-finetune", "project", "distill")
        sign = directory / ("train_log.jsonl" if trains else "run.json")
        while not sign.exists() and process.poll() is None:
            time.sleep(0.001)
        process.send_signal(number)
        errors = process.communicate()[1]
        why = f"{stage} with signal {number}"
        if process.returncode != 128 + number or not re.search(r"stopped by SIG.*--resume", errors):
            fail(f"{why}: ended with {process.returncode}:\n{errors}")
        if trains and not (directory / "checkpoint.safetensors").exists():
            fail(f"{why}: left no checkpoint")
        check_refused(self.chain, stage, directory, why)
        done = self.chain.run(command)
        if done.returncode != 0 or trains and "goes on at step" not in done.stderr:
            fail(f"{why}, --resume ended with {done.returncode}:\n{done.stderr}")
        elif wrong := difference(directory, self.expected[stage]):
            fail(f"{why}, --resume ended with other files: {wrong}")


def caught(pid, number):
    mask = re.search(r"SigCgt:\s*(\w+)", pathlib.Path(f"/proc/{pid}/status").read_text())
    return int(mask.group(1), 16) >> (number - 1) & 1


def check_second_signal(chain, work):
    """The first signal waits for the step, which is made long here; the second does not."""
    directory = work / "long"
    command = chain.command("teacher-finetune", directory)
    command[command.index("--batch-size") + 1] = "3000"
    command[command.index("--max-train-examples") + 1] = "3000"
    process = subprocess.Popen(command, env=chain.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (directory / "train_log.jsonl").exists() and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGTERM)
    while process.poll() is None and caught(process.pid, signal.SIGTERM):
        time.sleep(0.001)
    process.send_signal(signal.SIGTERM)
    if process.wait() != -signal.SIGTERM:
        fail(f"a second SIGTERM: ended with {process.returncode}, expected its end at once")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("source")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        chain = Chain(arguments.binary, arguments.source, work)
        chain.make_whole()
        killer = Killer(chain, work / "cases", arguments.seed)
        turn = 0
        while killer.kills < arguments.kills and len(failures) < 10:
            stage = STAGES[turn % len(STAGES)]
            killer.overwrite(stage) if turn // len(STAGES) % 3 == 2 else killer.resume(stage)
            turn += 1
        signals = [(stage, number) for stage in STAGES for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
        if arguments.kills < 50:
            signals = [(stage, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)[i % 3]) for i, stage in enumerate(STAGES)]
        for stage, number in signals:
            killer.stop(stage, number)
        check_second_signal(chain, killer.fresh().parent)
    print(f"{killer.kills} kills in {turn} runs, {killer.unfinished} of them unfinished, "
          f"{len(signals)} stops by signal, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
