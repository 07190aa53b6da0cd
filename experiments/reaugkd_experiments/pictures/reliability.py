"""Calibration: how often a prediction is right at each confidence, over all seeds."""
import numpy as np
import pandas as pd
from matplotlib.ticker import PercentFormatter

from .style import COLORS, GREY, new_figure, styled

ENDING = ".svg"
TEXT = {"part": str}
BINS = 10  # of confidence, from 1/C to 1
FEWEST = 20  # rows of a bin that is drawn
# Wide below narrow: with beta = 1 the student's line lies on the combined one.
LOOKS = {"combined": (COLORS[2], 5, "student with retrieval"), "student": (COLORS[0], 1.8, "student alone"),
         "retrieval": (COLORS[1], 1.8, "retrieval alone")}


def tables(task, method):
    """(name, columns part, confidence, accuracy, rows): one row a bin that has any."""
    runs = list(task.runs.get(method, {}).values())
    if not runs or not runs[0].classes:
        return
    labels = np.concatenate([run.labels for run in runs])
    bins = [bins_of(np.concatenate([run.probabilities[part] for run in runs]), labels).assign(part=part)
            for part in runs[0].probabilities]
    yield f"{task.name}-{method}", pd.concat(bins)[["part", "confidence", "accuracy", "rows"]]


def bins_of(probabilities, labels):
    """Mean confidence, accuracy and number of rows in each bin of the largest probability."""
    confidence, classes = probabilities.max(axis=1), probabilities.shape[1]
    which = ((confidence - 1 / classes) / (1 - 1 / classes) * BINS).astype(int).clip(0, BINS - 1)
    rows = pd.DataFrame({"bin": which, "confidence": confidence, "right": probabilities.argmax(axis=1) == labels})
    return rows.groupby("bin").agg(confidence=("confidence", "mean"), accuracy=("right", "mean"),
                                   rows=("right", "size")).round(4)


@styled
def draw(subject, table):
    figure = new_figure(6.2, 5)
    axes = figure.add_subplot()
    drawn = table[table["rows"] >= FEWEST]
    drawn = drawn if len(drawn) else table
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=(0, (4, 2)), linewidth=1.5, label="perfectly calibrated")
    largest = table["rows"].max()
    for part, (color, width, name) in LOOKS.items():
        bins = drawn[drawn["part"] == part]
        light = 0.45 if part == "combined" else 1
        axes.plot(bins["confidence"], bins["accuracy"], color=color, linewidth=width, alpha=light, label=name)
        axes.scatter(bins["confidence"], bins["accuracy"], 20 + 130 * bins["rows"] / largest, color=color, alpha=light,
                     linewidth=0, zorder=2)
    axes.set_xlim(drawn["confidence"].min() - 0.03, 1.01)
    axes.set_ylim(max(0, min(drawn["accuracy"].min(), drawn["confidence"].min()) - 0.05), 1.02)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlabel("mean confidence of the prediction")
    axes.set_ylabel("predictions that are right")
    axes.set_title(f"{subject}: confidence and accuracy")
    axes.legend(loc="upper left", title=f"area of a point: rows, at least {FEWEST}", title_fontsize=9, alignment="left")
    return figure
