"""The notes: what a reader should know before the tables."""
from .score_table import columns_of, methods_of
from .stage_tables import plans_of

INTERVALS = ("- Differences: points, with the 95 % interval over dev rows and seeds together (paired bootstrap of the rows, "
             "deviation of the seeds, Student's t), and p that it is 0, corrected for the number of differences in the table "
             "(false discovery rate). Bold: more than noise, p below 0.05.")


def notes(tasks, runs, published):
    return [*map(describe, tasks), INTERVALS, *missing_methods(tasks, runs), *unequal_budgets(tasks, runs),
            *(note for task in tasks for note in notes_of(task)), *unknown_figures(tasks, published)]


def describe(task):
    seeds = len(task.main.teacher)
    signal = "" if task.signal else ": **no signal**, left out of averages"
    more = [column.metric for column in task.columns[1:]]
    beside = f", and {', '.join(more)} beside it (averages take {task.main.metric})" if more else ""
    return (f"- {task.name}: {task.main.metric}{beside} on dev ({task.first.results['examples']} rows), "
            f"{task.training['train_examples']} rows trained on, {seeds} seed{'s' * (seeds != 1)}, selected on "
            f"{task.selected_on}; majority class {100 * task.majority:.1f}{signal}. Trained {'; '.join(task.machines)}.")


def missing_methods(tasks, runs):
    planned = dict.fromkeys(method["name"] for run in runs for plan in plans_of(run) for method in plan["methods"])
    missing = [name for name in planned if name not in methods_of(tasks)]
    if missing:
        yield f"- Planned, and no eval is finished: {', '.join(missing)}."


def unequal_budgets(tasks, runs):
    budgets = {method["name"]: len(method.get("grid", [{}])) for run in runs for plan in plans_of(run)
               for method in plan["methods"] if method["name"] in methods_of(tasks)}
    if len(set(budgets.values())) > 1:
        yield f"- The plan's budgets differ; configurations: {', '.join(f'{name} {n}' for name, n in budgets.items())}."


def notes_of(task):
    for reason in task.left_out:
        yield f"- Left out: {reason}."
    shown = {"loss", "calibrated loss", *(column.metric for column in task.columns)}
    others = sorted({run.results["retrieval"].get("selected_by", "loss") for runs in task.runs.values()
                     for run in runs.values()} - shown)
    if others:
        yield f"- {task.name}: some evaluations selected by {', '.join(others)}, which the tables do not show."
    for method in task.methods:
        if len(task.students(method)) > 1:
            yield (f"- **{task.name}, {method}: the seeds have students of different configurations "
                   f"({', '.join(sorted(task.students(method)))})**: start the run command again, which mends it.")


def unknown_figures(tasks, published):
    for figure in published:
        unknown = figure.unknown(columns_of(tasks))
        if unknown:
            yield f"- {figure.method} (published): there is no task {', '.join(unknown)} here."
