"""The score tables: the mean and deviation over seeds of each method on each task."""
import pandas as pd

from .cell import bold, mean_and_deviation, seeds_text

AVERAGE = "average"


def columns_of(tasks):
    """A task with two metrics, such as MRPC with accuracy and F1, has two columns."""
    return [column for task in tasks for column in task.columns]


def methods_of(tasks):
    """The students, without their further evaluations."""
    return list(dict.fromkeys(method for task in tasks for method in task.methods))


def with_average(columns, methods, scores_of):
    """The score of each (method, seed), one column a task, and their average.

    The average is over the tasks with a signal, by seed, for the seeds that all of these tasks have.
    """
    records = [(method, seed, column.title, score) for column in columns for method in methods
               for seed, score in scores_of(column, method).items()]
    frame = pd.DataFrame(records, columns=["method", "seed", "task", "score"])
    frame = frame.pivot(index=["method", "seed"], columns="task", values="score")
    frame = frame.reindex(columns=[column.title for column in columns])
    averaged = [column.title for column in columns if column.averaged]
    frame[AVERAGE] = frame[averaged].dropna().mean(axis=1) if averaged else float("nan")
    return frame


def score_column(scores, methods, planned):
    """Texts. Bold: the best of the methods that have every planned seed. The others say how many seeds they have."""
    scores = scores.dropna()
    means, counts = scores.groupby("method").mean(), scores.groupby("method").count()
    best = means[counts == planned].max()
    texts = []
    for method in methods:
        if method not in means:
            texts.append("")
            continue
        text = mean_and_deviation(scores.xs(method, level="method")) + seeds_text(counts[method], planned)
        texts.append(bold(text) if counts[method] == planned and means[method] == best else text)
    return texts


def score_table(tasks, side, published):
    columns, methods = columns_of(tasks), methods_of(tasks)
    scores = with_average(columns, methods, lambda column, method: column.scores(method, side))
    teacher = with_average(columns, ["teacher"], lambda column, _: column.teacher)
    table = pd.DataFrame({"method": ["teacher", *methods]})
    signal = {column.title: column.task.signal for column in columns}
    for title in scores:
        of_teacher = teacher[title].dropna()
        table[title if signal.get(title, True) else f"{title} (no signal)"] = [
            mean_and_deviation(of_teacher), *score_column(scores[title], methods, len(of_teacher))]
    for figure in published:
        table.loc[len(table)] = [f"{figure.method} (published)", *map(figure.text, columns), ""]
    return table
