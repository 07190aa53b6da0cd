"""The latency of one query at batch 1: cumulative distributions of the student alone and with retrieval, over all seeds."""
import numpy as np
import pandas as pd

from .style import COLORS, new_figure, styled

ENDING = ".svg"
TEXT = {}
MOST_POINTS = 400  # of a curve
LINES = {"model_ms": "student alone", "with_retrieval_ms": "with retrieval"}


def tables(task, method):
    """(name, columns share, model_ms, with_retrieval_ms), both sorted."""
    found = [run.table("latency.tsv", list(LINES)) for run in task.runs.get(method, {}).values()]
    found = [table for table in found if table is not None]
    if found:
        times = pd.concat(found)[list(LINES)].astype(float)
        times = pd.DataFrame(np.sort(times, axis=0), columns=times.columns)
        times.insert(0, "share", ((times.index + 1) / len(times)).to_series(index=times.index).round(4))
        yield f"{task.name}-{method}", times


@styled
def draw(subject, table):
    figure = new_figure(6.8, 4)
    axes = figure.add_subplot()
    shares = np.linspace(0, 1, min(MOST_POINTS, len(table)))
    for color, (column, name) in zip(COLORS, LINES.items()):
        median = table[column].median()
        axes.plot(np.quantile(table[column], shares), 100 * shares, color=color, label=f"{name}, median {median:.2f} ms")
        axes.plot([median], [50], "o", color=color, markersize=6)
    axes.set_xlim(0, 1.1 * table["with_retrieval_ms"].quantile(0.99))
    axes.set_ylim(0, 101)
    axes.set_xlabel("time of one query (ms)")
    axes.set_ylabel("queries answered (%)")
    axes.set_title(f"{subject}: latency at batch 1, {len(table):,} queries")
    axes.legend(loc="lower right")
    return figure
