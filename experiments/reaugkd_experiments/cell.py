"""A cell: the text of one score or one difference in a table. Two asterisks on each side make it bold."""
import numpy as np


def bold(text):
    return f"**{text}**"


def is_bold(text):
    return len(text) > 4 and text.startswith("**") and text.endswith("**")


def plain(text):
    return text[2:-2] if is_bold(text) else text


def mean_and_deviation(scores):
    """In points, over seeds."""
    scores = 100 * np.asarray(list(scores))
    if len(scores) == 0:
        return ""
    return f"{scores.mean():.1f}" + (f" ± {scores.std(ddof=1):.1f}" if len(scores) > 1 else "")


def seeds_text(found, planned):
    """Says how many seeds there are, if some are missing."""
    return f" ({found} of {planned} seeds)" if found < planned else ""


def points(value, form="+.1f"):
    """No "-0.0": what rounds to zero is "+0.0"."""
    return f"{round(100 * value, 1) + 0.0:{form}}"


def interval_text(interval):
    low, high = interval
    return f"[{points(low)}, {points(high)}]"


def p_text(p):
    return f" p {p:.3f}" if p >= 0.0005 else " p < 0.001"


def difference_text(difference, planned):
    """In points: the mean, the interval, p. Bold: more than noise."""
    if difference is None:
        return ""
    text = f"{points(difference.mean)} {interval_text(difference.interval)}"
    if difference.p is not None:
        text += p_text(difference.p)
    text += seeds_text(difference.seeds, planned)
    return bold(text) if difference.more_than_noise else text
