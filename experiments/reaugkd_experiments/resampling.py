"""A bootstrap: rows are drawn again with replacement, as many as there are."""
import numpy as np

RESAMPLES = 2000
CELLS = 10**7  # so many numbers are held at a time


def draw_rows(name, rows):
    """How often each sample holds each row, (RESAMPLES, rows). The name is the seed."""
    generator = np.random.default_rng(list(name.encode()))
    draws = np.empty((RESAMPLES, rows), dtype=np.uint8)  # a row is drawn about once: 255 times is out of reach
    for draw in draws:
        draw[:] = np.bincount(generator.integers(rows, size=rows), minlength=rows)
    return draws


def resampled_sums(draws, statistics):
    """The sums of the rows' statistics, (N, S), in each sample: (RESAMPLES, S)."""
    parts = np.array_split(draws, 1 + draws.size // CELLS)
    return np.concatenate([part.astype(float) @ statistics for part in parts])
