#!/usr/bin/env python3
"""Our tokenizers beside PyPI's `tokenizers`: lines a second on the same threads.

    bench/tokenizer_speed.py --texts FOLDER --python PYTHON [--lines 100000] [--rounds 3] [--threads 1,2]

PYTHON has tokenizers, transformers and sentencepiece. It trains one tokenizer of each family (tests/cli/tokenizers_parity.py) on the
rows of TSV and CSV files under FOLDER; then either side gives ids to the same lines, framed and cut at 128 tokens: `encode_dataset` of
bench_tokenizing, and `encode_batch_fast` of the library, which gives no offsets. Both run in turn, --rounds times, each several times;
the table has the best of all runs, by the clock and by the processor's time, which other work on the machine does not change. The
lines are read before the clock starts.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import measure

HERE = pathlib.Path(__file__).resolve().parent
REPEATS = 5  # as bench_tokenizing

TRAIN = """
import json, pathlib, random, sys
sys.path.insert(0, sys.argv[1])
import tokenizers_parity as parity
texts = [text for text in parity.texts_of(pathlib.Path(sys.argv[2])) if "\\n" not in text and "\\r" not in text]
random.Random(3).shuffle(texts)
texts = texts[:int(sys.argv[3])]
work = pathlib.Path(sys.argv[4])
(work / "lines.txt").write_text("\\n".join(texts) + "\\n", encoding="utf-8")
names = {}
for number, (name, make) in enumerate(parity.FAMILIES.items()):
    if sys.argv[5] not in name:
        continue
    names[name] = str(work / str(number))
    (work / str(number)).mkdir()
    make(texts[:parity.TRAIN_LINES], work / str(number))
print(json.dumps(names))
"""

LOOP = """
import json, sys, time
from tokenizers import Tokenizer
tokenizer = Tokenizer.from_file(sys.argv[1] + "/tokenizer.json")
tokenizer.encode_special_tokens = True
tokenizer.no_padding()
tokenizer.enable_truncation(128)
lines = open(sys.argv[2], encoding="utf-8").read().split("\\n")[:-1]
best = {"best": 0, "best_per_processor_second": 0}
for _ in range(int(sys.argv[3])):
    start, used = time.perf_counter(), time.process_time()
    tokenizer.encode_batch_fast(lines)
    for key, seconds in (("best", time.perf_counter() - start), ("best_per_processor_second", time.process_time() - used)):
        best[key] = max(best[key], len(lines) / seconds)
print(json.dumps(best))
"""


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=pathlib.Path, required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--binary", default="build/release/bin/bench_tokenizing")
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--only", default="", help="part of a family's name")
    return parser.parse_args()


def ours(args, directory, lines, threads):
    printed = measure.run([args.binary, "--model", directory, "--lines", lines, "--threads", threads])
    rates = json.loads(printed)["rates"][0]
    return {key: rates[key] for key in ("best", "best_per_processor_second")}


def theirs(args, directory, lines, threads):
    environment = {"RAYON_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "true"}
    return json.loads(measure.run([args.python, "-c", LOOP, directory, lines, REPEATS], environment))


def rows(args, names, lines):
    for name, directory in names.items():
        row = [name]
        for threads in map(int, args.threads.split(",")):
            results = measure.interleave({"ours": lambda: ours(args, directory, lines, threads),
                                          "theirs": lambda: theirs(args, directory, lines, threads)}, args.rounds)
            for key in ("best", "best_per_processor_second"):
                best = {side: max(values[key]) for side, values in results.items()}
                row += [f"{best['ours']:,.0f}", f"{best['theirs']:,.0f}", f"{best['ours'] / best['theirs']:.1f}"]
        print(row, file=sys.stderr, flush=True)
        yield row


def main():
    args = parse_arguments()
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        names = json.loads(measure.run([args.python, "-c", TRAIN, HERE.parent / "tests/cli", args.texts, args.lines, work, args.only],
                                       {"HF_HUB_OFFLINE": "1"}).splitlines()[-1])
        lines = work / "lines.txt"
        header = ["tokenizer"]
        for threads in args.threads.split(","):
            for clock in ("wall", "processor"):
                header += [f"reaugkd, {threads} thread(s), {clock}", f"tokenizers, {threads}, {clock}", "ratio"]
        print(json.dumps(measure.machine()))
        print(measure.table(header, list(rows(args, names, lines))))


if __name__ == "__main__":
    main()
