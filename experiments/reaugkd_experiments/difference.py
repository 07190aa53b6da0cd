"""A difference between two sides of the same tasks, with what chance makes of it.

Both sides have the same rows and seeds. A difference has two intervals of 95 %. The one over rows says what another dev set
would change: a bootstrap draws the rows again, the same ones for both sides and all seeds. The one over seeds says what
another seed would change: Student's t over the seeds' differences. Neither holds the other's part. A difference is more than
noise if both exclude zero. Nothing is corrected for the number of comparisons.
"""
import dataclasses

import numpy as np
import scipy.signal
import scipy.stats

CONFIDENCE = 0.95


@dataclasses.dataclass
class Difference:
    mean: float
    over_rows: tuple  # low, high
    over_seeds: tuple | None  # low, high; None with one seed
    p: float | None  # of a permutation test over rows; for accuracy on one task
    seeds: int

    @property
    def more_than_noise(self):
        return self.over_seeds is not None and excludes_zero(self.over_rows) and excludes_zero(self.over_seeds)


def excludes_zero(interval):
    low, high = interval
    return low > 0 or high < 0


def difference(columns, left, right):
    """left - right, averaged over the columns, with the seeds that all of them have for both sides.

    The rows of different tasks are drawn independently. None without a common seed, or for a metric without intervals.
    """
    seeds = sorted(set.intersection(*(column.seeds(left, right) for column in columns))) if columns else []
    if not seeds or not all(column.has_intervals for column in columns):
        return None
    by_seed = np.mean([[column.score_of_rows(left, seed) - column.score_of_rows(right, seed) for seed in seeds]
                       for column in columns], axis=0)
    resampled = np.mean([column.resampled_scores(left, seed) - column.resampled_scores(right, seed)
                         for column in columns for seed in seeds], axis=0)
    p = None
    if len(columns) == 1 and columns[0].metric == "accuracy":
        p = permutation_p(sum(rights(columns[0], left, seed) - rights(columns[0], right, seed) for seed in seeds))
    return Difference(float(by_seed.mean()), middle(resampled), interval_over_seeds(by_seed), p, len(seeds))


def rights(column, side, seed):
    """1 for each row that is right, (N,)."""
    return column.row_statistics(side, seed)[:, 0]


def middle(resampled):
    """The ends of the middle 95 %."""
    low, high = np.quantile(resampled, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def interval_over_seeds(by_seed):
    if len(by_seed) < 2:
        return None
    reach = scipy.stats.t.ppf((1 + CONFIDENCE) / 2, len(by_seed) - 1) * scipy.stats.sem(by_seed)
    return float(np.mean(by_seed) - reach), float(np.mean(by_seed) + reach)


def permutation_p(by_row):
    """How often the rows' differences sum to as much, if the sign of each is flipped at random: exactly, not by drawing.

    The differences are whole numbers. Those of one size s flip to s (2 Binomial(n, 1/2) - n), and the sum over the sizes has
    the convolution of their distributions. If all have one size, this is McNemar's exact test.
    """
    sizes, counts = np.unique(np.abs(by_row[by_row != 0]).astype(int), return_counts=True)
    chances = np.ones(1)  # of each sum, from -reach to reach
    for size, count in zip(sizes, counts):
        of_size = np.zeros(2 * size * count + 1)
        of_size[::2 * size] = scipy.stats.binom.pmf(np.arange(count + 1), count, 0.5)
        chances = scipy.signal.convolve(chances, of_size)
    sums = np.arange(len(chances)) - len(chances) // 2
    return min(1.0, float(chances[np.abs(sums) >= abs(by_row.sum())].sum()))
