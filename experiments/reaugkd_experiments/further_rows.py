#!/usr/bin/env python3
"""Rows of a training file that a teacher has not seen, for a knowledge base that grows (build-kb --extend-files).

    experiments/reaugkd_experiments/further_rows.py runs/ablation/sst2/seed-1/teacher $GLUE_DIR/SST-2/train.tsv 10000 > further.tsv

Of the rows that split.json names neither for training nor for the holdout, a seeded sample of the given size; left out
are rows whose text contains a held-out row's, or is contained in one, as words: of SST-2 those are parts of one
sentence. The texts are the column "sentence". Columns p_<label> with the label as a distribution are added, for
build-kb --extend-labels given.
"""
import csv
import itertools
import json
import pathlib
import random
import sys


def main():
    teacher, train, count = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    with open(train, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    split = json.loads((teacher / "split.json").read_text())
    used = set(split["train_rows"]) | set(split["holdout_rows"])
    texts = [f" {' '.join(row['sentence'].lower().split())} " for row in rows]
    held_out = [texts[row] for row in split["holdout_rows"]]

    def apart(text):
        return not any(text in other or other in text for other in held_out)

    order = [row for row in range(len(rows)) if row not in used]
    random.Random(0).shuffle(order)
    chosen = list(itertools.islice((row for row in order if apart(texts[row])), count))
    if len(chosen) < count:
        sys.exit(f"{train}: only {len(chosen)} rows are left, {count} were asked for")
    labels = sorted({row["label"] for row in rows})
    print("\t".join([*rows[0], *(f"p_{label}" for label in labels)]))
    for row in sorted(chosen):
        print("\t".join([*rows[row].values(), *(str(int(rows[row]["label"] == label)) for label in labels)]))


if __name__ == "__main__":
    main()
