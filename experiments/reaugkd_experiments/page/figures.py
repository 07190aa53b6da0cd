"""The pictures of a page: SVG inside the HTML. Lines differ in their dashes too, so that they are told apart in grey."""
import base64
import io

import matplotlib.ticker
import numpy as np

from ..pictures.reliability import bins_of
from ..pictures.style import COLORS, GREY, NAMES, new_figure, styled

LOOKS = {"student": (COLORS[0], "-", "o", "student"), "retrieval": (COLORS[1], (0, (5, 2)), "s", "retrieval"),
         "combined": ("#000000", (0, (1, 1.5)), "^", "combined")}
FEWEST = 20  # rows of a bin that is drawn
NAMED_CLASSES = 20  # more have no room for their names
PERCENT = matplotlib.ticker.PercentFormatter(1, decimals=0)


def figures(run):
    """Name -> (data URI, text for who does not see it). A picture without data is left out."""
    drawn = {}
    if run.classes:
        drawn["reliability"] = reliability(run), "How often a prediction is right at each confidence"
        drawn["risk"] = risk_coverage(run), "Share of wrong answers among the surest predictions, by the share that is answered"
        drawn["confusion"] = confusion(run), "Confusion matrix: labels are rows, predictions are columns"
    else:
        drawn["scatter"] = scatter(run), "Predicted scores over labels"
    for name, lines in run.trainings:
        if any("loss" in line for line in lines):
            drawn[f"training-{name}"] = training(name, lines), f"Loss and validation score in the {name}'s training"
    return drawn


def as_uri(figure):
    content = io.BytesIO()
    figure.savefig(content, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(content.getvalue()).decode()


def percent_axes(axes):
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PERCENT)


def legend_below(figure, axes):
    """Where no curve can lie under it."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2 if len(labels) > 3 else 3)


@styled
def reliability(run):
    figure = new_figure(5, 4.4)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, label="perfectly calibrated")
    lowest = 1
    for part in run.shown_parts:
        bins = bins_of(run.probabilities[part], run.labels)
        bins = bins[bins["rows"] >= FEWEST] if (bins["rows"] >= FEWEST).any() else bins
        color, dashes, marker, name = LOOKS[part]
        axes.plot(bins["confidence"], bins["accuracy"], color=color, linestyle=dashes, marker=marker, markersize=5, label=name)
        lowest = min(lowest, bins["confidence"].min(), bins["accuracy"].min())
    axes.set_xlim(max(0, lowest - 0.05), 1.02)
    axes.set_ylim(max(0, lowest - 0.05), 1.02)
    percent_axes(axes)
    axes.set_xlabel("mean confidence")
    axes.set_ylabel("predictions that are right")
    legend_below(figure, axes)
    return as_uri(figure)


def risk_of(probabilities, labels):
    """The share of wrong ones among the k surest predictions, for each k: (N,)."""
    surest_first = np.argsort(-probabilities.max(axis=1), kind="stable")
    wrong = probabilities.argmax(axis=1)[surest_first] != labels[surest_first]
    return np.cumsum(wrong) / np.arange(1, len(labels) + 1)


@styled
def risk_coverage(run):
    figure = new_figure(5, 4.4)
    axes = figure.add_subplot()
    share = np.arange(1, len(run.labels) + 1) / len(run.labels)
    shown = share >= min(0.05, share[-1])  # of a few rows it is chance
    highest = 0
    for part in run.shown_parts:
        color, dashes, _, name = LOOKS[part]
        risk = risk_of(run.probabilities[part], run.labels)
        axes.plot(share[shown], risk[shown], color=color, linestyle=dashes, label=name)
        highest = max(highest, risk[shown].max())
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.1 * highest or 1)
    percent_axes(axes)
    if highest < 0.05:
        axes.yaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(1, decimals=1))
    axes.set_xlabel("answered: the surest predictions")
    axes.set_ylabel("wrong among them")
    legend_below(figure, axes)
    return as_uri(figure)


def confusion_counts(run):
    """(C, C), a row for each label, of the final prediction."""
    final = run.decisions.get("combined", run.decisions["student"])
    counts = np.zeros((len(run.classes), len(run.classes)), dtype=int)
    np.add.at(counts, (run.labels, final), 1)
    return counts


@styled
def confusion(run):
    counts = confusion_counts(run)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    named = len(run.classes) <= NAMED_CLASSES
    figure = new_figure(5, 4.6)
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Greys", vmin=0, vmax=1, interpolation="nearest")
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("prediction")
    axes.set_ylabel("label")
    if named:
        names = [name if len(name) <= 18 else name[:16] + "…" for name in run.classes]
        short = max(map(len, names)) <= 3
        axes.set_xticks(range(len(names)), names, rotation=0 if short else 60, ha="center" if short else "right")
        axes.set_yticks(range(len(names)), names)
        size = 11 if len(names) <= 5 else 9 if len(names) <= 10 else 6
        for (i, j), count in np.ndenumerate(counts):
            if count:
                axes.text(j, i, f"{count:,}", ha="center", va="center", fontsize=size,
                          color="white" if shares[i, j] > 0.55 else "black")
    else:
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(True)
    bar = figure.colorbar(image, ax=axes, format=PERCENT, label="of the label's rows", shrink=0.8)
    bar.outline.set_visible(False)
    return as_uri(figure)


@styled
def scatter(run):
    figure = new_figure(5, 4)
    axes = figure.add_subplot()
    for part in run.shown_parts:
        color, _, marker, name = LOOKS[part]
        axes.plot(run.labels, run.decisions[part], marker, color=color, markersize=3, alpha=0.5, label=name)
    ends = [run.labels.min(), run.labels.max()]
    axes.plot(ends, ends, color=GREY, linewidth=1, label="label")
    axes.set_xlabel("label")
    axes.set_ylabel("prediction")
    axes.legend(loc="upper left")
    return as_uri(figure)


@styled
def training(name, lines):
    losses = [(line["epoch"], line["loss"]) for line in lines if "loss" in line]
    validations = [(line["epoch"], line["validation"]) for line in lines if "validation" in line]
    figure = new_figure(5, 4.6)
    above, below = figure.subplots(2, 1, sharex=True) if validations else (figure.add_subplot(), None)
    epochs, values = np.array(losses, dtype=float).T
    above.plot(epochs, values, color="#BBBBBB", linewidth=0.8, label="each logged step")
    smooth = max(1, len(values) // 20)
    if len(values) >= 3 * smooth and smooth > 1:
        mean = np.convolve(values, np.ones(smooth) / smooth, mode="valid")
        above.plot(epochs[smooth - 1:], mean, color=COLORS[0], label=f"mean of {smooth}")
    above.set_ylabel("training loss")
    above.set_ylim(0 if values.min() >= 0 else None, np.quantile(values, 0.99) * 1.1)
    above.legend(loc="upper right")
    if below is not None:
        metric = next(iter(validations[0][1]))
        scores = [validation[metric] for _, validation in validations]
        below.plot([epoch for epoch, _ in validations], scores, color="black", marker="o", markersize=4)
        below.set_ylabel(f"validation {NAMES.get(metric, metric).replace('_', ' ')}")
        below.margins(y=0.15)
    (below or above).set_xlabel("epoch")
    above.set_xlim(0, None)
    above.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=bool(epochs.max() >= 2)))
    return as_uri(figure)
