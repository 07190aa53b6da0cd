"""The further-rows command."""
import json

import pytest
from reaugkd_experiments.errors import UserError
from reaugkd_experiments.further_rows import further_rows

TRAIN = """sentence\tlabel
a "fine film\t1
a fine film of its kind\t1
dull\t0
so dull a film\t0
the plot\t1
a plot\t0
NA\t1
"""


@pytest.fixture
def teacher(tmp_path):
    (tmp_path / "train.tsv").write_text(TRAIN)
    (tmp_path / "split.json").write_text(json.dumps({"train_rows": [4], "holdout_rows": [2]}))
    return tmp_path


def test_unseen_rows_apart_from_the_holdout(teacher):
    """Row 4 was trained on, row 2 is held out, and row 3 contains it."""
    assert further_rows(teacher, teacher / "train.tsv", 4).splitlines() == [
        "sentence\tlabel\tp_0\tp_1", 'a "fine film\t1\t0\t1', "a fine film of its kind\t1\t0\t1", "a plot\t0\t1\t0",
        "NA\t1\t0\t1"]
    assert further_rows(teacher, teacher / "train.tsv", 2) == further_rows(teacher, teacher / "train.tsv", 2)


def test_too_few_rows_and_wrong_files_are_refused(teacher):
    with pytest.raises(UserError, match="4 rows are left, 5 were asked for"):
        further_rows(teacher, teacher / "train.tsv", 5)
    with pytest.raises(UserError, match="split.json: cannot read it: No such file"):
        further_rows(teacher / "none", teacher / "train.tsv", 1)
    (teacher / "other.tsv").write_text("text\tlabel\na\t1\n")
    with pytest.raises(UserError, match="there is no column sentence; found text, label"):
        further_rows(teacher, teacher / "other.tsv", 1)
