"""Plans: what is refused, what is filled in, and that the plans of the repository are sound."""
import json
import re

import pytest
from fake_binary import PLAN, ROOT
from reaugkd_experiments import plan
from reaugkd_experiments.errors import UserError
from reaugkd_experiments.stage import flags

WRONG = [
    ({"methods": [{"method": "kd", "grid": [{}] * 5}]}, "5 configurations"),
    ({"seeds": []}, '"seeds"'), ({"sedes": 1}, 'unknown key "sedes"'),
    ({"assistant_layers": ""}, "assistant_layers"),
    ({"tasks": [{"task": "rte"}, {"task": "rte"}]}, "two have the name"),
    ({"evals": [{"name": "a@b"}]}, "without @"),
    ({"evals": [{"name": "a", "kb": "none"}]}, "not one of"),
    ({"evals": [{"name": "a", "methods": ["kdd"]}]}, 'no method "kdd"'),
    ({"evals": [{"name": "a", "option": {}}]}, 'evals: unknown key "option"'),
    ({"evals": {"name": "a"}}, "expected a list"),
    ({"options": {"distil": {}}}, 'options: unknown key "distil"'),
    ({"options": []}, "is no object"),
    ({"methods": ["kd"]}, "'kd' is no object"),
    ({"methods": [{"method": "kd", "grids": [{}]}]}, 'unknown key "grids"'),
    ({"methods": [{"method": "kd", "grid": {"alpha": 1}}]}, "expected a list of options"),
    ({"methods": [{"method": "kd", "options": {"alpha": None}}]}, "names and values"),
    ({"tasks": [{"task": "rte", "foldr": "RTE"}]}, 'unknown key "foldr"'),
    ({"seeds": [1, 1]}, "names one twice"),
    ({"methods": [{"method": "rkds"}]}, '"rkds" is not one of finetune, kd, reaugkd'),
    ({"methods": [{"method": "kd"}, {"method": "kd"}]}, "two have the name"),
]


def written(folder, content):
    path = folder / "plan.json"
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("change, text", WRONG)
def test_a_wrong_plan_is_refused(tmp_path, change, text):
    path = written(tmp_path, {**PLAN, **change})
    with pytest.raises(UserError) as refused:
        plan.load_plan(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert text in str(refused.value)


def test_what_is_no_plan_is_refused(tmp_path):
    with pytest.raises(UserError, match="cannot read the plan"):
        plan.load_plan(tmp_path / "none.json")
    (tmp_path / "plan.json").write_text("{")
    with pytest.raises(UserError, match="is not JSON"):
        plan.load_plan(tmp_path / "plan.json")


def test_an_error_is_one_line_and_exit_code_2(workplace):
    done = workplace.run_plan(dict(PLAN, seeds=[]))
    assert done.returncode == 2
    assert done.stderr == f'reaugkd-experiments: {workplace.root}/plan.json: "seeds" is [], expected a list that is not empty\n'


def test_names_and_grids_are_filled_in(tmp_path):
    loaded = plan.load_plan(written(tmp_path, PLAN))
    assert [task["name"] for task in loaded["tasks"]] == ["rte"]
    assert [(method["name"], len(method["grid"])) for method in loaded["methods"]] == [("kd", 3), ("takd", 1)]
    assert loaded["kbs"] == loaded["evals"] == []


def test_a_part_has_the_seed_that_tunes(tmp_path):
    loaded = plan.load_plan(written(tmp_path, dict(PLAN, seeds=[1, 2, 3])))
    assert plan.part_of(loaded, None, "kd", "3")["seeds"] == [1, 3]
    assert plan.part_of(loaded, None, "takd", "3")["seeds"] == [3]


@pytest.mark.parametrize("path", sorted((ROOT / "experiments/plans").glob("*.json")), ids=lambda path: path.stem)
def test_the_plans_of_the_repository(path):
    assert plan.load_plan(path)["about"]


def test_methods_are_those_of_distill():
    options = next((ROOT / "docs").rglob("options.md")).read_text()
    listed = re.search(r"^\| `--method` \|.*?\|(.*?)\|", options, re.MULTILINE)
    assert {name.strip() for name in listed[1].split(",")} == set(plan.METHODS)


def test_options_become_flags():
    assert flags({"a": 1, "b": True, "c": False, "d": [1, 4]}) == ["--a", "1", "--b", "--d", "1,4"]
