#!/usr/bin/env python3
"""A student to begin from: layers of a published encoder, taught by all of its layers on texts without labels.

    experiments/general_student.py --model $MODEL_DIR --glue $GLUE_DIR --layers 1,3,5 --output runs/general

TinyBERT's general distillation (Jiao et al., Findings of EMNLP 2020, section 3.2) by `reaugkd distill --method tinybert
--tinybert-intermediate 1`. The texts are the pairs of GLUE's training files, each file's first --rows rows: their labels are not read, and
neither are dev files of the tasks. OUTPUT/student is then an encoder without a classifier. A second call goes on where the first one
stopped.
"""
import argparse
import json
import pathlib
import random
import shutil
import struct
import subprocess

FILES = ["QNLI/train.tsv:1,2", "MNLI/train.tsv:8,9", "QQP/train.tsv:3,4", "MRPC/train.tsv:3,4", "RTE/train.tsv:1,2", "STS-B/train.tsv:7,8"]
RECORD = ["run.json", "run.log", "metrics.json", "split.json", "train_log.jsonl", ".lock"]  # of a run
VALIDATED = 500  # rows, which choose nothing: the last step's student is kept


def pairs_of(glue, file, most):
    path, columns = file.rsplit(":", 1)
    first, second = map(int, columns.split(","))
    pairs = []
    for line in (glue / path).read_text(encoding="utf-8-sig").split("\n")[1:]:
        fields = line.split("\t")
        if len(fields) > max(first, second) and fields[first] and fields[second] and len(pairs) < most:
            pairs.append((fields[first], fields[second]))
    print(f"{path}: {len(pairs):,} pairs")
    return pairs


def write(path, pairs):
    """reaugkd wants a label in every row that it validates on: two made-up ones, in turn."""
    lines = [f"{a}\t{b}\t{'no' if i % 2 else 'yes'}\n" for i, (a, b) in enumerate(pairs)]
    path.write_text("a\tb\tlabel\n" + "".join(lines), encoding="utf-8")


def without_classifier(data):
    """The bytes of a safetensors file, without the tensors of a head."""
    size, = struct.unpack("<Q", data[:8])
    kept, body = {}, b""
    for name, tensor in json.loads(data[8:8 + size]).items():
        if name != "__metadata__" and not name.startswith("classifier."):
            begin, end = tensor["data_offsets"]
            kept[name] = {**tensor, "data_offsets": [len(body), len(body) + end - begin]}
            body += data[8 + size + begin:8 + size + end]
    header = json.dumps(kept).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + body


def save_student(trained, student):
    """The model alone, without the record of the run and what was made of the made-up labels."""
    shutil.rmtree(student, ignore_errors=True)
    shutil.copytree(trained, student, ignore=shutil.ignore_patterns(*RECORD))
    weights = student / "model.safetensors"
    weights.write_bytes(without_classifier(weights.read_bytes()))
    config = json.loads((student / "config.json").read_text())
    for key in ("reaugkd", "id2label", "label2id"):
        config.pop(key, None)
    (student / "config.json").write_text(json.dumps(config, indent=2))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--glue", type=pathlib.Path, required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--layers", required=True, help="of the model, counted from 0, that the student begins as")
    parser.add_argument("--files", nargs="+", default=FILES, metavar="FILE:COLUMN,COLUMN")
    parser.add_argument("--rows", type=int, default=20000, help="of each file, at most")
    parser.add_argument("--epochs", default="4")
    parser.add_argument("--learning-rate", default="3e-4")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--binary", default="build/release/bin/reaugkd")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    pairs = [pair for file in args.files for pair in pairs_of(args.glue, file, args.rows)]
    random.Random(int(args.seed)).shuffle(pairs)
    write(args.output / "train.tsv", pairs[VALIDATED:])
    write(args.output / "dev.tsv", pairs[:VALIDATED])
    trained = args.output / "trained"
    subprocess.run([args.binary, "distill", "--method", "tinybert", "--tinybert-intermediate", "1", "--teacher", args.model,
                    "--student", args.model, "--student-layers", args.layers, "--text-column", "a", "--text-pair-column", "b",
                    "--label-column", "label", "--data", args.output, "--validation", "dev", "--epochs", args.epochs,
                    "--learning-rate", args.learning_rate, "--seed", args.seed, "--output", trained, "--resume"], check=True)
    student = args.output / "student"
    save_student(trained, student)
    print(f"written to {student}")


if __name__ == "__main__":
    main()
