"""The report: notes, then every table of finished runs."""
import sys

from . import difference_tables, score_table, second_opinion, stage_tables, sweep
from .notes import notes
from .published import read_published
from .table_format import COMMENT, FORMATS
from .task import read_tasks


def print_report(runs, form, method, published):
    figures = read_published(published)
    tasks, left_out = read_tasks(runs)
    for reason in left_out:
        print(f"left out: {reason}", file=sys.stderr)
    methods = score_table.methods_of(tasks)
    if method not in methods:
        print(f"--method {method}: no eval of it is finished; there are {', '.join(methods)}", file=sys.stderr)
    print("\n".join(COMMENT[form] + line for line in notes(tasks, runs, figures)) + "\n")
    on_dev = [task for task in tasks if task.selected_on == "dev"]
    others = [task for task in tasks if task not in on_dev]
    for part, heading in ((others, ""), (on_dev, " (selected on dev)")):
        for title, table in tables_of(part, method, figures, evaluation_groups(runs)) if part else ():
            print(FORMATS[form](title + heading, table))


def tables_of(tasks, method, published, groups):
    """The title and the table of each."""
    yield "Student alone", score_table.score_table(tasks, "alone", published)
    yield "With retrieval", score_table.score_table(tasks, "combined", [])
    yield "The best against the runner-up, points", difference_tables.best_table(tasks)
    yield "Gain of retrieval, points, 95 % intervals", difference_tables.gain_table(tasks)
    yield "Gain of retrieval and its control", difference_tables.control_table(tasks)
    for title, table in (("A second opinion: who errs where", second_opinion.errors_table(tasks)),
                         ("Gain of a second opinion, mixed half and half", second_opinion.mixed_table(tasks))):
        if table is not None:
            yield title, table
    yield f"{method} with retrieval against the others", difference_tables.against_table(tasks, method)
    chosen = stage_tables.configuration_table(tasks)
    if chosen is not None:
        yield "Options chosen on the validation part of the first seed", chosen
    yield "Wall time of each stage, latency at batch 1", stage_tables.cost_table(tasks, method)
    yield from evaluation_tables(tasks, groups)
    yield from sweep_tables(tasks)


def evaluation_groups(runs):
    """The further evaluations of the plans: title -> names, in the plans' order."""
    groups = {}
    for evaluation in (evaluation for run in runs for plan in stage_tables.plans_of(run)
                       for evaluation in plan.get("evals", [])):
        groups.setdefault(evaluation.get("group", "Evaluations"), {})[evaluation["name"]] = None
    return {title: list(names) for title, names in groups.items()}


def evaluation_tables(tasks, groups):
    columns = score_table.columns_of(tasks)
    averaged = difference_tables.averaged(columns)
    average = f"average over {', '.join(column.title for column in averaged)}"
    parts = [(average, averaged)] if len(averaged) > 1 else []
    parts += [(column.title, [column]) for column in columns]
    for name, part in parts:
        for title, evaluations in groups.items():
            table = difference_tables.evaluation_table(part, evaluations)
            if table is not None:
                yield f"Gain of retrieval, {name}: {title}", table


def sweep_tables(tasks):
    for column in score_table.columns_of(tasks):
        for parameter in sweep.PARAMETERS:
            table = sweep.sweep_table(column, parameter)
            if table is not None:
                yield f"With retrieval, {column.title}, over {parameter}; the others selected", table
