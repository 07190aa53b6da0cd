"""The run command with a binary that only writes what the stages write."""
import fcntl
import json
import math
import signal
import time

import pytest
from fake_binary import PLAN
from reaugkd_experiments import estimate


def test_tunes_on_the_first_seed_and_keeps_the_best(workplace):
    done = workplace.run_plan(PLAN)
    assert done.returncode == 0, done.stderr
    kd = sorted(p.name for p in (workplace.root / "runs/rte/seed-1").glob("student-kd*"))
    assert kd == ["student-kd@0", "student-kd@1", "student-kd@2"]
    assert [p.name for p in (workplace.root / "runs/rte/seed-2").glob("student-kd*")] == ["student-kd@1"]
    evals = [call for call in workplace.calls() if call.startswith("eval") and "eval-kd" in call]
    assert all("student-kd@1" in call for call in evals)
    assert sum(call.startswith("build-kb") for call in workplace.calls()) == 2


def test_the_assistant_is_between(workplace):
    workplace.run_plan(PLAN)
    takd = next(call for call in workplace.calls() if "--method takd" in call)
    assert "seed-1/assistant" in takd
    assistant = next(call for call in workplace.calls() if call.endswith("--quiet") and "seed-1/assistant " in call)
    assert "--student-layers 0,1 " in assistant


def test_a_rehearsal_is_short_and_makes_weights_where_there_are_none(workplace):
    (workplace.root / "RTE/train.tsv").write_text("header\n" + "row\n" * 29)
    (workplace.root / "RTE/dev.tsv").write_text("header\nrow\n")
    (workplace.root / "QNLI").mkdir()
    model = workplace.root / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    (model / "vocab.txt").write_text("[PAD]\n")
    (workplace.root / "CoLA").mkdir()
    (workplace.root / "CoLA/test.tsv").write_text("row\n" * 30)
    (workplace.root / "given").mkdir()
    (workplace.root / "given/answers.npz").write_text("whole\n" * 30)
    plan = dict(PLAN, tasks=[*PLAN["tasks"], {"task": "qnli", "folder": "QNLI"}], options={"distill": {"epochs": 6}, "eval": {"sweep": True}},
                kbs=[{"name": "foreign", "options": {"extend-files": "{glue}/CoLA/test.tsv,{glue}/given/answers.npz"}}])
    done = workplace.run_plan(plan, "--rehearse", "20", "--model", model)
    assert done.returncode == 0, done.stderr
    runs = workplace.root / "runs"
    assert (runs / "rehearsal-data/RTE/train.tsv").read_text() == "header\n" + "row\n" * 20
    assert (runs / "rehearsal-data/RTE/dev.tsv").read_text() == "header\nrow\n"
    made, *calls = workplace.calls()
    assert f"--model {model} " in made and "--init random " in made
    trainings = [call for call in calls if call.startswith(("distill", "teacher-finetune"))]
    assert all("--epochs 1 " in call and "--init" not in call for call in trainings)
    assert all(f"--model {runs}/rehearsal-model " in call for call in calls if call.startswith("teacher-finetune"))
    assert all(f"--data {runs}/rehearsal-data/" in call for call in workplace.calls())
    assert [len(list((runs / task / "seed-1").glob("student-kd*"))) for task in ("rte", "qnli")] == [3, 1]
    assert not (runs / "rte/seed-2").exists()
    assert (runs / "rehearsal-data/CoLA/test.tsv").read_text() == "row\n" * 21
    assert (runs / "rehearsal-data/given/answers.npz").read_bytes() == b"whole\n" * 30
    (model / "config.json").write_text('{"corrected": true}')
    assert workplace.run_plan(plan, "--rehearse", "20", "--model", model).returncode == 0
    assert "corrected" in (runs / "rehearsal-model/config.json").read_text()
    assert all("--resume" in call for call in workplace.calls() if "--init random " in call)
    for more, text in (((), "holds a rehearsal: give another one"), (("--rehearse", "30"), "holds a rehearsal of 20 rows")):
        refused = workplace.run_plan(plan, *more)
        assert refused.returncode == 2 and text in refused.stderr
    (runs / "plan-plan.json").unlink()  # of a rehearsal that stopped before it wrote its plan
    assert "holds a rehearsal" in workplace.run_plan(plan).stderr


def test_what_is_finished_is_used(workplace):
    workplace.run_plan(PLAN)
    again = workplace.run_plan(PLAN, "--dry-run")
    assert [line for line in again.stdout.splitlines() if "student-kd" not in line] == []


def test_one_failure_does_not_stop_the_others(workplace):
    plan = dict(PLAN, methods=[{"method": "rkd"}, {"method": "kd"}])
    done = workplace.run_plan(plan)
    assert done.returncode != 0
    assert "broken on purpose" in done.stderr
    assert (workplace.root / "runs/rte/seed-2/eval-kd/metrics.json").exists()


def test_a_failed_teacher_stops_its_chain_alone(workplace):
    plan = dict(PLAN, tasks=[{"task": "cola"}, {"task": "rte"}], methods=[{"method": "kd"}])
    done = workplace.run_plan(plan)
    assert done.returncode != 0
    assert "cola seed 1 kd: its --kb" in done.stderr
    assert not any("distill" in call and "/cola/" in call for call in workplace.calls())
    assert (workplace.root / "runs/rte/seed-2/eval-kd/metrics.json").exists()


def test_a_configuration_that_diverges_is_not_chosen(workplace):
    plan = dict(PLAN, methods=[{"method": "kd", "grid": [{"alpha": 9}, {"alpha": 0.3}]}])
    assert workplace.run_plan(plan).returncode == 0
    assert (workplace.root / "runs/rte/seed-2/student-kd@1").exists()


def test_what_diverged_is_not_tried_again(workplace):
    plan = dict(PLAN, seeds=[1], methods=[{"method": "kd", "grid": [{"alpha": 9}, {"alpha": 0.3}]}])
    workplace.run_plan(plan)
    assert workplace.run_plan(plan, "--dry-run").stdout == ""
    assert "student-kd@0 is not chosen: it diverged with these options before" in workplace.run_plan(plan).stderr
    assert sum("--alpha 9" in call for call in workplace.calls()) == 1
    mended = dict(PLAN, seeds=[1], methods=[{"method": "kd", "grid": [{"alpha": 0.8}, {"alpha": 0.3}]}])
    workplace.run_plan(mended)
    assert (workplace.root / "runs/rte/seed-1/student-kd@0/metrics.json").exists()


def test_what_diverged_without_a_choice_is_not_tried_again_either(workplace):
    plan = dict(PLAN, seeds=[1], methods=[{"method": "kd", "options": {"alpha": 9}}])
    for _ in range(2):
        done = workplace.run_plan(plan)
        assert done.returncode == 1
        assert "rte seed 1 kd: " in done.stderr
    assert sum("--alpha 9" in call for call in workplace.calls()) == 1


def test_what_the_driver_does_not_expect_is_a_failure_too(workplace):
    student = workplace.root / "runs/rte/seed-1/student-kd@0"
    student.mkdir(parents=True)
    (student / "metrics.json").write_text('{"validation": {}}')
    done = workplace.run_plan(dict(PLAN, tasks=[*PLAN["tasks"], {"task": "mrpc"}], seeds=[1]))
    assert done.returncode == 1
    assert "FAILED: rte seed 1 kd: StopIteration" in done.stderr
    assert (workplace.root / "runs/mrpc/seed-1/eval-kd/metrics.json").exists()


def test_a_finished_teacher_stays_as_it_is(workplace):
    plan = dict(PLAN, seeds=[1], methods=[{"method": "kd"}])
    workplace.run_plan(plan)
    workplace.run_plan(dict(plan, methods=[{"method": "kd"}, {"method": "rco"}]))
    assert not any("--keep-trajectory" in call for call in workplace.calls())
    workplace.run_plan(dict(plan, seeds=[2], methods=[{"method": "rco"}]))
    workplace.run_plan(dict(plan, seeds=[2]))
    assert sum("--keep-trajectory 4" in call for call in workplace.calls() if call.startswith("teacher")) == 2


def test_a_broken_device_does_not_take_the_plan(workplace):
    tasks = ["rte", "mrpc", "sst2", "qnli", "wnli", "sts"]
    done = workplace.run_plan(dict(PLAN, seeds=[1], tasks=[{"task": task} for task in tasks], methods=[{"method": "kd"}]),
                         "--devices", "cuda:0,cuda:1")
    assert done.returncode == 1
    assert "cuda:1: the teachers of two tasks in a row failed on it; it gets no more work" in done.stderr
    assert len(list(workplace.root.glob("runs/*/seed-1/eval-kd/metrics.json"))) == len(tasks) - 2


def test_broken_tasks_do_not_take_the_devices(workplace):
    tasks = [{"task": "cola", "name": f"bad-{i}"} for i in range(4)] + [{"task": "rte"}, {"task": "mrpc"}]
    done = workplace.run_plan(dict(PLAN, tasks=tasks, methods=[{"method": "kd"}]), "--devices", "cuda:0,cuda:2")
    assert done.returncode == 1
    assert len(list(workplace.root.glob("runs/*/seed-*/eval-kd/metrics.json"))) == 4


def test_hours_are_those_of_the_fullest_device():
    costs = {(1, "a"): 3, (1, "b"): 2, (1, "c"): 2, (2, "a"): 1, (2, "b"): 2}
    assert estimate.device_hours(costs, devices=2, first_seed=1, rate=1 / 3600) == 4 + 2  # b and c beside a; then b beside a


def test_the_estimate(workplace):
    done = workplace.run_plan(dict(PLAN, seeds=[1], rate=10, methods=[{"method": "kd"}]), "--dry-run")
    # 1,000 rows: the teacher's 3 epochs cost twice as much, projection, knowledge base and eval half an epoch each.
    hours = 1000 * (3 * 2 + 6 + 3 / 2) / 10 / 3600
    assert hours < 1.5
    assert done.stderr == f"5 stages, 0 finished; about {math.ceil(60 * hours)} min for the rest (at 10 student rows/s on 1 device)\n"
    assert done.stdout.splitlines()[-1] == "rte seed 1 eval eval-kd"


def test_two_drivers_share_a_directory(workplace):
    chain = workplace.root / "runs/rte/seed-1"
    chain.mkdir(parents=True)
    plan = dict(PLAN, seeds=[1], tasks=[{"task": "rte"}, {"task": "mrpc"}], methods=[{"method": "kd"}])
    with open(chain / ".lock", "w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        driver = workplace.start(plan)
        while not (workplace.root / "runs/mrpc/seed-1/eval-kd/metrics.json").exists():
            time.sleep(0.05)
        assert list(chain.iterdir()) == [chain / ".lock"]
    assert "rte seed 1: another driver works on it; waiting" in driver.communicate(timeout=60)[1]
    assert driver.returncode == 0
    assert (chain / "eval-kd/metrics.json").exists()


def test_a_stage_that_outlives_its_driver_keeps_the_lock(workplace):
    workplace.binary.write_text("#!/bin/sh\ntouch started\nwhile [ ! -e end ]; do sleep 0.05; done\n")
    driver = workplace.start(PLAN)
    while not (workplace.root / "started").exists():
        time.sleep(0.05)
    driver.kill()
    driver.wait()
    driver.stderr.close()
    with open(workplace.root / "runs/rte/seed-1/.lock", "w") as lock:
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (workplace.root / "end").touch()
        fcntl.flock(lock, fcntl.LOCK_EX)  # once it has ended


def test_another_choice_makes_the_evaluations_again(workplace):
    plan = dict(PLAN, evals=[{"name": "keys", "keys": True}])
    workplace.run_plan(plan)
    better = {"method": "kd", "grid": [*PLAN["methods"][0]["grid"], {"alpha": 0.9}]}
    done = workplace.run_plan(dict(plan, methods=[better]))
    assert done.returncode == 0, done.stderr
    for seed in (1, 2):
        for name, option in (("eval-kd", "model"), ("eval-kd@keys", "model"), ("kb-of-kd", "keys")):
            run = json.loads((workplace.root / f"runs/rte/seed-{seed}/{name}/run.json").read_text())
            assert run["options"][option].endswith("student-kd@3"), name
    tables = workplace.report(method="kd")
    chosen = tables.split("### Options chosen on the validation part of the first seed\n\n")[1]
    assert chosen.startswith("| method | rte |\n| --- |\n| kd | alpha 0.9 (of 4) |")
    assert "different configurations" not in tables
    run = workplace.root / "runs/rte/seed-2/eval-kd/run.json"
    run.write_text(run.read_text().replace("student-kd@3", "student-kd@1"))
    assert "rte, kd: the seeds have students of different configurations (student-kd@1, student-kd@3)" in workplace.report()


def test_parts_of_a_plan_have_one_teacher(workplace):
    plan = dict(PLAN, seeds=[1], methods=[{"method": "kd"}, {"method": "rco"}])
    workplace.run_plan(plan, "--methods", "kd")
    assert "--keep-trajectory 4" in next(call for call in workplace.calls() if call.startswith("teacher-finetune"))


def test_a_hang_up_ends_the_stage_too(workplace):
    workplace.binary.write_text("#!/bin/sh\ntrap 'touch hung-up; exit 129' HUP\ntouch started\nwhile :; do sleep 0.05; done\n")
    child = workplace.start(PLAN)
    while not (workplace.root / "started").exists():
        time.sleep(0.05)
    child.send_signal(signal.SIGHUP)
    assert "stopped; the same command goes on" in child.communicate(timeout=60)[1]
    assert child.returncode == 129
    assert (workplace.root / "hung-up").exists()


def test_no_other_seed_tunes(workplace):
    plan = dict(PLAN, methods=[{"method": "rkd", "grid": [{}, {"alpha": 0.3}]}])
    done = workplace.run_plan(plan)
    assert "rte seed 2 rkd: was not tuned: seed 1 has failed" in done.stderr
    assert not any("distill" in call and "seed-2" in call for call in workplace.calls())


def test_one_student_has_several_evaluations(workplace):
    plan = dict(PLAN, seeds=[1], kbs=[{"name": "more", "options": {"extend-files": "{glue}/more.tsv"}}],
                methods=[{"method": "kd"}, {"name": "kd-more", "method": "kd", "kb": "more"}],
                evals=[{"name": "k4", "options": {"k": 4}, "methods": ["kd"]}, {"name": "more", "kb": "more"},
                       {"name": "keys", "kb": "more", "keys": True, "methods": ["kd"]}])
    assert workplace.run_plan(plan).returncode == 0
    evals = sorted(p.name for p in (workplace.root / "runs/rte/seed-1").glob("eval-*"))
    assert evals == ["eval-kd", "eval-kd-more", "eval-kd-more@more", "eval-kd@k4", "eval-kd@keys", "eval-kd@more"]
    calls = {call.split("--output ")[1].split()[0].rpartition("/")[2]: call for call in workplace.calls()}
    assert sum("distill" in call for call in calls.values()) == 2
    assert f"--extend {workplace.root}/runs/rte/seed-1/kb --extend-files {workplace.root}/more.tsv" in calls["kb-more"]
    assert "seed-1/kb-more " in calls["student-kd-more"]
    assert "seed-1/kb-more " in calls["eval-kd-more"]
    assert "seed-1/kb-more " in calls["eval-kd@more"]
    assert "seed-1/kb " in calls["eval-kd@k4"]
    assert "--k 4" in calls["eval-kd@k4"]
    assert "seed-1/kb-more-of-kd " in calls["eval-kd@keys"]
    assert f"seed-1/kb-more --keys {workplace.root}/runs/rte/seed-1/student-kd" in calls["kb-more-of-kd"]
    tables = workplace.report(method="kd")
    assert "| method | as it is | k4 | more |" in tables
    assert "| kd@" not in tables
    assert "| eval kd, s | 2.0 |" in tables  # not "k4", which takes 8
    assert "| kd | +25.0, -, 25.0, 0.5 (4) |" in tables


def test_parts_that_are_not_in_the_plan_are_refused(workplace):
    for flag, given in (("--methods", "kd,kdd"), ("--tasks", "rte,cloa"), ("--seeds", "1,9")):
        done = workplace.run_plan(PLAN, flag, given)
        assert done.returncode == 2
        assert f'"{given.partition(",")[2]}" is not in the plan' in done.stderr


def test_paths_that_are_not_there_are_refused(workplace):
    assert "there is no such program" in workplace.run_plan(PLAN, "--binary", "none").stderr
    done = workplace.run_plan(dict(PLAN, tasks=[{"task": "rte", "folder": "none"}]))
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert f"task rte: there is no directory {workplace.root}/none" in done.stderr


def test_a_knowledge_base_may_have_keys_of_another_space(workplace):
    plan = dict(PLAN, seeds=[1], kbs=[{"name": "space", "project": {"space": "pretrained"}}],
                methods=[{"method": "reaugkd", "kb": "space"}])
    assert workplace.run_plan(plan).returncode == 0
    calls = {call.split("--output ")[1].split()[0].rpartition("/")[2]: call for call in workplace.calls()}
    assert "--space pretrained" in calls["projected-space"] and "--space" not in calls["projected"]
    assert "seed-1/projected-space " in calls["kb-space"]
    assert "seed-1/kb-space " in calls["student-reaugkd"]
