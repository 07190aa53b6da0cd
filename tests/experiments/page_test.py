"""The page command: what the page shows, and that a browser opens it without a script error or a request to the network."""
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from reaugkd_experiments import page
from reaugkd_experiments.errors import UserError
from reaugkd_experiments.page import explained, figures, scores
from reaugkd_experiments.page.run import read_run

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
BROWSER = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
           "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr"]  # its own requests go nowhere
EXPLAIN = """\
row 1, label yes, id 0123456789abcdef:1
  Not <b>bold</b> & quite a long text.
  student    no (0.700)
  retrieval  yes (0.900), from similarity, weight, what the row answers:
    0.500  weight 0.600  answer yes (0.900)       label yes         fedcba9876543210:7  a neighbor
    -0.100  weight 0.400  answer no (0.600)        label no label    fedcba9876543210:8  label no  another
  combined   yes (0.550), beta 0.438

row 2, label no (prediction unchanged)
  A row of an earlier version.
  student    no (0.700)
  retrieval  no (0.900), from similarity, weight, what the row answers:
    0.500  weight 1.000  answer no (0.900)        label no          a neighbor without id
  combined   no (0.800), beta 0.5

"""
LOG = "".join(json.dumps(line) + "\n" for line in [
    *({"step": i, "epoch": i / 10, "loss": 2 - i / 20} for i in range(30)),
    *({"step": 10 * i, "epoch": i, "validation": {"accuracy": 0.5 + i / 10}} for i in (1, 2, 3))])


def write_eval(directory, kb=True, beta=0.5, explain=True):
    """Forty rows of two classes; the student is right in 30 of them, the combined prediction in 32."""
    directory.mkdir(parents=True)
    generator = np.random.default_rng(1)
    labels = np.repeat([0, 1], 20)
    lines = ["index\tlabel\tprediction\tp_no\tp_yes" + ("\tstudent_p_no\tstudent_p_yes\tkb_p_no\tkb_p_yes" if kb else "")]
    for i, label in enumerate(labels):
        parts = [label if i % 5 else 1 - label, label if i % 4 else 1 - label, label] if kb else [label if i % 4 else 1 - label]
        sure = generator.uniform(0.55, 0.95, len(parts))
        cells = "".join(f"\t{1 - p:.6f}\t{p:.6f}" for p in np.where(np.array(parts) == 1, sure, 1 - sure))
        lines.append(f"{i}\t{['no', 'yes'][label]}\tno{cells}")
    (directory / "predictions.tsv").write_text("\n".join(lines) + "\n")
    score = lambda value: {"accuracy": value, "macro_f1": value, "own_metric": value}  # noqa: E731
    calibration = {"mean_confidence": 0.75, "expected_calibration_error": 0.05, "nll": 0.5}
    results = {"task": "toy", "split": "dev", "examples": 40, "validation_split": "holdout:0.1", "majority": score(0.5),
               "calibration": {part: calibration for part in ("student", "retrieval", "combined")},
               "metrics": {"student": score(0.75), "teacher": score(0.9)}, "warnings": ["a hint <here>"],
               "confusions": [{"label": "no", "prediction": "yes", "rows": 4, "examples": [{"row": 3, "text": "a text"}]}],
               "latency": {"batch_1": {"model": {"p50_ms": 1.25, "p95_ms": 2.5}}}}
    if kb:
        results["metrics"].update(retrieval=score(1.0), combined=score(0.8))
        results["retrieval"] = {"k": 4, "beta": beta, "tau": 0.1, "rows": 1000, "used": beta != 1, "changed": 6,
                                "selected_by": "loss", "selected_on": "holdout:0.1", "wrong_to_right": 4, "right_to_wrong": 2,
                                "permuted": {"combined": {"accuracy": 0.7}}}
        results["latency"]["batch_1"]["with_retrieval"] = {"p50_ms": 1.5, "p95_ms": 3}
    (directory / "metrics.json").write_text(json.dumps(results))
    (directory / "run.json").write_text(json.dumps({
        "version": "0.1.0", "working_directory": str(directory.parent), "machine": {"description": "a machine"},
        "options": {"model": "student", "teacher": "gone", "kb": "kb" if kb else "", "k": None}}))
    (directory / "classes.tsv").write_text("label\tsupport\tpredicted\tprecision\trecall\tf1\nno\t20\t20\t0.8\t0.8\t0.8\n"
                                           "yes\t20\t20\t0.7\t0.7\t0.7\nnone\t0\t0\t0\t0\t0\n")
    if kb and explain:
        (directory / "explain.txt").write_text(EXPLAIN)
    (directory.parent / "student").mkdir(exist_ok=True)
    (directory.parent / "student/train_log.jsonl").write_text(LOG)
    return directory


def test_the_page_shows_everything(tmp_path):
    path = page.write_page(write_eval(tmp_path / "eval"))
    assert path == tmp_path / "eval.html"
    text = path.read_text()
    for part in ("toy, dev: 40 examples", "a hint &lt;here&gt;", "macro F1", "own_metric", "0.8000", "retrieval",
                 "<strong>4</strong> from wrong", "Not &lt;b&gt;bold&lt;/b&gt; &amp; quite", "fedcba9876543210:7", "taken for yes", "row 3: a text", "1.25 ms",
                 "The student. Above", "accuracy 0.7000", "a machine"):
        assert part in text, part
    assert len(re.findall(r'<img src="data:image/svg\+xml;base64,', text)) == 4  # reliability, risk, confusion, training
    assert text.index("<td>yes</td>") < text.index("<td>no</td>")  # the lower F1 first
    assert "<td>none</td>" not in text and "The teacher." not in text


def test_the_page_needs_nothing_else(tmp_path):
    text = page.write_page(write_eval(tmp_path / "eval"), tmp_path / "other.html").read_text()
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in text
    sources = re.findall(r"""\b(?:src|href)\s*=\s*["']?([^"'> ]*)""", text)
    assert len(sources) == 5 and all(source.startswith("data:") for source in sources)
    assert "<script" not in text and "url(" not in text and "@import" not in text


def test_a_page_without_a_knowledge_base(tmp_path):
    text = page.write_page(write_eval(tmp_path / "eval", kb=False)).read_text()
    assert "What retrieval changed" not in text and "combined" not in text
    assert "0.7500" in text


def test_with_beta_1_retrieval_has_no_numbers(tmp_path):
    text = page.write_page(write_eval(tmp_path / "eval", beta=1)).read_text()
    assert "retrieval not used" in text and "Retrieval not used: beta is 1" in text
    for part in ("from wrong to right", "with beta", "with retrieval", "permuted"):
        assert part not in text


def test_neighbors_are_asked_for(tmp_path):
    assert "--explain 10" in page.write_page(write_eval(tmp_path / "eval", explain=False)).read_text()


def test_a_page_of_a_regression(tmp_path):
    directory = write_eval(tmp_path / "eval", kb=False)
    lines = [f"{i}\t{i / 4}\t{i / 4}\t{i / 4 + (i % 3) / 10}" for i in range(20)]
    (directory / "predictions.tsv").write_text("\n".join(["index\tlabel\tprediction\tscore", *lines]) + "\n")
    results = json.loads((directory / "metrics.json").read_text())
    results["metrics"] = {"student": {"pearson": 0.99, "spearmanr": 0.98}}
    for key in ("calibration", "confusions", "majority"):
        del results[key]
    (directory / "metrics.json").write_text(json.dumps(results))
    text = page.write_page(directory).read_text()
    assert "Spearman’s correlation" in text and "Predictions and labels" in text and "confused" not in text


def test_intervals_are_around_the_scores_of_the_rows(tmp_path):
    run = read_run(write_eval(tmp_path / "eval"))
    titles, lines = scores.table(run)
    assert titles == ["accuracy", "macro F1", "own_metric"]
    student = next(line for line in lines if line.name == "student")
    low, high = student.cells[0].interval
    assert 0.55 < low < 0.75 < high < 0.95
    assert student.cells[2].interval is None  # a metric that is not known here
    assert next(line for line in lines if line.name == "teacher").cells[0].interval is None


def test_averages_over_classes():
    labels, decisions = np.array([0, 0, 0, 1, 2]), np.array([0, 1, 1, 1, 0])  # as in tests/metrics/confusion_test.cpp
    sums = scores.class_statistics(labels, decisions, 4).sum(axis=0)
    assert scores.averages("macro_f1", sums) == pytest.approx((0.4 + 0.5) / 3)
    assert scores.averages("weighted_f1", sums) == pytest.approx((3 * 0.4 + 0.5) / 5)
    assert scores.averages("balanced_accuracy", sums) == pytest.approx((1 / 3 + 1) / 3)


def test_risk_is_of_the_surest_first():
    probabilities = np.array([[0.6, 0.4], [0.1, 0.9], [0.2, 0.8]])  # sure in the order 1, 2, 0; 2 is wrong
    assert figures.risk_of(probabilities, np.array([0, 1, 0])).tolist() == pytest.approx([0, 1 / 2, 1 / 3])


def test_examples_are_read_with_and_without_ids(tmp_path):
    (tmp_path / "explain.txt").write_text(EXPLAIN)
    first, second = explained.examples(tmp_path)
    assert (first.row, first.label, first.unchanged, first.student) == ("1", "yes", False, "no (0.700)")
    assert (first.retrieval, first.combined, first.beta) == ("yes (0.900)", "yes (0.550)", "0.438")
    assert [neighbor["id"] for neighbor in first.neighbors] == ["fedcba9876543210:7", "fedcba9876543210:8"]
    assert first.neighbors[1]["label"] == "no label" and first.neighbors[1]["text"] == "label no  another"
    assert second.unchanged and second.neighbors[0]["text"] == "a neighbor without id"


def test_what_is_no_evaluation_is_named(tmp_path):
    with pytest.raises(UserError, match="there is no predictions.tsv"):
        page.write_page(tmp_path)
    directory = write_eval(tmp_path / "eval")
    with pytest.raises(UserError, match="cannot write the page"):
        page.write_page(directory, tmp_path / "none/page.html")
    (directory / "predictions.tsv").write_text("index\tlabel\tprediction\tp_no\tp_yes\n0\t\tno\t1\t0\n")
    with pytest.raises(UserError, match="no labels"):
        page.write_page(directory)


def opened(path, width, work):
    """(the document, messages of the console, what the page asked the network for)"""
    log = work / "net.json"
    done = subprocess.run([CHROMIUM, *BROWSER, f"--user-data-dir={work}/browser", f"--window-size={width},1000",
                           f"--log-net-log={log}", "--dump-dom", f"--screenshot={work}/screen.png", path.as_uri()],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    events = [event.get("params", {}) for event in json.loads(log.read_text())["events"]]
    asked = [event["url"] for event in events if "url" in event and event.get("initiator", "not an origin") != "not an origin"]
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line], asked


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
def test_a_browser_finds_no_error_and_asks_nobody(tmp_path):
    path = page.write_page(write_eval(tmp_path / "eval"))
    for width in (1280, 400):
        document, messages, asked = opened(path, width, tmp_path)
        assert "Which classes are confused" in document
        assert messages == [] and asked == []
    # The same look does find both.
    path.write_text("<img src='http://127.0.0.1:1/picture.png'><script>nothing.at.all()</script>")
    _, messages, asked = opened(path, 400, tmp_path)
    assert "ReferenceError" in messages[0] and asked == ["http://127.0.0.1:1/picture.png"]


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
def test_the_page_is_not_wider_than_a_phone(tmp_path):
    text = page.write_page(write_eval(tmp_path / "eval")).read_text()
    script = "onload = onresize = () => console.log('measured', document.documentElement.scrollWidth, innerWidth)"
    measuring = re.sub(r"<meta http-equiv[^>]*>", "", text).replace("</body>", f"<script>{script}</script></body>")
    for width in (1280, 400):
        (tmp_path / "measured.html").write_text(measuring)
        _, messages, _ = opened(tmp_path / "measured.html", width, tmp_path)
        wide, window = map(int, re.search(r"measured (\d+) (\d+)", messages[-1]).groups())
        assert wide <= window == width
