"""Rules for beta side by side: how much of an answer is the student's, how much the knowledge base's (equation 7).

Each rule is fitted on the rows that `eval` selects on: the holdout, and the new rows of the knowledge base with the row itself left
out. k and tau' are chosen for each rule by the same loss. Everything is numpy and scipy; only the probabilities of the student and
the keys come from reaugkd.
"""
import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

FLOOR = 0.01  # of the loss, as in docs/method/choices.md
NEIGHBORS = (4, 8, 16, 32)
TEMPERATURES = (0.02, 0.05, 0.1)
BINS = 8


class Rows:
    """What a rule may look at, of B rows: p^S and p^KB (B, C), the neighbors' largest similarity (B), labels (B)."""

    def __init__(self, student, knowledge_base, similarity, labels, known):
        self.student, self.kb, self.similarity, self.labels, self.known = student, knowledge_base, similarity, labels, known
        self.mass = np.minimum(knowledge_base[:, known:].sum(1), 1)  # of the classes that the student cannot name
        self.is_known = labels < known

    def features(self):
        """Standardized by `Scale`: the similarity, m, both entropies, agreement, both largest probabilities."""
        agreement = (self.student * self.kb).sum(1) / np.maximum(1 - self.mass, 1e-9)
        return np.stack([self.similarity, self.mass, entropy(self.student), entropy(self.kb), agreement,
                         self.student.max(1), self.kb.max(1)], axis=1)


def entropy(p):
    return -(p * np.log(np.maximum(p, 1e-12))).sum(1)


def loss(p, labels):
    """Mean of -log((1 - e) p(y) + e / C)."""
    return -np.log((1 - FLOOR) * p[np.arange(len(p)), labels] + FLOOR / p.shape[1]).mean()


def mixed(rows, beta):
    """Equation 7 over all classes."""
    beta = np.broadcast_to(beta, len(rows.labels))[:, None]
    return beta * rows.student + (1 - beta) * rows.kb


def new_by_kb(rows, beta):
    """A class that the student cannot name is the knowledge base's alone; beta decides between the others."""
    beta = np.broadcast_to(beta, len(rows.labels))[:, None]
    p = beta * (1 - rows.mass[:, None]) * rows.student + (1 - beta) * rows.kb
    p[:, rows.known:] = rows.kb[:, rows.known:]
    return p


def first_is_new(rows, beta):
    """The knowledge base answers where its first class is one that the student cannot name."""
    return mixed(rows, np.where(rows.kb.argmax(1) >= rows.known, 0.0, beta))


def best(candidates, score):
    return min(candidates, key=score)


def fit_constant(combine):
    def fit(tune):
        beta = best(np.linspace(0, 1, 21), lambda value: loss(combine(tune, value), tune.labels))
        return lambda rows: combine(rows, beta)
    return fit


def fit_threshold(tune):
    """One beta below a similarity, another from there on."""
    grid = np.linspace(0, 1, 11)

    def apply(rows, threshold, below, above):
        return mixed(rows, np.where(rows.similarity < threshold, below, above))

    choice = best([(t, b, a) for t in np.quantile(tune.similarity, np.linspace(0.05, 0.95, 19)) for b in grid for a in grid],
                  lambda c: loss(apply(tune, *c), tune.labels))
    return lambda rows: apply(rows, *choice)


def fit_bins(tune):
    """A beta for each bin of the largest similarity (adaptive kNN-LM, Drozdov et al. 2022)."""
    edges = np.quantile(tune.similarity, np.linspace(0, 1, BINS + 1)[1:-1])

    def part(rows, mask):
        return Rows(rows.student[mask], rows.kb[mask], rows.similarity[mask], rows.labels[mask], rows.known)

    bin_of = np.digitize(tune.similarity, edges)
    betas = np.array([best(np.linspace(0, 1, 21), lambda b, m=bin_of == i: loss(mixed(part(tune, m), b), tune.labels[m]))
                      if (bin_of == i).any() else 0.5 for i in range(BINS)])
    return lambda rows: mixed(rows, betas[np.digitize(rows.similarity, edges)])


def fit_gate(combine, only_known):
    """beta = sigmoid(b + w f): maximum likelihood of the answer, |w|^2 / 2 beside it."""
    def fit(tune):
        features = tune.features()
        if only_known:
            features = features[:, 2:5]
        mean, deviation = features.mean(0), features.std(0) + 1e-9
        scaled = (features - mean) / deviation
        used = tune.is_known if only_known else np.ones(len(tune.labels), bool)
        label = (np.arange(len(tune.labels)), tune.labels)
        ours, theirs = combine(tune, 1.0)[label], combine(tune, 0.0)[label]
        if only_known:  # given that the class is one of the student's
            ours, theirs = (part / np.maximum(1 - tune.mass, 1e-9) for part in (ours, theirs))
        ours, theirs = ((1 - FLOOR) * part[used] + FLOOR / tune.kb.shape[1] for part in (ours, theirs))
        inputs = np.column_stack([np.ones(used.sum()), scaled[used]])

        def objective(w):
            beta = expit(inputs @ w)
            p = beta * ours + (1 - beta) * theirs
            gradient = -((ours - theirs) * beta * (1 - beta) / p) @ inputs + np.r_[0, w[1:]]
            return -np.log(p).sum() + w[1:] @ w[1:] / 2, gradient

        w = minimize(objective, np.zeros(inputs.shape[1]), jac=True, method="L-BFGS-B").x

        def apply(rows):
            seen = rows.features()
            seen = seen[:, 2:5] if only_known else seen
            return combine(rows, expit(w[0] + ((seen - mean) / deviation) @ w[1:]))
        return apply
    return fit


def fit_two_gates(tune):
    """A second gate for new or old: how likely the label is one that the student cannot name."""
    features = tune.features()
    mean, deviation = features.mean(0), features.std(0) + 1e-9
    inputs = np.column_stack([np.ones(len(features)), (features - mean) / deviation])
    target = (~tune.is_known).astype(float)

    def objective(w):
        z = inputs @ w
        return (np.logaddexp(0, z) - target * z).sum() + w[1:] @ w[1:] / 2, (expit(z) - target) @ inputs + np.r_[0, w[1:]]

    w = minimize(objective, np.zeros(inputs.shape[1]), jac=True, method="L-BFGS-B").x
    old = fit_gate(new_by_kb, only_known=True)(tune)

    def apply(rows):
        p = old(rows)
        new = expit(w[0] + ((rows.features() - mean) / deviation) @ w[1:])[:, None]
        among_old = p[:, :rows.known] / np.maximum(p[:, :rows.known].sum(1, keepdims=True), 1e-9)
        among_new = rows.kb[:, rows.known:] / np.maximum(rows.mass[:, None], 1e-9)
        return np.concatenate([(1 - new) * among_old, new * among_new], axis=1)
    return apply


RULES = {
    "one beta": fit_constant(mixed),
    "a threshold on the largest similarity": fit_threshold,
    f"a beta for each of {BINS} bins of the largest similarity": fit_bins,
    "a logistic gate over all classes, 7 features": fit_gate(mixed, only_known=False),
    "the knowledge base where its first class is new, else one beta": fit_constant(first_is_new),
    "new classes by p^KB, one beta for the others": fit_constant(new_by_kb),
    "a second gate for new or old": fit_two_gates,
    "new classes by p^KB, a gate for the others (as built in)": fit_gate(new_by_kb, only_known=True),
}


class Retrieval:
    """Equation 6 over labelled keys: p^KB of queries for any k and tau'."""

    def __init__(self, keys, labels, classes):
        self.keys, self.labels, self.classes = keys, labels, classes

    def neighbors(self, queries, own):
        """The nearest max(NEIGHBORS) rows, likeliest first; own (B): the row to leave out, or -1."""
        found, near = [], []
        for part in np.array_split(np.arange(len(queries)), 1 + len(queries) // 500):
            similarity = (queries[part] @ self.keys.T).astype(float)
            itself = own[part] >= 0
            similarity[np.flatnonzero(itself), own[part][itself]] = -np.inf
            rows = np.argsort(-similarity, axis=1, kind="stable")[:, :max(NEIGHBORS)]
            found.append(rows)
            near.append(np.take_along_axis(similarity, rows, 1))
        return np.concatenate(found), np.concatenate(near)

    def answers(self, found, near, k, temperature):
        weights = np.exp((near[:, :k] - near[:, :1]) / temperature)
        weights /= weights.sum(1, keepdims=True)
        p = np.zeros((len(found), self.classes))
        np.add.at(p, (np.arange(len(found))[:, None], self.labels[found[:, :k]]), weights)
        return p


def compare(retrieval, tune, test, known):
    """tune, test: (queries, p^S, labels, own rows). Yields (rule, predicted classes, loss) of the test rows."""
    near = {name: retrieval.neighbors(part[0], part[3]) for name, part in (("tune", tune), ("test", test))}

    def rows_of(name, part, k, temperature):
        found, similarity = near[name]
        return Rows(part[1], retrieval.answers(found, similarity, k, temperature), similarity[:, 0], part[2], known)

    settings = [(k, temperature) for k in NEIGHBORS for temperature in TEMPERATURES]
    on_tune = {setting: rows_of("tune", tune, *setting) for setting in settings}
    for name, fit in RULES.items():
        fitted = {setting: fit(rows) for setting, rows in on_tune.items()}
        chosen = best(settings, lambda setting: loss(fitted[setting](on_tune[setting]), tune[2]))
        p = fitted[chosen](rows_of("test", test, *chosen))
        yield name, p.argmax(1), loss(p, test[2])
