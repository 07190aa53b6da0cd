"""A difference between two sides of the same tasks, with what chance makes of it.

Both sides have the same rows and seeds. Another dev set and other seeds would both change a difference. What another dev set
would change: a bootstrap draws the rows again, the same ones for both sides and all seeds. What other seeds would change: the
deviation of the seeds' differences. The interval of 95 % holds both: the two variances are added, and Student's t has the
degrees of freedom of such a sum (Satterthwaite 1946). A bootstrap that draws the seeds again as well was tried in its place:
with three or five seeds its intervals are too narrow. p is of the same t. A table of differences has its p corrected for their
number (Benjamini and Hochberg 1995). A difference is more than noise if its p, so corrected, is below 0.05.
"""
import dataclasses

import numpy as np
import scipy.stats

CONFIDENCE = 0.95


@dataclasses.dataclass
class Difference:
    mean: float
    interval: tuple  # low, high; with one seed over the rows alone
    p: float | None  # that it is 0; None with one seed
    seeds: int

    @property
    def more_than_noise(self):
        return self.p is not None and self.p < 1 - CONFIDENCE


def corrected(differences):
    """The same, each with p as the expected share of false ones among all that have no larger p."""
    tested = [found for found in differences if found is not None and found.p is not None]
    ps = iter(scipy.stats.false_discovery_control([found.p for found in tested]) if tested else ())
    return [dataclasses.replace(found, p=float(next(ps))) if found is not None and found.p is not None else found
            for found in differences]


def difference(columns, left, right, over_seeds=True):
    """left - right, averaged over the columns, with the seeds that all of them have for both sides.

    The rows of different tasks are drawn independently. None without a common seed, or for a metric without intervals. Without
    `over_seeds` the interval says what other rows would change, and there is no p: for seeds that are not independent.
    """
    seeds = sorted(set.intersection(*(column.seeds(left, right) for column in columns))) if columns else []
    if not seeds or not all(column.has_intervals for column in columns):
        return None
    by_seed = np.mean([[column.score_of_rows(left, seed) - column.score_of_rows(right, seed) for seed in seeds]
                       for column in columns], axis=0)
    resampled = np.mean([column.resampled_scores(left, seed) - column.resampled_scores(right, seed)
                         for column in columns for seed in seeds], axis=0)
    if len(seeds) == 1 or not over_seeds:
        return Difference(float(by_seed.mean()), middle(resampled), None, len(seeds))
    rows = sum(len(column.task.first.labels) for column in columns)
    return Difference(float(by_seed.mean()), *of_rows_and_seeds(by_seed, np.var(resampled, ddof=1), rows), len(seeds))


def middle(resampled):
    """The ends of the middle 95 %."""
    low, high = np.quantile(resampled, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def of_rows_and_seeds(by_seed, variance_over_rows, rows):
    """The interval around the mean of the seeds' differences, and p that it is 0."""
    mean, variance_over_seeds = np.mean(by_seed), np.var(by_seed, ddof=1) / len(by_seed)
    variance = variance_over_rows + variance_over_seeds
    if variance == 0:
        return (float(mean), float(mean)), float(mean == 0)
    freedom = variance**2 / (variance_over_rows**2 / (rows - 1) + variance_over_seeds**2 / (len(by_seed) - 1))
    distribution = scipy.stats.t(freedom, mean, np.sqrt(variance))
    low, high = distribution.interval(CONFIDENCE)
    return (float(low), float(high)), float(2 * min(distribution.cdf(0), distribution.sf(0)))
