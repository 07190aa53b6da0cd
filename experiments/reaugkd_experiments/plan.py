"""The plan file: what may stand in it, and what is wrong with one."""
import json

from .errors import UserError

METHODS = ("finetune", "kd", "reaugkd", "pkd", "rkd", "tinybert", "minilm", "takd", "rco", "sftn", "dml", "prokt",
           "metadistil")
MOST_CONFIGURATIONS = 4  # every method gets the same budget
COMMANDS = {"teacher-finetune", "project", "build-kb", "distill", "eval"}
KEYS = {"about", "tasks", "methods", "seeds", "student_layers", "assistant_layers", "student", "options", "rate", "kbs",
        "evals"}
ENTRY_KEYS = {"tasks": {"task", "name", "folder", "rows", "options"},
              "methods": {"method", "name", "options", "grid", "kb", "teacher", "eval_options"},
              "kbs": {"name", "options", "project"},
              "evals": {"name", "group", "options", "methods", "kb", "keys"}}


def load_plan(path):
    """Reads and checks a plan, and fills in what may be left out."""
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot read the plan: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{path}: the plan is not JSON: {error}") from error
    try:
        check_plan(plan)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    return plan


def check_plan(plan):
    check_keys("the plan", plan, KEYS)
    for key, kind in (("tasks", list), ("methods", list), ("seeds", list), ("student_layers", str)):
        if not isinstance(plan.get(key), kind) or not plan[key]:
            raise UserError(f'"{key}" is {plan.get(key)!r}, expected a {kind.__name__} that is not empty')
    if len(set(map(str, plan["seeds"]))) < len(plan["seeds"]):
        raise UserError(f'"seeds" names one twice: {plan["seeds"]}')
    check_options("the plan", plan.get("options", {}), by_command=True)
    for key in ENTRY_KEYS:
        check_entries(plan, key)
    for method in plan["methods"]:
        check_method(plan, method)
    check_uses(plan)


def check_entries(plan, key):
    """Checks the tasks, methods, knowledge bases or evaluations of a plan. A name is the method's or task's by default."""
    if not isinstance(plan.setdefault(key, []), list):
        raise UserError(f'"{key}" is {plan[key]!r}, expected a list')
    needed = {"methods": "method", "tasks": "task"}.get(key)
    for entry in plan[key]:
        check_keys(key, entry, ENTRY_KEYS[key])
        check_options(key, entry.get("options", {}), by_command=key == "tasks")
        if needed:
            if not entry.get(needed):
                raise UserError(f'{key}: {entry} has no "{needed}"')
            entry.setdefault("name", entry[needed])
    check_names(key, [entry.get("name") for entry in plan[key]])


def check_keys(where, entry, allowed):
    if not isinstance(entry, dict):
        raise UserError(f"{where}: {entry!r} is no object with {', '.join(sorted(allowed))}")
    for key in entry:
        if key not in allowed:
            raise UserError(f'{where}: unknown key "{key}", expected one of {", ".join(sorted(allowed))}')


def check_options(where, options, by_command=False):
    """The options of a plan and of a task are by command: {"distill": {"epochs": 3}}."""
    if by_command:
        check_keys(f"{where}: options", options, COMMANDS)
    for named in options.values() if by_command else [options]:
        if not isinstance(named, dict) or None in named.values():
            raise UserError(f"{where}: options: {named!r} is no object of flags' names and values")


def check_names(key, names):
    """A name becomes a directory. "@" separates a method from its configuration or evaluation."""
    for name in names:
        if not name or "@" in name or "/" in name:
            raise UserError(f"{key}: {name!r} is no \"name\", expected text without @ and /")
        if names.count(name) > 1:
            raise UserError(f'{key}: two have the name "{name}", give one of them another "name"')


def check_method(plan, method):
    if method["method"] not in METHODS:
        raise UserError(f'methods: "{method["method"]}" is not one of {", ".join(METHODS)}')
    where = f"method {method['name']}"
    grid = method.setdefault("grid", [{}])
    if not isinstance(grid, list) or not grid:
        raise UserError(f'{where}: "grid" is {grid!r}, expected a list of options to choose from')
    for options in [*grid, method.get("eval_options", {})]:
        check_options(where, options)
    if len(grid) > MOST_CONFIGURATIONS:
        raise UserError(f"{where} has {len(grid)} configurations, expected {MOST_CONFIGURATIONS} at most: every method "
                        "gets the same budget")
    if method["method"] == "takd" and not plan.get("assistant_layers"):
        raise UserError('takd needs "assistant_layers", the layers of its assistant')


def check_uses(plan):
    """The knowledge bases and methods that an entry names must be there."""
    bases = [kb["name"] for kb in plan["kbs"]]
    for kb in plan["kbs"]:
        check_options(f"kbs: {kb['name']}: project", kb.get("project", {}))
    for use in plan["methods"] + plan["evals"]:
        if use.get("kb") is not None and use["kb"] not in bases:
            raise UserError(f'{use["name"]}: "kb": "{use["kb"]}" is not one of "kbs"')
    methods = [method["name"] for method in plan["methods"]]
    for evaluation in plan["evals"]:
        for name in evaluation.get("methods", []):
            if name not in methods:
                raise UserError(f'evals: {evaluation["name"]}: there is no method "{name}"')


def selected_on_dev(plan):
    """The same plan as most papers select: nothing is held out of train, and dev chooses."""
    tasks = []
    for task in plan["tasks"]:
        options = dict(task.get("options", {}))
        options["teacher-finetune"] = {**options.get("teacher-finetune", {}), "validation": "dev"}
        tasks.append({**task, "name": task["name"] + "-dev", "options": options})
    return {**plan, "tasks": tasks}


def named_in(flag, given, entries, name_of):
    """The entries that a flag names. Without the flag: all."""
    if not given:
        return entries
    names = [name_of(entry) for entry in entries]
    for name in given.split(","):
        if name not in names:
            raise UserError(f'--{flag} {given}: "{name}" is not in the plan, which has {", ".join(names)}')
    return [entry for entry in entries if name_of(entry) in given.split(",")]


def part_of(plan, tasks, methods, seeds):
    """The part of the plan that --tasks, --methods and --seeds name. All parts of a plan share one teacher."""
    part = {**plan,
            "keeps_trajectory": any(method["method"] == "rco" for method in plan["methods"]),
            "tasks": named_in("tasks", tasks, plan["tasks"], lambda task: task["name"]),
            "methods": named_in("methods", methods, plan["methods"], lambda method: method["name"])}
    chosen, first = named_in("seeds", seeds, plan["seeds"], str), plan["seeds"][0]
    tuned = any(len(method["grid"]) > 1 for method in part["methods"])
    part["seeds"] = ([first] if tuned and first not in chosen else []) + chosen  # the first seed tunes
    return part
