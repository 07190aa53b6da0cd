#!/usr/bin/env python3
"""`reaugkd predict` beside transformers: rows a second, time to the first answer, start-up.

    bench/predict.py FOLDER TEXTS --python PYTHON [--rows 20000] [--rounds 3] [--threads 2]

FOLDER is what `reaugkd export` wrote, TEXTS has a text a line; they are repeated up to --rows, each with a number, so
that no two are equal. PYTHON has torch and transformers, which answer with the folder's model alone: rows sorted by
length, dynamic padding, inference mode, fp32 and bf16; and transformers' own pipeline with the same order and batches.
Every way is run in turn, --rounds times; the table has medians, spread, and ratios to reaugkd without retrieval.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

LOOP = """
import json, sys, time
import torch, transformers
transformers.logging.set_verbosity_error()
folder, texts, way, threads = sys.argv[1], open(sys.argv[2]).read().splitlines(), sys.argv[3], int(sys.argv[4])
torch.set_num_threads(threads)
tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
limit = model.config.reaugkd["max_seq_length"]
start = time.perf_counter()
order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
if way == "pipeline":
    answer = transformers.pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")
    labels = [row["label"] for row in answer([texts[i] for i in order], batch_size=64, truncation=True, max_length=limit)]
else:
    labels = [None] * len(texts)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=way == "bf16"):
        for begin in range(0, len(order), 64):
            rows = order[begin:begin + 64]
            tokens = tokenizer([texts[i] for i in rows], truncation=True, max_length=limit, padding=True, return_tensors="pt")
            for i, label in zip(rows, model(**tokens).logits.argmax(-1).tolist()):
                labels[i] = label
print(json.dumps({"seconds": time.perf_counter() - start, "rows": len(labels)}))
"""


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("texts", type=pathlib.Path)
    parser.add_argument("--binary", default="build/release/bin/reaugkd")
    parser.add_argument("--python", help="one that has torch and transformers (not given: reaugkd alone)")
    parser.add_argument("--rows", type=int, default=20000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--json", type=pathlib.Path)
    return parser.parse_args()


def predict(args, *options):
    return [args.binary, "predict", "--model", args.folder, "--quiet", "--threads", str(args.threads), *options]


def seconds_of(command, path):
    with open(path, "rb") as source, open(os.devnull, "wb") as sink:
        start = time.perf_counter()
        subprocess.run([str(part) for part in command], stdin=source, stdout=sink, check=True)
    return time.perf_counter() - start


def lines_in_turn(command, lines):
    """Seconds from writing a line to reading its answer; the first one includes what is made ready on first use."""
    process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    seconds = []
    for line in lines:
        start = time.perf_counter()
        process.stdin.write(line.encode() + b"\n")
        process.stdin.flush()
        process.stdout.readline()
        seconds.append(time.perf_counter() - start)
    process.stdin.close()
    process.wait()
    return seconds[1:]


def eval_rate(args, work, texts):
    """Examples a second that eval reports for the model alone, over 8 batches of 128, from token ids."""
    data = pathlib.Path(work, "rows.tsv")
    data.write_text("text\tlabel\n" + "".join(f"{text}\t\n" for text in texts * (1 + 1024 // len(texts))))
    output = pathlib.Path(work, "eval")
    subprocess.run([args.binary, "eval", "--model", args.folder, "--data", work, "--dev-file", data.name, "--text-column", "text",
                    "--label-column", "label", "--quiet", "--overwrite", "--latency-examples", "1", "--threads", str(args.threads),
                    "--output", output], check=True, stdout=subprocess.DEVNULL)
    return json.loads((output / "metrics.json").read_text())["latency"]["throughput"]["model"]


def main():
    args = parse_arguments()
    texts = args.texts.read_text().splitlines()
    retrieval = (args.folder / "kb").exists()
    with tempfile.TemporaryDirectory() as work:
        many, one = pathlib.Path(work, "many"), pathlib.Path(work, "one")
        many.write_text("".join(f"{texts[i % len(texts)]} {i}\n" for i in range(args.rows)))
        one.write_text(texts[0] + "\n")
        alone = predict(args, *(["--student-only"] if retrieval else []))
        ways = {"reaugkd predict": lambda: seconds_of(alone, many) - seconds_of(alone, one),
                "reaugkd predict, bf16": lambda: seconds_of(alone + ["--precision", "bf16"], many) - seconds_of(alone, one),
                "reaugkd eval, its own figure": lambda: args.rows / eval_rate(args, work, texts)}
        if retrieval:
            ways["reaugkd predict with retrieval"] = lambda: seconds_of(predict(args), many) - seconds_of(predict(args), one)
        for way in ("fp32", "bf16", "pipeline") if args.python else ():
            call = [args.python, "-c", LOOP, args.folder, many, way, args.threads]
            ways[{"pipeline": "transformers pipeline, fp32"}.get(way, f"PyTorch loop, {way}")] = lambda call=call: json.loads(
                subprocess.run([str(part) for part in call], capture_output=True, text=True, check=True).stdout)["seconds"]
        measured = {name: [] for name in ways}
        for _ in range(args.rounds):
            for name, way in ways.items():
                measured[name].append(args.rows / way())
                print(f"{name}: {measured[name][-1]:.0f} rows/s", file=sys.stderr)
        startup = [seconds_of(predict(args), one) for _ in range(args.rounds)]
        turns = lines_in_turn(predict(args), texts[:200])
    base = statistics.median(measured["reaugkd predict"])
    print(f"{args.rows} rows, {args.threads} threads, {args.rounds} rounds\n\n| | rows/s | spread | ratio |\n| --- | --- | --- | --- |")
    for name, rates in measured.items():
        rate = statistics.median(rates)
        print(f"| {name} | {rate:.0f} | {min(rates):.0f} to {max(rates):.0f} | {rate / base:.2f} |")
    print(f"\nfrom the start of the program to the answer for one line: {statistics.median(startup):.2f} s")
    print(f"a line and its answer: {1e3 * statistics.median(turns):.1f} ms (median), {1e3 * sorted(turns)[int(0.95 * len(turns))]:.1f} (p95)")
    if args.json:
        args.json.write_text(json.dumps({"rates": measured, "startup": startup, "turns": turns}, indent=1))


main()
