"""The difference tables: what retrieval adds, and who is better than whom, with what chance makes of it."""
import dataclasses

import numpy as np
import pandas as pd

from .cell import difference_text, points
from .difference import corrected, difference
from .score_table import AVERAGE, columns_of, methods_of


@dataclasses.dataclass
class Cell:
    before: str
    found: object  # Difference or None
    planned: int  # seeds


def difference_cell(columns, left, right, before="", over_seeds=True):
    planned = max((len(column.teacher) for column in columns), default=0)
    return Cell(before, difference(columns, left, right, over_seeds), planned)


def table_of(rows, titles):
    """A family of differences: their p are corrected together."""
    cells = [cell for row in rows for cell in row if isinstance(cell, Cell)]
    for cell, found in zip(cells, corrected([cell.found for cell in cells])):
        cell.found = found
    texts = [[cell.before + difference_text(cell.found, cell.planned) if isinstance(cell, Cell) else cell for cell in row] for row in rows]
    return pd.DataFrame(texts, columns=titles)


def averaged(columns):
    return [column for column in columns if column.averaged]


def parts(columns):
    """Each column alone, then those of the average."""
    return [[column] for column in columns] + [averaged(columns)]


def titles(columns):
    return [column.title for column in columns] + [AVERAGE]


def best_table(tasks):
    """The best method of each task and of the average, of those with every seed, against the second."""
    columns = columns_of(tasks)
    rows = []
    for title, side in (("student alone", "alone"), ("with retrieval", "combined")):
        row = [title]
        for part in parts(columns):
            first_two = ranked(part, side)[:2]
            row.append(difference_cell(part, *((method, side) for method in first_two), f"{first_two[0]} over {first_two[1]}: ")
                       if len(first_two) == 2 else "")
        rows.append(row)
    return table_of(rows, ["", *titles(columns)])


def ranked(columns, side):
    """The methods that have every seed of every column, the best first."""
    means = {}
    for method in methods_of([column.task for column in columns]):
        scores = [column.scores(method, side) for column in columns]
        if all(found and len(found) == len(column.teacher) for found, column in zip(scores, columns)):
            means[method] = np.mean([np.mean(list(found.values())) for found in scores])
    return sorted(means, key=means.get, reverse=True)


def gain_table(tasks):
    """What retrieval adds to each method."""
    columns = columns_of(tasks)
    rows = [[method, *(difference_cell(part, (method, "combined"), (method, "alone")) for part in parts(columns))]
            for method in methods_of(tasks)]
    return table_of(rows, ["method", *titles(columns)])


def against_table(tasks, method):
    """One method with retrieval against every other method alone, as the paper compares them, and then with retrieval."""
    columns = columns_of(tasks)
    others = [(f"{other} alone", (other, "alone")) for other in methods_of(tasks)]
    others += [(f"{other} with retrieval", (other, "combined")) for other in methods_of(tasks) if other != method]
    rows = [[title, *(difference_cell(part, (method, "combined"), side) for part in parts(columns))]
            for title, side in others]
    return table_of(rows, [f"{method} with retrieval minus", *titles(columns)])


def evaluation_table(columns, evaluations):
    """What retrieval adds to each student in its further evaluations. The columns are averaged. None if no student has any."""
    tasks = [column.task for column in columns]
    rows = []
    for method in methods_of(tasks):
        names = [method, *(f"{method}@{evaluation}" for evaluation in evaluations)]
        if any(name in task.runs for name in names[1:] for task in tasks):
            rows.append([method, *(difference_cell(columns, (name, "combined"), (method, "alone")) for name in names)])
    return table_of(rows, ["method", "as it is", *evaluations]) if rows else None


def control_table(tasks):
    """The gain of retrieval beside the control's. The control makes the same selection, with the labels of the knowledge base
    permuted. "Retrieval alone" is p^KB, with the k in parentheses: if beta is 1, every k gives the same score, and `eval` keeps
    the smallest."""
    columns = columns_of(tasks)
    rows = [[method, *(control_cell(column, method) for column in columns)] for method in methods_of(tasks)]
    return pd.DataFrame(rows, columns=["method", *(f"{column.title}: gain, permuted, retrieval alone, beta (k)"
                                                   for column in columns)])


def control_cell(column, method):
    runs = list(column.task.runs.get(method, {}).values())
    if not runs:
        return ""

    def mean(scores, form="+.1f"):
        return points(np.mean(scores), form) if scores else "-"

    alone = [run.score("alone", column.metric) for run in runs]
    gains = [run.score("combined", column.metric) - score for run, score in zip(runs, alone)]
    permuted = [run.permuted(column.metric) - score for run, score in zip(runs, alone)
                if run.permuted(column.metric) is not None]
    retrieval = [run.score("retrieval", column.metric) for run in runs]
    settings = [f"{run.results['retrieval']['beta']:g} ({run.results['retrieval']['k']})" for run in runs]
    return ", ".join([mean(gains), mean(permuted), mean(retrieval, ".1f"), *settings])
