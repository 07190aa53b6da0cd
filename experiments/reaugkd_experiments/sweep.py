"""A sweep: how every setting of k, tau' and beta scores (eval --sweep)."""
import numpy as np
import pandas as pd

from .cell import mean_and_deviation, seeds_text

PARAMETERS = ("k", "tau", "beta", "kb_temperature")


def read_sweeps(task, method):
    """The settings of all seeds, one row each, with a column "seed". None if no seed has a sweep."""
    found = []
    for seed, run in task.runs.get(method, {}).items():
        table = run.table("sweep.tsv", ["k", "tau", "beta", "validation_loss"])
        if table is not None:
            found.append(table.astype(float).assign(seed=seed))
    if not found:
        return None
    sweeps = pd.concat(found, ignore_index=True)
    if "kb_temperature" not in sweeps:  # older ones: it was always 1
        sweeps["kb_temperature"] = 1.0
    return sweeps


def best_settings(settings, by):
    """The setting that `eval` would select by the likelihood, for each value of the columns `by`.

    Ties go to the larger beta, then the smaller k, the smaller tau', and the kb_temperature nearest to 1.
    """
    lowest = settings.groupby(by)["validation_loss"].transform("min")
    near = settings[settings["validation_loss"] <= lowest + 1e-9]
    order = near.assign(less_beta=-near["beta"], far_from_1=np.log(near["kb_temperature"]).abs())
    order = order.sort_values(["less_beta", "k", "tau", "far_from_1"], kind="stable")
    return order.drop_duplicates(by).drop(columns=["less_beta", "far_from_1"])


def sweep_table(column, parameter):
    """The score at each value of one parameter, the others selected on the validation part. None without sweeps."""
    sweeps = {method: read_sweeps(column.task, method) for method in column.task.methods}
    sweeps = {method: settings for method, settings in sweeps.items() if settings is not None}
    values = sorted({value for settings in sweeps.values() for value in settings[parameter]})
    if not values or parameter == "kb_temperature" and len(values) == 1:
        return None
    rows = []
    for method, settings in sweeps.items():
        best = best_settings(settings, [parameter, "seed"])
        row, seeds = [method], settings["seed"].nunique()
        for value in values:
            scores = best.loc[best[parameter] == value, column.metric]  # a grid need not have every value
            row.append(mean_and_deviation(scores) + seeds_text(len(scores), seeds if len(scores) else 0))
        rows.append(row)
    return pd.DataFrame(rows, columns=["method", *(f"{value:g}" for value in values)])
