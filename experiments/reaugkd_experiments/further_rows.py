"""Rows of a training file that a teacher has not seen. The command line describes them."""
import csv
import random

import pandas as pd

from .errors import UserError
from .json_file import read_json
from .tab_separated import read_tab_separated


def words(text):
    return f" {' '.join(text.lower().split())} "


def further_rows(teacher, train, count):
    """The rows as text, tab separated."""
    split = read_json(teacher / "split.json")
    rows = read_tab_separated(train, ["sentence", "label"])
    texts = rows["sentence"].map(words)
    held_out = texts.iloc[split["holdout_rows"]].tolist()
    used = {*split["train_rows"], *split["holdout_rows"]}
    unseen = [row for row in rows.index if row not in used]
    random.Random(0).shuffle(unseen)
    chosen = []
    for row in unseen:
        if len(chosen) == count:
            break
        if not any(texts[row] in other or other in texts[row] for other in held_out):
            chosen.append(row)
    if len(chosen) < count:
        raise UserError(f"{train}: {len(chosen)} rows are left, {count} were asked for")
    distributions = pd.get_dummies(rows["label"], prefix="p", dtype=int)
    return rows.join(distributions).loc[sorted(chosen)].to_csv(sep="\t", index=False, quoting=csv.QUOTE_NONE)
