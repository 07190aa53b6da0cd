"""The plan file of experiments/reaugkd_experiments/experiments.py: what may stand in it, and what is wrong with one. Its format is in
docs/experiments.md.
"""
import json
import sys

METHODS = ("finetune", "kd", "reaugkd", "pkd", "rkd", "tinybert", "minilm", "takd", "rco", "sftn", "dml", "prokt",
           "metadistil")
MOST_CONFIGURATIONS = 4
KEYS = {"about", "tasks", "methods", "seeds", "student_layers", "assistant_layers", "student", "options", "rate", "kbs",
        "evals"}
ENTRY_KEYS = {"tasks": {"task", "name", "folder", "rows", "options"},
              "methods": {"method", "name", "options", "grid", "kb", "teacher", "eval_options"},
              "kbs": {"name", "options"},
              "evals": {"name", "group", "options", "methods", "kb", "keys"}}
COMMANDS = {"teacher-finetune", "project", "build-kb", "distill", "eval"}


def fail(message):
    sys.exit(f"experiments.py: {message}")


def load_plan(path):
    try:
        plan = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        fail(f"{path}: {error}")
    check_keys(path, "the plan", plan, KEYS)
    for key, kind in (("tasks", list), ("methods", list), ("seeds", list), ("student_layers", str)):
        if not isinstance(plan.get(key), kind) or not plan[key]:
            fail(f"{path}: \"{key}\" is {plan.get(key)!r}, expected a {kind.__name__} that is not empty")
    if len(set(map(str, plan["seeds"]))) < len(plan["seeds"]):
        fail(f"{path}: \"seeds\" names one twice: {plan['seeds']}")
    check_options(path, "the plan", plan.get("options", {}), by_command=True)
    for key, allowed in ENTRY_KEYS.items():
        if not isinstance(plan.setdefault(key, []), list):
            fail(f"{path}: \"{key}\" is {plan[key]!r}, expected a list")
        for entry in plan[key]:
            check_keys(path, key, entry, allowed)
            check_options(path, key, entry.get("options", {}), by_command=key == "tasks")
    for key, needed in (("methods", "method"), ("tasks", "task")):
        for entry in plan[key]:
            if not entry.get(needed):
                fail(f"{path}: {key}: {entry} needs a \"{needed}\"")
            entry.setdefault("name", entry[needed])
    for key in ENTRY_KEYS:
        check_names(path, key, plan[key])
    check_methods(path, plan)
    for use in plan["methods"] + plan["evals"]:
        if use.get("kb") not in {None, *(kb["name"] for kb in plan["kbs"])}:
            fail(f"{path}: \"kb\": \"{use['kb']}\" is not one of \"kbs\"")
    return plan


def check_keys(path, where, entry, allowed):
    if not isinstance(entry, dict):
        fail(f"{path}: {where}: {entry!r} is no object with {', '.join(sorted(allowed))}")
    for key in entry:
        if key not in allowed:
            fail(f"{path}: {where}: unknown key \"{key}\", expected one of {', '.join(sorted(allowed))}")


def check_options(path, where, options, by_command=False):
    """Those of the plan and of a task are by command: {"distill": {"epochs": 3}}."""
    if by_command:
        check_keys(path, f"{where}: options", options, COMMANDS)
    for named in options.values() if by_command else [options]:
        if not isinstance(named, dict) or None in named.values():
            fail(f"{path}: {where}: options: {named!r} is no object of flags' names and values")


def check_names(path, key, entries):
    """They name directories: each its own; @ stands between a method and a configuration or evaluation."""
    names = [entry.get("name") for entry in entries]
    for name in names:
        if not name or "@" in name or "/" in name or names.count(name) > 1:
            fail(f"{path}: {key}: {name!r} is no \"name\" of its own, without @ and /")


def check_methods(path, plan):
    for method in plan["methods"]:
        if method["method"] not in METHODS:
            fail(f"{path}: methods: \"{method['method']}\" is not one of {', '.join(METHODS)}")
        grid = method.setdefault("grid", [{}])
        if not isinstance(grid, list) or not grid:
            fail(f"{path}: method {method['name']}: \"grid\" is {grid!r}, expected a list of options to choose from")
        for options in [*grid, method.get("eval_options", {})]:
            check_options(path, f"method {method['name']}", options)
        if len(grid) > MOST_CONFIGURATIONS:
            fail(f"{path}: method {method['name']} has {len(grid)} configurations; every method gets the same budget, "
                 f"at most {MOST_CONFIGURATIONS}")
        if method["method"] == "takd" and not plan.get("assistant_layers"):
            fail(f"{path}: takd needs \"assistant_layers\"")
    names = [method["name"] for method in plan["methods"]]
    for evaluation in plan["evals"]:
        for name in evaluation.get("methods", []):
            if name not in names:
                fail(f"{path}: evals: {evaluation['name']}: there is no method \"{name}\"")


def selected_on_dev(plan):
    """The same plan as most papers select: nothing is held out of train, and dev chooses."""
    tasks = []
    for task in plan["tasks"]:
        options = dict(task.get("options", {}))
        options["teacher-finetune"] = {**options.get("teacher-finetune", {}), "validation": "dev"}
        tasks.append({**task, "name": task["name"] + "-dev", "options": options})
    return {**plan, "tasks": tasks}
