"""The knowledge base's embeddings and the student's queries, on the first two principal components of the knowledge base."""
import matplotlib
import pandas as pd
from matplotlib.lines import Line2D

from .style import COLORS, GREY, new_figure, styled

ENDING = ".png"  # thousands of points
TEXT = {"source": str, "label": str}
MOST_POINTS = 1500  # of a cloud, drawn at random
SOURCES = {"teacher": "row of the knowledge base (teacher)", "student": "query (student)"}


def tables(task, method):
    """(name, columns source, label, x, y) of the first seed that has a map, in the plain or a further evaluation."""
    for name, runs in task.runs.items():
        for run in runs.values():
            points = run.table("embeddings.tsv", ["source", "label", "x", "y"])
            if name.partition("@")[0] == method and points is not None:
                clouds = [cloud.sample(min(MOST_POINTS, len(cloud)), random_state=0)
                          for _, cloud in points.groupby(["source", "label"])]
                yield f"{task.name}-{method}", pd.concat(clouds[::-1])  # teachers first, students above
                return


@styled
def draw(subject, table):
    figure = new_figure(9, 5.2)
    axes = figure.add_subplot()
    colors, handles = colors_of(table["label"])
    for source in SOURCES:
        points = table[table["source"] == source].sample(frac=1, random_state=0)  # no label covers the other
        look = ({"s": 12, "alpha": 0.35, "linewidth": 0} if source == "teacher" else
                {"s": 16, "alpha": 0.85, "marker": "x", "linewidth": 1})
        axes.scatter(points["x"], points["y"], c=points["label"].map(colors), **look)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel("first principal component")
    axes.set_ylabel("second principal component")
    axes.set_title(f"{subject}: the knowledge base's rows and the student's queries")
    sources = [Line2D([], [], color=GREY, marker=marker, linestyle="", markersize=6, label=name)
               for marker, name in zip("ox", SOURCES.values())]
    figure.legend(handles=sources + handles, loc="outside lower center", ncols=4)
    return figure


def colors_of(labels):
    """Label -> color, and the legend's entries. Scores, or more labels than colors, get a scale."""
    names = sorted(labels.unique(), key=lambda label: (not number(label), float(label) if number(label) else 0, label))
    if len(names) <= len(COLORS):
        colors = dict(zip(names, COLORS))
        return colors, [Line2D([], [], color=color, marker="s", linestyle="", markersize=8, label=f"label {name}")
                        for name, color in colors.items()]
    scale = matplotlib.colormaps["viridis"]
    places = [float(name) for name in names] if all(map(number, names)) else range(len(names))
    low, high = min(places), max(places)
    colors = {name: scale((place - low) / (high - low)) for name, place in zip(names, places)}
    ends = [names[0], names[-1]]
    return colors, [Line2D([], [], color=colors[name], marker="s", linestyle="", markersize=8, label=f"label {name}")
                    for name in ends]


def number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True
