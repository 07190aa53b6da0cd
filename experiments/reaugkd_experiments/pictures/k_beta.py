"""The score at each k and beta, tau' selected on the validation part: the mean over seeds as a heat map."""
import numpy as np
import pandas as pd

from ..sweep import best_settings, read_sweeps
from .style import NAMES, new_figure, styled

ENDING = ".svg"
TEXT = {}


def tables(task, method):
    """(name, columns k, beta, <metric>, student_alone) for each metric of the task."""
    settings = read_sweeps(task, method)
    if settings is None:
        return
    best = best_settings(settings, ["k", "beta", "seed"])
    for column in task.columns:
        cells = best.groupby(["beta", "k"])[column.metric].agg(["mean", "count"]).reset_index()
        cells = cells[cells["count"] == settings["seed"].nunique()]  # a grid need not be whole in each seed
        if len(cells):
            alone = np.mean(list(column.scores(method, "alone").values()))
            yield f"{column.file_name}-{method}", pd.DataFrame(
                {"k": cells["k"].astype(int), "beta": cells["beta"], column.metric: (100 * cells["mean"]).round(2),
                 "student_alone": round(100 * alone, 2)})


@styled
def draw(subject, table):
    metric = table.columns[2]
    scores = table.pivot(index="beta", columns="k", values=metric)
    alone = table["student_alone"].iloc[0]
    gains = scores - alone
    reach = max(1, np.nanmax(np.abs(gains)))  # in points: less than one looks pale
    figure = new_figure(2.6 + 0.75 * len(scores.columns), 1.6 + 0.36 * len(scores))
    axes = figure.add_subplot()
    image = axes.imshow(gains, cmap="RdBu", vmin=-reach, vmax=reach, origin="lower", aspect="auto")
    for (i, j), gain in np.ndenumerate(gains.to_numpy()):
        if np.isfinite(gain):
            axes.text(j, i, f"{scores.iat[i, j]:.1f}", ha="center", va="center", fontsize=9.5,
                      color="white" if abs(gain) > 0.65 * reach else "#222222")
    axes.set_xticks(range(len(scores.columns)), [f"{k:g}" for k in scores.columns])
    axes.set_yticks(range(len(scores)), [f"{beta:g}" for beta in scores.index])
    axes.set_xlabel("neighbors k", labelpad=8)
    axes.set_ylabel("β, weight of the student", labelpad=8)
    axes.set_title(f"{subject}: {NAMES.get(metric, metric)} over k and β")
    axes.grid(False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, label=f"points over the student alone ({alone:.1f})")
    bar.outline.set_visible(False)
    return figure
