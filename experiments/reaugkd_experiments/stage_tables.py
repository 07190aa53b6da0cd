"""The tables about stages: what each one cost, and which options tuning chose."""
import statistics

import pandas as pd

from .json_file import read_json
from .plan import load_plan
from .score_table import methods_of


def plans_of(run):
    """The plans that ran in a directory. Each is kept as plan-<its name>.json; older versions wrote plan.json. One that somebody copied there is
    read as a run would read it."""
    return [load_plan(path) for path in sorted(run.glob("plan-*.json")) or run.glob("plan.json")]


def cost_table(tasks, method):
    """Medians over seeds: the seconds of each stage, and one query alone and with retrieval."""
    stages = {"teacher-finetune": "teacher", "project": "projected", "build-kb": "kb",
              **{f"distill {name}": f"student-{name}" for name in methods_of(tasks)}, f"eval {method}": f"eval-{method}"}
    rows = [[f"{title}, s", *(median_text(task, directory, "timing.total_seconds") for task in tasks)]
            for title, directory in stages.items()]
    for title, key in (("one query, student, ms", "model.p50_ms"), ("one query, with retrieval, ms", "with_retrieval.p50_ms"),
                       ("retrieval on top, %", "overhead_percent")):
        texts = [median_text(task, f"eval-{method}", f"latency.batch_1.{key}") for task in tasks]
        if any(texts):
            rows.append([title, *texts])
    return pd.DataFrame(rows, columns=["", *(task.name for task in tasks)])


def median_text(task, directory, key):
    """The median of a number in metrics.json. The configurations of a tuned method ("student-kd@1") count like seeds. The
    further evaluations of a student ("eval-kd@k4") do not count."""
    names = [directory, f"{directory}@*"] if directory.startswith("student-") else [directory]
    values = [number_at(read_json(path), key) for name in names for seed in task.seed_directories
              for path in seed.glob(f"{name}/metrics.json")]
    values = [value for value in values if value is not None]
    return f"{statistics.median(values):.1f}" if values else ""


def number_at(results, key):
    for part in key.split("."):
        results = results.get(part) if isinstance(results, dict) else None
    return results


def configuration_table(tasks):
    """Which options of the plan's grid the validation part chose, and of how many. None if no method was tuned."""
    rows = []
    for method in methods_of(tasks):
        texts = [configuration_text(task, method) for task in tasks]
        if any(texts):
            rows.append([method, *texts])
    return pd.DataFrame(rows, columns=["method", *(task.name for task in tasks)]) if rows else None


def configuration_text(task, method):
    grid = grid_of(task, method)
    chosen = sorted(int(name.partition("@")[2]) for name in task.students(method) if "@" in name)
    texts = [" ".join(f"{name} {value}" for name, value in grid[i].items()) or "defaults" for i in chosen if i < len(grid)]
    return f"{' or '.join(texts)} (of {len(grid)})" if texts else ""


def grid_of(task, method):
    """A method's grid in the plan that the task was run by."""
    for plan in plans_of(task.directory.parent):
        if task.directory.name in [of_plan["name"] for of_plan in plan["tasks"]]:
            for entry in plan["methods"]:
                if entry["name"] == method and len(entry.get("grid", [])) > 1:
                    return entry["grid"]
    return []
