"""The score with retrieval over the size of the knowledge base: one panel a method."""
import pandas as pd
from matplotlib.ticker import NullLocator

from .style import COLORS, GREY, NAMES, new_figure, percent, styled

ENDING = ".svg"
TEXT = {"method": str}


def tables(task, method):
    """(name, one row a method and share), for every method that was evaluated with --kb-rows; `method` does not matter."""
    for column in task.columns:
        records = [(name.partition("@")[0], seed, run.options.get("kb_rows", 1), 100 * run.score("combined", column.metric))
                   for name, runs in task.runs.items() for seed, run in runs.items()
                   if "@" not in name or run.options.get("kb_rows", 1) < 1]
        scores = pd.DataFrame(records, columns=["method", "seed", "share", "score"])
        scores = scores[scores.groupby("method")["share"].transform("nunique") > 1]
        if len(scores):
            yield column.file_name, summary(scores, column)


def summary(scores, column):
    of_share = scores.groupby(["method", "share"])["score"].agg(["mean", "std"]).reset_index()
    alone = {method: 100 * pd.Series(column.scores(method, "alone")).mean() for method in of_share["method"].unique()}
    return pd.DataFrame({"method": of_share["method"], "percent_of_rows": 100 * of_share["share"],
                         column.metric: of_share["mean"], "deviation": of_share["std"].fillna(0),
                         "student_alone": of_share["method"].map(alone)}).round(2)


@styled
def draw(subject, table):
    metric = table.columns[2]
    methods = list(table["method"].unique())
    figure = new_figure(max(8, 1.2 + 2.7 * len(methods)), 3.6)
    panels = figure.subplots(1, len(methods), sharey=True, squeeze=False)[0]
    for axes, method in zip(panels, methods):
        of_method = table[table["method"] == method]
        axes.axhline(of_method["student_alone"].iloc[0], color=GREY, linestyle=(0, (4, 2)), linewidth=1.5,
                     label="student alone")
        axes.errorbar(of_method["percent_of_rows"], of_method[metric], of_method["deviation"], color=COLORS[0],
                      marker="o", markersize=5, capsize=3, elinewidth=1.2, label="with retrieval")
        axes.set_xscale("log")
        axes.set_xticks(of_method["percent_of_rows"], [f"{share:g}" for share in of_method["percent_of_rows"]])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.margins(x=0.12)
        axes.set_title(method, fontsize=11)
        axes.set_xlabel("rows of the knowledge base (%)")
    panels[0].set_ylabel(percent(metric))
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    figure.suptitle(f"{subject}: {NAMES.get(metric, metric)} over the size of the knowledge base, mean ± deviation over seeds",
                    fontsize=12, fontweight="bold", x=0.01, ha="left")
    return figure
