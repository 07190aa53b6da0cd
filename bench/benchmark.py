#!/usr/bin/env python3
"""`make bench`: what reaugkd costs, beside transformers, FAISS and the machine's own limits.

    bench/benchmark.py --model $MODEL_DIR --glue $GLUE_DIR --parts training,retrieval --json runs/bench/benchmark.json

Parts: ceilings, training, bert-base, inference, pipeline, ranks, retrieval, tokenizing. Prints a table a part and writes
everything it measured as JSON. --full adds what takes long: BERT-Base beside the Trainer, 20,000 rows of SST-2 through
the pipeline, retrieval from 393,000 and 1,000,000 rows.
"""
import argparse
import json
import os
import pathlib
import sys
import tempfile
import time

import inference
import measure
import pipeline
import programs
import ranks
import retrieval
import training

PARTS = {"ceilings": programs.Ceilings, "training": training, "bert-base": training.BertBase, "inference": inference,
         "pipeline": pipeline, "ranks": ranks, "retrieval": retrieval, "tokenizing": programs.Tokenizing}
RIVAL = pathlib.Path(__file__).with_name("rival.py")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default="build/release/bin", help="reaugkd and bench_*")
    parser.add_argument("--python", default=".venv-torch/bin/python", help="one that has torch and transformers")
    parser.add_argument("--glue", required=True, type=pathlib.Path)
    parser.add_argument("--model", required=True, type=pathlib.Path, help="a pretrained BERT's directory")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--examples", type=int, default=480, help="training rows of the checkpoint")
    parser.add_argument("--base-examples", type=int, default=96, help="training rows of BERT-Base")
    parser.add_argument("--pipeline-rows", type=int, default=2000, help="of SST-2 through the pipeline, unless --full")
    parser.add_argument("--device", default="cpu", help="cpu or cuda: of training and inference")
    parser.add_argument("--kb", type=pathlib.Path, help="also retrieval from this knowledge base's vectors")
    parser.add_argument("--vectors", metavar="NxD,...", help="sizes of the vectors that retrieval is measured on: 100000x384")
    parser.add_argument("--indexes", type=lambda text: text.split(","), help="of retrieval, in place of all: " + ",".join(retrieval.OURS + retrieval.RIVALS))
    parser.add_argument("--json", type=pathlib.Path)
    args = parser.parse_args()
    for name in args.indexes or []:
        if name not in retrieval.OURS + retrieval.RIVALS:
            parser.error(f"--indexes: \"{name}\" is not one of {', '.join(retrieval.OURS + retrieval.RIVALS)}")
    for part in args.parts.split(","):
        if part not in PARTS:
            parser.error(f"--parts: \"{part}\" is not one of {', '.join(PARTS)}")
    return args


class Context:
    """What is measured, and how its programs are called."""

    def __init__(self, args, work):
        self.work, self.binary, self.bin, self.python = work, args.bin / "reaugkd", args.bin, args.python
        self.rival_script = RIVAL
        self.glue, self.model, self.kb, self.full = args.glue, args.model, args.kb, args.full
        self.indexes = args.indexes
        self.vectors, self.threads = args.vectors, len(os.sched_getaffinity(0))
        self.rounds, self.examples, self.base_examples = args.rounds, args.examples, args.base_examples
        self.pipeline_rows, self.device = args.pipeline_rows, args.device

    def reaugkd(self, *arguments):
        measure.run([self.binary, *arguments, "--device", self.device, "--quiet"])

    def rival(self, *arguments):
        return json.loads(measure.run([self.python, RIVAL, *arguments, "--device", self.device]))

    def program(self, name, *arguments):
        return json.loads(measure.run([self.bin / f"bench_{name}", *arguments]))

    def ceilings(self, *widths):
        return self.program("ceilings", "--hidden", *widths)


def let_libraries_choose():
    """Every library takes the kernels that it finds best: a variable that names others slows one side alone."""
    for name in [name for name in os.environ if name.startswith(("OPENBLAS_CORETYPE", "OPENBLAS_L2", "MKL_ENABLE", "ONEDNN_MAX_CPU_ISA"))]:
        print(f"{name}={os.environ.pop(name)} is left out", file=sys.stderr)


def main():
    args = parse_arguments()
    let_libraries_choose()
    report = {"machine": measure.machine(), "version": measure.run([args.bin / "reaugkd", "--version"]).strip()}
    machine = report["machine"]
    print(f"{machine['processor']}, {machine['cores']} cores, bf16 by {' and '.join(machine['bf16']) or 'nothing'}; "
          f"load {machine['load_at_start']:.1f} at start\n{report['version']}")
    with tempfile.TemporaryDirectory() as folder:
        context = Context(args, pathlib.Path(folder))
        for name in args.parts.split(","):
            start = time.perf_counter()
            report[name] = list(PARTS[name].rows(context))
            seconds = time.perf_counter() - start
            print(f"\n## {name} ({seconds:.0f} s)\n\n{PARTS[name].show(report[name])}", flush=True)
            if args.json:
                args.json.parent.mkdir(parents=True, exist_ok=True)
                args.json.write_text(json.dumps(report, indent=2) + "\n")
    if args.json:
        print(f"\nwritten to {args.json}", file=sys.stderr)


if __name__ == "__main__":
    main()
