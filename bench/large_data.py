#!/usr/bin/env python3
"""How much memory and time does a train file take that does not fit in memory?

    bench/large_data.py --rows 5000000 --bytes 400 --limit-gib 4

Makes a train file of so many rows, each a made text of about so many bytes, and starts teacher-finetune on it: until the first step,
without a token cache, with an empty one, and with the one that is then there. Prints the peak of the process's own memory, of all pages
that it had mapped at once, and the seconds to the first step. --limit-gib runs it in a control group that cannot have more (as root), so
that a process that needs more is killed. Needs Python alone.
"""
import argparse
import os
import pathlib
import random
import shutil
import signal
import subprocess
import time

WORDS = ("the a of and film plot actor never always story quite dull bright long short scene music voice light dark and yet slow quick "
         "deep shallow funny sad lovely awful ending beginning character dialogue camera cast crew seat ticket screen audience").split()
GIB = 1 << 30


def write_rows(path, rows, size):
    draw = random.Random(1)
    pieces = []  # rows are put together from these: drawing every word would take longer than all the rest
    for _ in range(2000):
        piece = ""
        while len(piece) < size // 2:
            piece += draw.choice(WORDS) + " "
        pieces.append(piece)
    with path.open("w") as file:
        file.write("sentence\tlabel\n")
        for row in range(rows):
            file.write(f"{draw.choice(pieces)}{row} {draw.choice(pieces)}\t{row % 2}\n")


class Limit:
    """A control group with so much memory, or none."""

    def __init__(self, gib):
        self.folder = None
        if gib is None:
            return
        old = pathlib.Path("/sys/fs/cgroup/memory")
        self.folder = (old if old.is_dir() else pathlib.Path("/sys/fs/cgroup")) / f"reaugkd-{os.getpid()}"
        self.folder.mkdir()
        try:
            name = "memory.limit_in_bytes" if old.is_dir() else "memory.max"
            (self.folder / name).write_text(str(round(gib * GIB)))
        except OSError:
            self.folder.rmdir()
            raise

    def join(self):
        if self.folder:
            (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    def end(self):
        if self.folder:
            self.folder.rmdir()


def status_of(pid):
    """Peak and present memory in bytes, by the kernel's names."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    fields = (line.split() for line in lines)
    return {name[0][:-1]: int(name[1]) * 1024 for name in fields if name[0] in ("RssAnon:", "VmHWM:")}


def measure(args, output, limit, options):
    shutil.rmtree(output, ignore_errors=True)
    command = [args.binary, "teacher-finetune", "--model", args.model, "--text-column", "sentence", "--label-column", "label",
               "--data", args.folder, "--epochs", "1", "--batch-size", "32", "--logging-steps", "1", "--init", "random", "--save-minutes", "0",
               "--max-seq-length", args.tokens, "--output", output, *options]
    start = time.perf_counter()
    errors = (args.folder / "errors.log").open("w+")
    child = subprocess.Popen([str(part) for part in command], preexec_fn=limit.join, stderr=errors,
                             env={**os.environ, "TMPDIR": str(args.folder)})
    own = peak = 0
    log = output / "train_log.jsonl"
    while child.poll() is None and not (log.exists() and log.stat().st_size > 0):
        memory = status_of(child.pid)
        own, peak = max(own, memory.get("RssAnon", 0)), max(peak, memory.get("VmHWM", 0))
        time.sleep(0.02)
    seconds = time.perf_counter() - start
    if child.poll() is not None:
        raise SystemExit(f"{' '.join(map(str, command))}\nended with {child.returncode}:\n{(args.folder / 'errors.log').read_text()}")
    child.send_signal(signal.SIGINT)
    child.wait()
    return own, peak, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--bytes", type=int, default=400, help="of a row's text")
    parser.add_argument("--tokens", type=int, default=64, help="of a row; the rest is cut")
    parser.add_argument("--limit-gib", type=float, metavar="G")
    parser.add_argument("--binary", default="build/release/bin/reaugkd")
    parser.add_argument("--model", type=pathlib.Path, default="data/demo/teacher")
    parser.add_argument("--folder", type=pathlib.Path, default="runs/large-data", help="for the rows and the token cache")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    train = args.folder / "train.tsv"
    write_rows(train, args.rows, args.bytes)
    cache = args.folder / "tokens"
    shutil.rmtree(cache, ignore_errors=True)
    limit = Limit(args.limit_gib)
    print(f"{args.rows:,} rows, {train.stat().st_size / 1e9:.2f} GB" + (f", in {args.limit_gib:g} GiB" if args.limit_gib else "") + "\n")
    print("| token cache | own memory, GiB | with mapped files, GiB | to the first step, s |\n| --- | --- | --- | --- |")
    try:
        for name, options in (("none", []), ("empty", ["--token-cache", cache]), ("there", ["--token-cache", cache])):
            own, peak, seconds = measure(args, args.folder / "output", limit, options)
            print(f"| {name} | {own / GIB:.2f} | {peak / GIB:.2f} | {seconds:.0f} |", flush=True)
    finally:
        limit.end()


if __name__ == "__main__":
    main()
