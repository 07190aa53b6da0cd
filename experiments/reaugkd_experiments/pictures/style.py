"""The look that all pictures share."""
import functools

import matplotlib
from matplotlib.figure import Figure

# Okabe and Ito's colors, which color-blind readers can tell apart.
COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
GREY = "#666666"
NAMES = {"f1": "F1", "matthews_correlation": "Matthews' correlation", "pearson": "Pearson's correlation"}
STYLE = {"font.size": 11, "axes.titlesize": 12, "axes.titlelocation": "left", "axes.titleweight": "bold",
         "axes.titlepad": 10, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": GREY,
         "axes.labelcolor": "#222222", "axes.grid": True, "grid.color": "#E5E5E5", "grid.linewidth": 0.8,
         "axes.axisbelow": True, "xtick.color": "#333333", "ytick.color": "#333333", "lines.linewidth": 2,
         "legend.frameon": False, "legend.fontsize": 10, "savefig.dpi": 110, "savefig.facecolor": "white",
         "svg.hashsalt": "reaugkd"}  # the last one: the same numbers make the same file


def styled(function):
    """Runs a function with the style, and leaves matplotlib's own settings as they are."""
    @functools.wraps(function)
    def wrapper(*arguments):
        with matplotlib.rc_context(STYLE):
            return function(*arguments)
    return wrapper


def new_figure(width, height):
    """In inches."""
    return Figure(figsize=(width, height), layout="constrained")


def percent(metric):
    """An axis label: accuracy is a share, a correlation is not."""
    return f"{NAMES.get(metric, metric)} (%)" if metric == "accuracy" else f"{NAMES.get(metric, metric)} × 100"


@styled
def save(figure, path):
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else {"Software": None})
