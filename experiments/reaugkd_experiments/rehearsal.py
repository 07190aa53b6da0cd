"""A rehearsal: a plan with a few rows of each task, one epoch, one seed and a model of random weights. It finds what would stop
the real run early: a missing file, an option that a command does not take. Its scores say nothing."""
import json
import os
import pathlib
import shutil

from .errors import UserError

TRAINING = ("teacher-finetune", "distill")
MARK = "rehearsal-data"  # a folder of an output directory that holds no real runs


def rehearsed(plan, rows):
    """Two plans of one seed and one epoch: the first task with every configuration of every method, the others with the first one."""
    options = {command: dict(named) for command, named in plan.get("options", {}).items()}
    for command in (*TRAINING, "project"):
        options[command] = {**options.get(command, {}), "epochs": 1}
    for command in TRAINING:
        options[command]["init"] = "random"
    options["eval"] = {**options.get("eval", {}), "latency-examples": 0}
    tasks = [{**task, "rows": min(task.get("rows", rows), rows),
              "options": {command: shortened(named) for command, named in task.get("options", {}).items()}} for task in plan["tasks"]]
    methods = [{**method, "options": shortened(method.get("options", {})), "grid": [shortened(one) for one in method["grid"]]}
               for method in plan["methods"]]
    kbs = [{**kb, "project": shortened(kb["project"])} if "project" in kb else kb for kb in plan["kbs"]]
    short = {**plan, "options": options, "seeds": plan["seeds"][:1], "kbs": kbs}
    yield {**short, "tasks": tasks[:1], "methods": methods}
    yield {**short, "tasks": tasks[1:], "methods": [{**method, "grid": method["grid"][:1]} for method in methods]}


def shortened(options):
    """Without what the rehearsal says for all."""
    return {name: value for name, value in options.items() if name not in ("epochs", "init")}


def check_output(output, rehearse):
    """A rehearsal and real runs do not share a directory."""
    marked = (output / MARK).is_dir()
    used = output.is_dir() and any(output.glob("plan-*.json"))
    if used and marked != bool(rehearse):
        raise UserError(f"--output {output} holds {'a rehearsal' if marked else 'real runs'}: give another one")


def cut_data(glue, target, tasks, rows):
    """The first rows of every file of the tasks' folders. GLUE's files have one row a line, and CoLA's no header."""
    for folder in sorted({task.get("folder", "") for task in tasks}):
        (target / folder).mkdir(parents=True, exist_ok=True)
        for path in sorted((glue / folder).glob("*.tsv")):
            with open(path, "rb") as lines:
                replace(target / folder / path.name, b"".join(line for _, line in zip(range(rows + 1), lines)))
    return target


def replace(path, data):
    """Another driver may read what is there."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(data)
    temporary.replace(path)


def model_without_weights(model, target):
    """What is small in the model's directory: no weights, so that a rehearsal needs no download."""
    source = pathlib.Path(model)
    try:
        json.loads((source / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"--model {model}: config.json cannot be read: {error}") from error
    target.mkdir(parents=True, exist_ok=True)
    for path in source.iterdir():
        if path.is_file() and path.suffix in (".json", ".txt", ".model"):
            shutil.copyfile(path, target / path.name)
    return target
