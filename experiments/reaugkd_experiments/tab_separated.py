"""Tab-separated files: what the stages and GLUE write, without any quoting."""
import csv

import pandas as pd

from .errors import UserError


def read_tab_separated(path, columns=(), **options):
    """Reads a file in which every cell is text, and checks that it has the columns."""
    try:
        table = pd.read_csv(path, sep="\t", quoting=csv.QUOTE_NONE, dtype=str, keep_default_na=False, encoding="utf-8",
                            **options)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot read the table: {error}") from error
    missing = [column for column in columns if column not in table]
    if missing:
        raise UserError(f"{path}: there is no column {', '.join(missing)}; found {', '.join(table.columns)}")
    return table
