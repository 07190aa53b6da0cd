#!/usr/bin/env python3
"""What a user can get wrong, as one table: bad_input.py BINARY SOURCE [PATTERN]

A row is a name, what is broken, the exit code and what the message must say (a regular expression).
After each row the inputs are what they were and no output directory is left. With PATTERN only the
rows whose name it matches.
"""
import concurrent.futures
import fcntl
import hashlib
import json
import os
import pathlib
import re
import shutil
import struct
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "trust"))
from chain import Chain  # noqa: E402

MNLI_LABELS = {"0": "entailment", "1": "neutral", "2": "contradiction"}


def read_tensors(path):
    """{name: (dtype, shape, bytes)} and the metadata of a safetensors file."""
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + size])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = (entry["dtype"], entry["shape"], data[8 + size + begin:8 + size + end])
    return tensors, metadata


def write_tensors(path, tensors, metadata):
    header, data = {"__metadata__": metadata} if metadata else {}, b""
    for name, (dtype, shape, values) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


# What breaks a directory: functions of it.


def edited_json(name, **values):
    def edit(directory):
        path = directory / name
        json_ = json.loads(path.read_text())
        for key, value in values.items():
            at = json_
            *outer, last = key.split("__")
            for part in outer:
                at = at[part]
            if value is None:
                at.pop(last)
            else:
                at[last] = value
        path.write_text(json.dumps(json_))
    return edit


def written(name, data):
    return lambda directory: (directory / name).write_bytes(data if isinstance(data, bytes) else data.encode())


def removed(*names):
    return lambda directory: [(directory / name).unlink(missing_ok=True) for name in names]


def truncated(name, by):
    def cut(directory):
        with open(directory / name, "r+b") as file:
            file.truncate(max(0, (directory / name).stat().st_size - by))
    return cut


def flipped(name, at):
    def flip(directory):
        data = bytearray((directory / name).read_bytes())
        data[at] ^= 0xFF
        (directory / name).write_bytes(data)
    return flip


def tensors_changed(name, change):
    """change(tensors) alters the dictionary of a safetensors file."""
    def edit(directory):
        tensors, metadata = read_tensors(directory / name)
        change(tensors)
        write_tensors(directory / name, tensors, metadata)
    return edit


def first_values(tensor, value):
    def change(tensors):
        dtype, shape, data = tensors[tensor]
        tensors[tensor] = (dtype, shape, struct.pack("<f", value) + data[4:])
    return change


def every_value(value):
    def change(tensors):
        for name, (dtype, shape, data) in tensors.items():
            if name.endswith("weight"):
                tensors[name] = (dtype, shape, struct.pack("<f", value) * (len(data) // 4))
    return change


def kb_file_changed(name, change):
    """As tensors_changed or another edit, and kb.json believes it."""
    def edit(directory):
        change(directory)
        edited_json("kb.json", **{"files": {**json.loads((directory / "kb.json").read_text())["files"],
                                            name: sha256(directory / name)}})(directory)
    return edit


def without_head(tensors):
    for name in [name for name in tensors if "classifier" in name or "pooler" in name]:
        del tensors[name]


def all_of(*edits):
    return lambda directory: [edit(directory) for edit in edits]


foreign = removed("run.json", "metrics.json")  # as if it came from elsewhere: nothing is known of it


class Table:
    def __init__(self, chain, work, pattern):
        self.chain, self.work, self.pattern = chain, work, pattern
        self.rows, self.count = [], 0

    def copy(self, source, *edits):
        """A broken copy of a directory."""
        self.count += 1
        directory = self.work / "broken" / str(self.count)
        shutil.copytree(source, directory)
        for edit in edits:
            edit(directory)
        return directory

    def data(self, **files):
        """data/demo with other files in it; None removes one."""
        names = {name.replace("_tsv", ".tsv"): text for name, text in files.items()}
        return self.copy(self.work / "data", *[written(name, text) if text is not None else removed(name)
                                               for name, text in names.items()])

    def row(self, name, code, message, command, *more, output=None, after=None):
        """`command` is a stage or a list; more are options, of which a later one replaces an earlier. With
        `after` what is left is looked at: it is a finished run, or an unfinished one that did some work. Rows run
        beside each other, so an `output` that is there already belongs to one row: it is locked while that runs."""
        if output and output in [row[4] for row in self.rows] + list(self.chain.whole.values()):
            raise ValueError(f"{name}: {output} is another row's too: give it a copy")
        if self.pattern and not re.search(self.pattern, name):
            return
        arguments = merged(self.chain.options(command) if isinstance(command, str) else command, more)
        self.count += 1
        own = output is None
        output = output or self.work / "outputs" / str(self.count)
        self.rows.append((name, code, message, arguments, output, own, after))

    def check(self, row):
        name, code, message, arguments, output, own, after = row
        inputs = [pathlib.Path(part) for part in arguments if part.startswith(str(self.work))]
        before = snapshot(inputs)
        kept = snapshot([output])
        done = self.chain.run([self.chain.binary, *arguments, "--output", str(output)])
        wrong = []
        if done.returncode != code:
            wrong.append(f"exit code {done.returncode}, expected {code}")
        if not re.search(message, done.stderr + done.stdout):
            wrong.append(f"nothing matches '{message}'")
        if snapshot(inputs) != before:
            wrong.append("an input was touched")
        if own and not after and code not in (0, 6) and output.exists():
            wrong.append("an output directory was left")
        if not own and not after and snapshot([output]) != kept:
            wrong.append("the output directory was touched")
        if after and not wrong:
            wrong += after(output)
        return [f"{name}: {', '.join(wrong)}\n  {' '.join(arguments)}\n{done.stderr}"] if wrong else []


def merged(arguments, more):
    """Later options replace earlier ones; "-name" as a whole takes one away."""
    arguments = list(map(str, arguments))
    more = list(map(str, more))
    for i, part in enumerate(more):
        name = part.removeprefix("drop:")
        if not name.startswith("--") or name not in arguments:
            continue
        at = arguments.index(name)
        takes = at + 1 < len(arguments) and not arguments[at + 1].startswith("--")
        del arguments[at:at + 1 + takes]
    return arguments + [part for part in more if not part.startswith("drop:")]


def snapshot(paths):
    found = {}
    for path in paths:
        for entry in [path, *path.rglob("*")] if path.exists() else []:
            state = entry.stat()
            whole = (state.st_ino, state.st_size, state.st_mtime_ns)
            found[str(entry)] = state.st_ino if entry.is_dir() else whole  # a lock came and went in it
    return found


def option_rows(table):
    demo, work = str(table.chain.demo), table.work
    teach = "teacher-finetune"
    table.row("a flag that does not exist", 2, "--bogus.*--help", ["eval", "--bogus", "1"])
    table.row("a flag mistyped", 2, r"teacher-finetune has no --epoch: did you mean --epochs\?", [teach, "--epoch", "1"])
    table.row("a flag by its initials", 2, r"teacher-finetune has no --lr: did you mean --learning-rate\?",
              [teach, "--lr=1e-3"])
    table.row("a long flag with one dash", 2, r"has no -model: did you mean --model\?", [teach, "-model", "x"])
    table.row("a word too many", 2, r'teacher-finetune: "modle" belongs to no option: did you mean --model\?', [teach, "modle"])
    table.row("a flag before the command", 2, "--epochs stands before the command.*follow it", ["--epochs", "3", teach])
    table.row("a command mistyped", 2, r'no command "evals": did you mean eval\?', ["evals", "--model", "x"])
    table.row("no command", 2, "--help", ["--quiet"])
    table.row("a required flag", 2, "--model is required", ["eval", "--data", demo])
    table.row("no knowledge base", 2, "--kb is required.*build-kb", "distill", "drop:--kb")
    table.row("out of range", 2, r"--tau: 0 is out of range, expected > 0", "distill", "--tau", "0")
    table.row("not a number", 2, 'epochs: expected a whole number, got "many"', teach, "--epochs", "many")
    table.row("not finite", 2, "--learning-rate: nan is out of range", teach, "--learning-rate", "nan")
    table.row("not one of", 2, '"int8" is not one of auto, fp32, bf16: did you mean ', teach, "--precision", "int8")
    table.row("an unknown task", 2, "sst3.*cola, sst2", teach, "--task", "sst3")
    table.row("an unknown device", 2, "\"tpu\" is not one of auto, .*did you mean", teach, "--device", "tpu")
    table.row("too many positions", 2, "--max-seq-length 4000: .* positions for [0-9]+ tokens: give", teach,
              "--max-seq-length", "4000")
    table.row("a fraction above 1", 2, "holdout:2.*holdout:0.1", teach, "--validation", "holdout:2")
    table.row("a layer too many", 2, "no layer 9 in .*0 to", "distill", "--student-layers", "9")
    table.row("a layer twice", 2, "layer 0 is named twice", "distill", "--student-layers", "0,0")
    table.row("labels of another task", 2, "yes, no|yes,no", teach, "--label-order", "yes,no")
    table.row("two ways to say D", 2, "exclude one another", "project", "--dim", "8")
    table.row("--resume and --overwrite", 2, "exclude one another", "build-kb", "--resume", "--overwrite")
    table.row("an empty grid", 2, "each need a value", "eval", "--grid-k", "")
    table.row("--explain without a knowledge base", 2, "needs --kb", "eval", "drop:--kb")
    table.row("--select-by, and nothing to select", 2, "--select-by metric: .*nothing is left to select", "eval", "--select-by",
              "metric", "--k", "4", "--grid-beta", "0.5", "--tau-retrieval", "0.1")
    table.row("--k and --grid-k", 2, "--grid-k: k is given, so none is selected", "eval", "--k", "4", "--grid-k", "1,2")
    table.row("--k of 0", 2, "--k: 0 is out of range", "eval", "--k", "0")
    for name, text, message in (("not JSON", "{", "--config: .*not valid JSON"),
                                ("no object", "[1]", "found array, expected a JSON object"),
                                ("an unknown key", '{"tua": 1}', 'unknown key "tua": did you mean tau\\?'),
                                ("a wrong type", '{"tau": "warm"}', '"tau": cannot take "warm"'),
                                ("a fraction for a count", '{"epochs": 1.5}', '"epochs": cannot take 1.5, expected a whole number'),
                                ("another command's", '{"command": "eval", "options": {}}', 'is of a run of "eval", this is '),
                                ("a newer run.json", '{"format": 2, "options": {"tau": 1}}', "format 2.*supported is 1")):
        path = work / "configs" / (name + ".json")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        table.row("--config: " + name, 2, message, "distill", "--config", path)
    table.row("--config: missing", 5, "none.json: cannot be opened: No such file", "distill", "--config", work / "none.json")


def task_rows(table):
    """A task of one's own."""
    data = table.work / "own"
    data.mkdir()
    (data / "train.csv").write_text('text,label\n"unended,sad\n')
    (data / "train.jsonl").write_text('{"text": "a", "label": "sad"}\n{"text": \n')
    good = {"name": "mood", "format": "csv", "text_a": "text", "label": "label", "labels": ["sad", "glad"]}
    for name, change, code, message in (
            ("no task description", None, 5, "No such file"),
            ("an unknown key", {"txt": 1}, 2, 'unknown key "txt"'),
            ("a GLUE name", {"name": "rte"}, 2, "not one of GLUE's"),
            ("one label", {"labels": ["sad"]}, 2, "labels"),
            ("a label with a tab", {"labels": ["sad", "gl\tad"]}, 2, r'the label "gl\\tad" has a tab'),
            ("numbers for labels", {"labels": [0, 1]}, 2, r'"labels" holds \[0,1\], expected a list of texts'),
            ("an unknown column of labels", {"label": "Label"}, 3, r'train.csv:1: the header has no column "Label" \(label\), found'),
            ("an unknown column", {"text_a": "words"}, 3, r"train.csv:1: .*words"),
            ("an open quote", {}, 3, r"train.csv:2: .*quote"),
            ("a line that is not JSON", {"format": "jsonl"}, 3, r"train.jsonl:2: expected a JSON object a line: .*(unexpected end|parse error)"),
            ("an unknown key of JSON lines", {"format": "jsonl", "text_a": "txt"}, 3, r'train.jsonl:1: has no "txt"')):
        path = table.work / "tasks" / (name + ".json")
        path.parent.mkdir(exist_ok=True)
        if change is not None:
            path.write_text(json.dumps({**good, **change}))
        table.row("task: " + name, code, message, "teacher-finetune", "--task", path, "--data", data)


def column_rows(table):
    """No task file: the columns are named."""
    teach = "teacher-finetune"
    directory = table.work / "columns"
    directory.mkdir()
    names = [f"topic_{i}" for i in range(77)]
    (directory / "train.csv").write_text("text,label,number\n" + "".join(
        f'"row {i}",{names[i % 77]},{i / 10}\n' for i in range(308)))
    flags = ("drop:--task", "--text-column", "text", "--label-column", "label", "--max-train-examples", "0")
    table.row("columns: nothing says what the task is", 2, "--task is required: .*--text-column and --label-column", teach,
              "drop:--task", "--data", directory)
    table.row("columns: no label column", 2, "--label-column is required where no --task is given", teach, "drop:--task", "--data",
              directory, "--text-column", "text")
    for name, code, message, more in (
            ("another text column", 3, r'train.csv:1: the header has no column "txt" \(text_a\), found text, label, number: did you mean text', ("--text-column", "txt")),
            ("numbers", 2, '"number" holds 308 different numbers: was regression meant. Give --label-kind scores', ("--label-column", "number")),
            ("texts for labels", 2, '"text" holds 308 different labels in 308 rows: is it the column of labels', ("--label-column", "text")),
            ("names for scores", 3, 'train.csv:2: "label" holds "topic_0", expected a finite number', ("--label-kind", "scores")),
            ("a second text that is not there", 3, 'no column "more" .text_b.', ("--text-pair-column", "more")),
            ("a kind mistyped", 2, '"class" is not one of auto, classes, scores: did you mean classes', ("--label-kind", "class"))):
        table.row("columns: " + name, code, message, teach,
                  *merged(flags, more), "--data", directory)
    two = table.copy(directory, written("train.tsv", "text\tlabel\na\tb\n"))
    table.row("columns: two training files", 2, "found train.tsv and train.csv, expected one of them: name it with --train-file", teach,
              *flags, "--data", two)
    table.row("columns: no training file", 5, "expected train.tsv, train.csv or train.jsonl there", teach, *flags, "--data",
              table.copy(directory, removed("train.csv")))
    table.row("columns: of a later stage with numbers", 2, "task sst2 gives its columns by number, in files of tsv: name those of this csv file",
              "eval", "--split", "test", "--test-file", directory / "train.csv")
    table.row("columns: a pair where there is none", 2, "--text-pair-column text: task sst2 has one text a row", "eval", "--text-pair-column",
              "text")
    table.row("columns: of nothing", 2, "with --extend, the options of columns are about --extend-files", "build-kb", "drop:--teacher",
              "--extend", table.chain.whole["build-kb"], "--remove", "0:0", "--text-column", "text")
    table.row("columns: another kind", 2, "--label-kind scores: task sst2 has classes", "eval", "--label-kind", "scores")
    many = {"name": "many", "format": "csv", "text_a": "text", "label": "label", "labels": names}
    (directory / "many.json").write_text(json.dumps(many))
    table.row("columns: one of 77 labels", 3, 'unknown label "topc_76" in "label": did you mean "topic_76". Task many has 77 labels', teach,
              "--task", directory / "many.json", "--data",
              table.copy(directory, written("train.csv", "text,label,number\na,topc_76,1\n")))


def data_rows(table):
    teach, demo = "teacher-finetune", table.chain.demo
    rows = (demo / "train.tsv").read_text().splitlines(keepends=True)
    whole = table.chain.whole
    table.row("data: missing", 5, "train.tsv: is missing; --data is", teach, "--data", table.work / "none")
    table.row("data: a directory for a file", 5, "not a regular file|is missing", teach, "--train-file", ".")
    for name, text, message in (
            ("empty", "", "train.tsv"),
            ("a header alone", rows[0], "train.tsv: no data rows were found"),
            ("one row", "".join(rows[:2]), "1 rows cannot be divided .* or --validation dev"),
            ("a short row", "".join(rows[:5]) + "no tab here\n", "train.tsv:6: found 1 field, expected 2 as in the header.*--skip-bad-rows leaves"),
            ("a long row", "".join(rows[:5]) + "a text\twith a tab\t1\n", "train.tsv:6: found 3 fields, expected 2 as in the header"),
            ("an empty row", "".join(rows[:5]) + "\t\n", "train.tsv:6: found a row of empty fields"),
            ("a carriage return", "".join(rows[:5]) + "a\rtext\t1\n", r"train.tsv:6: found a carriage return \(CR\) within"),
            ("old Mac's lines", "".join(rows[:5]).replace("\n", "\r"), "train.tsv: its lines end in a carriage return alone"),
            ("an unknown label", "".join(rows[:5]) + "a text\t7\n", 'train.tsv:6: unknown label "7" in column 1: did you mean "[01]"'),
            ("no row with a label", rows[0] + "a text\t\nanother\t\n", "train.tsv: no row has a label"),
            ("another task's file", "id\ta\tb\tlabel\n1\tx\ty\tentailment\n", "train.tsv:")):
        table.row("data: " + name, 3, message, teach, "--data", table.data(train_tsv=text), "--max-train-examples", "0")
    table.row("data: UTF-16", 3, "train.tsv: is in UTF-16, expected UTF-8: convert it", teach, "--data",
              table.data(train_tsv="".join(rows).encode("utf-16")))
    table.row("data: bytes of no text", 3, "train.tsv", teach, "--data", table.data(train_tsv=os.urandom(3000)))
    table.row("data: one row for rkd", 3, "rkd relates rows to one another", "distill", "--method", "rkd", "drop:--kb", "--teacher",
              table.copy(whole["teacher-finetune"], foreign, removed("split.json"),
                         edited_json("config.json", reaugkd=None, id2label=None)),
              "--task", "sst2", "--max-seq-length", "48", "--data", table.data(train_tsv="".join(rows[:2])), "--validation", "dev")
    table.row("data: --sweep without labels", 3, "--sweep scores every setting: it needs a label in every row", "eval", "--sweep",
              "--split", "test")
    some = rows[0] + "".join(row if i % 3 else row.split("\t")[0] + "\t\n" for i, row in enumerate(rows[1:200]))
    table.row("data: rows without a label are left to later stages", 0, "6[0-9] rows have no label", teach,
              "--data", table.data(train_tsv=some), "--max-train-examples", "0", "--epochs", "1")
    table.row("data: one row and --validation dev", 3, "1 of its rows to train on have labels, equation 1 needs 2", "project",
              "--teacher", table.copy(whole["teacher-finetune"], foreign, removed("split.json")),
              "--data", table.data(train_tsv="".join(rows[:2])), "--validation", "dev")
    ones = [row for row in rows[1:400] if row.endswith("\t1\n")]
    table.row("data: a class missing from train", 0, 'no row that is trained on has the label "0"', teach, "--data",
              table.data(train_tsv=rows[0] + "".join(ones)), "--epochs", "1", after=metrics_warn("no row"))
    zeros = [row for row in rows[1:400] if row.endswith("\t0\n")]
    table.row("data: a class of few rows", 0, 'fewer than 5 rows to train on .*"0" has [1-4]', teach, "--data",
              table.data(train_tsv=rows[0] + "".join(ones + zeros[:4])), "--max-train-examples", "0", "--epochs", "1",
              after=metrics_warn("fewer than 5 rows"))
    long = rows[0] + "".join(row.split("\t")[0] * 9 + "\t" + row.split("\t")[1] for row in rows[1:60])
    table.row("data: rows longer than the model's positions", 0, "longer than 48 tokens and were cut", teach, "--data",
              table.data(train_tsv=long), "--max-train-examples", "0", "--epochs", "1", after=metrics_warn("are cut"))
    more = "".join(rows) + "one more\t1\n"
    table.row("data: train.tsv changed after the teacher", 4, "train.tsv: has sha256 .* inherited split was made for",
              "project", "--data", table.data(train_tsv=more))
    table.row("data: train.tsv changed after the knowledge base", 4, "train.tsv: has sha256", "distill", "--data",
              table.data(train_tsv=more))
    table.row("data: no test.tsv", 5, "none.tsv: is missing; .*--test-file", "eval", "--test-file", "none.tsv")


def unfinished(directory):
    return ["looks finished"] if (directory / "metrics.json").exists() else []


def metrics_warn(text):
    def check(directory):
        warnings = json.loads((directory / "metrics.json").read_text()).get("warnings", [])
        return [] if any(text in warning for warning in warnings) else [f"no warning in metrics.json: {warnings}"]
    return check


def contradiction_rows(table):
    table.row("another task", 2, "--task rte: .* was made with sst2", "project", "--task", "rte")
    table.row("another length", 2, "--max-seq-length 32: .* was made with 48", "project", "--max-seq-length", "32")
    table.row("another split", 2, "--split-seed 1: .* was made with 0", "project", "--split-seed", "1")
    table.row("another validation", 2, "--validation dev: .* was made with holdout:0.1", "distill", "--validation", "dev")
    table.row("other rows", 2, "--max-train-examples 9: .* was made with 160", "build-kb", "--max-train-examples", "9")
    table.row("teacher and knowledge base of different splits", 4, "different splits", "distill", "--method", "pkd", "--teacher",
              table.copy(table.chain.whole["teacher-finetune"], foreign, edited_json("split.json", split_seed=5)))
    for name, stage, more in (("eval", "eval", ("drop:--kb", "drop:--explain", "--split", "dev")),
                              ("build-kb --extend", "build-kb", ("drop:--teacher", "--extend", table.chain.whole["build-kb"],
                                                                 "--remove", "0:0"))):
        table.row(name + ": another split", 2, "--split-seed 1: .* was made with 0", stage, *more, "--split-seed", "1")
    cola = (edited_json("config.json", reaugkd__task="cola"), removed("split.json"))
    table.row("a teacher of another task", 4, "task, class order and max_seq_length", "distill", "--method", "pkd", "--teacher",
              table.copy(table.chain.whole["teacher-finetune"], foreign, *cola))
    for name, message, stage, more in (
            ("--teacher beside reaugkd's knowledge base", "learns from the knowledge base alone", "distill",
             ("--teacher", table.chain.whole["teacher-finetune"])),
            ("--grid-beta without a knowledge base", "--grid-beta is about retrieval", "eval",
             ("drop:--kb", "drop:--explain", "--grid-beta", "0.5")),
            ("--grid-slope for one beta", "--grid-slope is about --beta-mode", "eval", ("--grid-slope", "1")),
            ("T given and selected", "leave one out", "eval", ("--kb-temperature", "2", "--grid-kb-temperature", "1,2")),
            ("--ef-search of an exact search", "--ef-search 9 is about HNSW", "eval", ("--index", "exact", "--ef-search", "9")),
            ("ef given and selected", "leave one out", "eval", ("--ef-search", "9", "--grid-ef-search", "64,128")),
            ("a grid of ef of a part", "--grid-ef-search is about HNSW", "eval", ("--kb-rows", "0.5", "--grid-ef-search", "64")),
            ("a grid of ef of an exact search", "--grid-ef-search is about HNSW", "eval", ("--index", "exact", "--grid-ef-search", "64")),
            ("--M of an exact index", "are about HNSW, the index is exact", "build-kb", ("--index", "exact", "--M", "8")),
            ("--extend-labels without files", "are about --extend-files", "build-kb", ("--extend-labels", "given")),
            ("a trajectory of one", "one share is the teacher itself", "teacher-finetune", ("--keep-trajectory", "1"))):
        table.row(name, 2, message, stage, *more)
    table.row("targets from two sources", 2, "leave one of them out", "distill", "--method", "kd", "--teacher",
              table.chain.whole["teacher-finetune"])
    table.row("retrieval without a knowledge base", 2, "--k is about retrieval: it needs --kb", "eval", "drop:--kb", "drop:--explain",
              "--k", "5")
    table.row("a teacher from elsewhere that does not name its two classes", 0, "finished", "project", "--task", "sst2",
              "--max-seq-length", "48", "--max-train-examples", "160", "--teacher",
              table.copy(table.chain.whole["teacher-finetune"], foreign, removed("split.json"),
                         edited_json("config.json", id2label=None, reaugkd=None)))
    table.row("a knowledge base with too few labels", 4, "num_labels is 1, but its task sst2 has 2", "eval", "--kb",
              table.copy(table.chain.whole["build-kb"], foreign, edited_json("kb.json", num_labels=1)))
    table.row("nothing left to answer", 3, "no row of the knowledge base is left to answer", "eval", "--split", "train", "--kb-rows",
              "0.0001", "--k", "1", "--beta", "0.5", "--tau-retrieval", "0.1", "--explain", "0")
    table.row("an early end of tinybert", 2, "--early-stopping-patience with --method tinybert", "distill", "--method", "tinybert",
              "drop:--kb", "--teacher", table.chain.whole["teacher-finetune"], "--early-stopping-patience", "2")
    teacher = ("drop:--kb", "--teacher", table.chain.whole["teacher-finetune"])
    table.row("metadistil by several batches a step", 2, "--gradient-accumulation-steps with --method metadistil", "distill",
              "--method", "metadistil", *teacher, "--gradient-accumulation-steps", "2")
    table.row("a weight of the labels where there is nothing else", 2, "learns from the labels alone: leave out", "distill",
              "--method", "finetune", "--hard-label-weight", "0.5")
    table.row("a temperature that dml has not", 2, "--distill-temperature 2: --method dml has none", "distill", "--method", "dml",
              *teacher, "--distill-temperature", "2")
    table.row("a pretrained model in a teacher's place", 4, "has no classifier .*it is a pretrained model; fine-tune it first", "eval", "drop:--explain",
              "drop:--kb", "--model", table.copy(table.chain.whole["teacher-finetune"], foreign, tensors_changed("model.safetensors", without_head)))
    table.row("another order of labels", 2, "--label-order 1, 0: .* was made with 0, 1", "eval", "--label-order", "1,0")


def config_rows(table):
    """config.json, from elsewhere."""
    whole = table.chain.whole["distill"]
    for name, edits, message in (
            ("missing", removed("config.json"), "config.json: is missing"),
            ("empty", written("config.json", ""), "config.json: is not valid JSON"),
            ("truncated", truncated("config.json", 40), "config.json: is not valid JSON"),
            ("no object", written("config.json", "[]"), "config.json: found array, expected a JSON object"),
            ("another model_type", edited_json("config.json", model_type="gpt2"), "gpt2.*supported: .*bert"),
            ("a size in words", edited_json("config.json", hidden_size="wide"), 'hidden_size" holds "wide"'),
            ("half a size", edited_json("config.json", hidden_size=31.5), "hidden_size.* holds 31.5, expected a whole number"),
            ("no size", edited_json("config.json", hidden_size=None), '"hidden_size" is missing'),
            ("too large a size", edited_json("config.json", hidden_size=10 ** 8, num_attention_heads=1),
             "GB of memory: check"),
            ("heads that do not divide", edited_json("config.json", num_attention_heads=7), "not divisible by"),
            ("an unknown activation", edited_json("config.json", hidden_act="swish2"), "swish2.*supported: gelu"),
            ("names in a list", edited_json("config.json", id2label=["0", "1"]), "id2label is .*expected an object"),
            ("more layers than weights", edited_json("config.json", num_hidden_layers=9), "missing bert.encoder.layer"),
            ("wider than its weights", edited_json("config.json", intermediate_size=7), "expected \\(7"),
            ("several labels a text", edited_json("config.json", problem_type="multi_label_classification"),
             "its classifier is for any number of labels a text .*fine-tune the model first"),
            ("labels of tokens", edited_json("config.json", architectures=["BertForTokenClassification"]),
             "its classifier is for tokens, expected one that gives a text one label or score"),
            ("no family", all_of(edited_json("config.json", model_type=None, architectures=["GPT2LMHeadModel"]),
                                 tensors_changed("model.safetensors", lambda t: t.clear())),
             '"model_type" is missing, and neither "architectures" .GPT2LMHeadModel. nor'),
            ("a damaged modules.json", written("modules.json", "{"), "modules.json: expected a JSON list of modules"),
            ("a newer format", edited_json("config.json", reaugkd__format=2), "format 2, this version reads 1"),
            ("a task we do not know", edited_json("config.json", reaugkd__task="sst9"), "config.json: .*sst9"),
            ("labels of another task", edited_json("config.json", reaugkd__labels=["yes", "no"]), "config.json: .*yes")):
        table.row("config.json: " + name, 4, message, "eval", "--model", table.copy(whole, foreign, edits))
    table.row("config.json: fewer layers than weights", 4, "extra bert.encoder.layer", "eval", "drop:--kb", "--explain", "0",
              "--model", table.copy(table.chain.whole["teacher-finetune"], foreign, edited_json("config.json", num_hidden_layers=1)))
    table.row("a head of another task", 4, "its head has 2 classes .*mnli has 3", "eval", "--task", "mnli", "drop:--kb",
              "--explain", "0", "--model", table.copy(whole, foreign, edited_json("config.json", reaugkd=None)))


def weight_rows(table):
    """model.safetensors and its shards, from elsewhere."""
    whole, demo = table.chain.whole["distill"], table.chain.demo
    weights = "model.safetensors"
    word = "bert.embeddings.word_embeddings.weight"
    header = struct.pack("<Q", 1 << 40) + b"{}"
    shards = removed(weights)
    index = "model.safetensors.index.json"
    for name, edit, message in (
            ("missing", removed(weights), "model.safetensors: is missing; .*--init random"),
            ("only a pickle", all_of(removed(weights), written("pytorch_model.bin", "x")), "convert_checkpoint.py"),
            ("empty", written(weights, ""), "too few for a safetensors file"),
            ("truncated", truncated(weights, 100), "truncated; copy it again"),
            ("foreign", written(weights, os.urandom(5000)), "not a safetensors file"),
            ("a header too large", written(weights, header), "header says it is 1099511627776 bytes"),
            ("bytes at the end", lambda d: open(d / weights, "ab").write(b"more"), "4 bytes follow the last tensor"),
            ("whole numbers", tensors_changed(weights, lambda t: t.update({word: ("I32", *t[word][1:])})), word),
            ("a tensor too many", tensors_changed(weights, lambda t: t.update(x=("F32", [1], b"0000"))), "extra x"),
            ("NaN", tensors_changed(weights, first_values(word, float("nan"))), word + " holds values that are not finite"),
            ("shards that are not there", all_of(shards, written(index, '{"weight_map": {"a": "model-1.safetensors"}}')),
             "1 of the 1 shards it names are not beside it: model-1"),
            ("a shard elsewhere", all_of(shards, written(index, '{"weight_map": {"a": "../x"}}')),
             "not the name of a file beside it"),
            ("a list of shards", all_of(shards, written(index, '{"weight_map": []}')), "weight_map is array"),
            ("shards without a map", all_of(shards, written(index, "{}")), '"weight_map" is missing')):
        table.row("weights: " + name, 4, message, "eval", "--model", table.copy(whole, foreign, edit))
    table.row("weights: none given", 4, "model.safetensors: is missing; .*--init random", "teacher-finetune",
              "--init", "pretrained", "--model", str(demo / "teacher"))
    table.row("weights: huge", 6, "not finite", "eval", "--model",
              table.copy(whole, foreign, tensors_changed(weights, every_value(3e38))))
    for name, edit, message in (
            ("none", removed("vocab.txt"), "has no tokenizer: expected tokenizer.json, vocab.txt"),
            ("a line more", lambda d: open(d / "vocab.txt", "a").write("onemore\n"), "vocabulary has .* do not belong"),
            ("a line twice", lambda d: open(d / "vocab.txt", "a").write("[PAD]\n"), "vocabulary has .* do not belong"),
            ("a tokenizer.json of something else", written("tokenizer.json", '{"model": {"type": "Mine", "vocab": {}}}'),
             'tokenizer.json: model: found the type "Mine", which is not supported'),
            ("no [UNK]", written("vocab.txt", "[PAD]\n[CLS]\n[SEP]\n"), r"\[UNK\] is missing among 3 lines"),
            ("a switch in words", written("tokenizer_config.json", '{"do_lower_case": "yes"}'), 'do_lower_case" holds "yes"'),
            ("a damaged switch", written("tokenizer_config.json", "{"), "tokenizer_config.json: is not valid JSON")):
        table.row("vocabulary: " + name, 4, message, "eval", "--model", table.copy(whole, foreign, edit))


def stage_rows(table):
    """Directories of our own stages: unfinished, changed afterwards, of an earlier stage."""
    whole = table.chain.whole
    for stage, flag, source in (("project", "--teacher", "teacher-finetune"), ("build-kb", "--teacher", "project"),
                                ("distill", "--kb", "build-kb"), ("eval", "--model", "distill"), ("eval", "--kb", "build-kb"),
                                ("eval", "--teacher", "teacher-finetune")):
        table.row(f"{stage} {flag}: missing", 4, "there is no such directory", stage, flag, table.work / "none")
        table.row(f"{stage} {flag}: unfinished", 4, "has not finished .*--resume", stage, flag,
                  table.copy(whole[source], removed("metrics.json")))
        name = "kb.json" if flag == "--kb" else "config.json"
        table.row(f"{stage} {flag}: changed afterwards", 4, name + ": has sha256 .*run.json says .* written with", stage, flag,
                  table.copy(whole[source], lambda d, name=name: open(d / name, "a").write("\n")))
    table.row("an option that an older version did not record", 0, "already finished", "eval", "--resume",
              output=table.copy(whole["eval"], edited_json("run.json", options__grid_kb_temperature=None)), after=lambda _: [])
    table.row("a file missing afterwards", 4, "vocab.txt: is missing, but .*run.json", "eval", "--model",
              table.copy(whole["distill"], removed("vocab.txt")))
    table.row("run.json of a newer version", 4, "run.json: found format 2, supported is 1", "eval", "--model",
              table.copy(whole["distill"], edited_json("run.json", format=2)))
    table.row("run.json without options", 4, 'run.json: "options" is not an object', "eval", "--model",
              table.copy(whole["distill"], edited_json("run.json", options=[])))
    table.row("a teacher without a projection", 4, "no projection yet; run reaugkd project", "build-kb", "--teacher",
              whole["teacher-finetune"])
    for name, edit, message in (
            ("no features", removed("features.safetensors"), "features.safetensors: is missing; run reaugkd project"),
            ("features of other rows", tensors_changed("features.safetensors", lambda t: t.update(
                {"train.example_ids": (*t["train.example_ids"][:2], bytes(len(t["train.example_ids"][2])))})),
             "of other rows than .*run reaugkd project"),
            ("a projection of another width", tensors_changed("projection.safetensors", lambda t: t.update(
                {"projection.weight": ("F32", [1, 1], b"0000"), "projection.bias": ("F32", [1], b"0000")})),
             "projection.weight is Float .*expected"),
            ("NaN in the projection", tensors_changed("projection.safetensors", first_values("projection.weight", float("nan"))),
             "projection.safetensors: tensor projection.weight holds values that are not finite"),
            ("a split of another version", edited_json("split.json", format=2), "split.json: found format 2"),
            ("a row trained on and held out", lambda d: edited_json("split.json", holdout_rows=json.loads(
                (d / "split.json").read_text())["train_rows"][:1])(d), "is both trained on and held out"),
            ("a split of another file", edited_json("split.json", train_sha256="0" * 64), "inherited split was made for")):
        table.row("teacher: " + name, 4, message, "build-kb", "--teacher", table.copy(whole["project"], foreign, edit),
                  after=unfinished)


def kb_rows(table, other):
    whole = table.chain.whole
    for name, edit, message in (
            ("no kb.json", removed("kb.json"), "kb.json"),
            ("kb.json damaged", truncated("kb.json", 30), "kb.json: is not valid JSON"),
            ("kb.json newer", edited_json("kb.json", format=4), "kb.json: found format 4"),
            ("another metric", edited_json("kb.json", metric="l2"), "found metric l2, expected inner_product"),
            ("other sizes", edited_json("kb.json", rows=7), r"expected Float \(7"),
            ("no rows", edited_json("kb.json", rows=0), "rows 0.*must be at least 1"),
            ("tensors changed", flipped("kb.safetensors", -1), "kb.safetensors: its sha256 is .* run build-kb again"),
            ("index changed", flipped("index.hnsw", 3000), "index.hnsw: its sha256 is"),
            ("no index", removed("index.hnsw"), "index.hnsw: is missing, but .*kb.json names it"),
            ("texts cut short", truncated("examples.tsv", 10), "examples.tsv: its sha256 is"),
            ("NaN in an embedding", kb_file_changed("kb.safetensors", tensors_changed(
                "kb.safetensors", first_values("embeddings", float("nan")))), "embedding 0 has length nan, expected 1"),
            ("soft labels that are no distribution", kb_file_changed("kb.safetensors", tensors_changed(
                "kb.safetensors", first_values("soft_labels", 7.0))), "soft labels of row 0 are no distribution"),
            ("a damaged index that kb.json believes", kb_file_changed("index.hnsw", flipped("index.hnsw", 20)), "index.hnsw: "),
            ("another task", edited_json("kb.json", provenance__reaugkd__task="cola"), "task, class order and max_seq_length"),
            ("another split", edited_json("split.json", split_seed=5), "different splits")):
        table.row("knowledge base: " + name, 4, message, "eval", "--kb", table.copy(whole["build-kb"], foreign, edit))
    table.row("knowledge base: of another teacher", 4, "distilled towards the embeddings of .*do not compare; give",
              "eval", "--kb", other["kb"])
    table.row("knowledge base: of another dimension", 4, "have D = 16, the model .* has hidden_size .*--student", "eval",
              "--kb", other["narrow"])
    table.row("distill: of another dimension", 4, "have D = 16, the student .* has hidden_size", "distill", "--kb", other["narrow"],
              "--query-head", "none")
    table.row("no index was built", 4, "was built with the exact index, not with hnsw; .*--index exact", "eval", "--kb", other["narrow"],
              "--model", other["student"], "--index", "hnsw")
    table.row("k larger than the knowledge base", 0, "--k 5000: .* has [0-9]+ rows, so all of them answer", "eval",
              "--k", "5000", "--beta", "0.5", "--tau-retrieval", "0.1", "--explain", "0", "--index", "exact")


def output_rows(table):
    whole = table.chain.whole
    build = "build-kb"
    letters = table.work / "letters"
    letters.mkdir()
    (letters / "letter").write_text("dear")
    (letters / "metrics.json").write_text("{}")
    for flags in ([], ["--resume"], ["--overwrite"]):
        table.row(f"--output: somebody's files {flags}", 2, "not empty|holds other files", build, *flags,
                  output=table.copy(letters))
    somebodys = table.work / "somebodys"
    somebodys.mkdir()
    (somebodys / "run.json").write_text('{"command": "npm start", "format": 1}')
    table.row("--output: somebody's run.json", 2, "not known to be a run of reaugkd", build, "--overwrite", output=somebodys)
    notes = table.copy(whole[build], written("notes.txt", "dear"))
    table.row("--output: a run and notes", 2, r"holds what no run writes \(notes.txt\): move it", build, "--overwrite", output=notes)
    table.row("--output: another stage's run", 2, "holds a run of project, not of build-kb", build, "--overwrite",
              output=table.copy(whole["project"]))
    read = table.copy(whole[build])
    table.row("--output: what is read", 2, "which this run reads: name another", build, "drop:--teacher", "drop:--data",
              "--extend", read, "--remove", (read / "examples.tsv").read_text().splitlines()[1].split("\t")[0], "--overwrite", output=read)
    left = table.copy(whole[build])
    beside = pathlib.Path(str(left) + ".tmp-overwrite")
    beside.mkdir()
    (beside / "thesis.txt").write_text("dear")
    table.row("--output: somebody's files beside it", 2, "tmp-overwrite holds what no run writes", build, "--overwrite", output=left)
    table.row("--output: a file", 2, "is a file, expected a directory", build, output=letters / "letter")
    table.row("--output: finished", 2, "not empty; .*--resume, or replace it with --overwrite", build,
              output=table.copy(whole[build]))
    table.row("--output: finished, other options", 2, "holds a finished run with other options .*M was 16, is 8", build,
              "-M", "8", "--resume", output=table.copy(whole[build]))
    table.row("--output: of another stage", 2, "command was", build, "--resume", output=table.copy(whole["project"]))
    table.row("--output: run.json damaged", 4, "run.json: is not valid JSON", build, "--resume",
              output=table.copy(whole[build], truncated("run.json", 10)))
    locked = table.copy(whole[build])
    (locked / ".lock").write_text("process 123 on elsewhere")
    table.lock = open(locked / ".lock", "r+")
    fcntl.flock(table.lock, fcntl.LOCK_EX)
    table.row("--output: two runs", 2, "is being written by process 123 on elsewhere: wait", build, "--overwrite", output=locked)


def numeric_rows(table):
    """A training that diverges says when and where, and keeps what was good before."""
    finite = r"step [0-9]+, learning rate .*loss (nan|inf|-nan|[0-9.e+]+), .*gradient norm .*lower --learning-rate"
    teach = "teacher-finetune"

    def kept(directory):
        wrong = [] if (directory / "checkpoint.safetensors").exists() else ["no checkpoint was kept"]
        return wrong + unfinished(directory)
    for stage in (teach, "distill"):
        table.row(f"{stage}: diverges", 6, finite, stage, "--learning-rate", "1e30", "--save-steps", "1",
                  "--warmup-ratio", "0.5", after=kept)
    table.row("project: diverges", 6, "not finite", "project", "--learning-rate", "1e38")
    huge = table.copy(table.chain.whole[teach], foreign, tensors_changed("model.safetensors", every_value(1e25)))
    table.row("a checkpoint that overflows", 6, "step 0, .*check the data and the checkpoint", teach, "--init", "pretrained",
              "--model", huge)


def checkpoint_rows(table):
    """An unfinished training whose checkpoint is wrong."""
    chain, stage = table.chain, "distill"
    directory = table.work / "stopped"
    same = ["--learning-rate", "1e30", "--save-steps", "1", "--warmup-ratio", "0.5", "--resume"]
    done = chain.run([chain.binary, *merged(chain.options(stage), same), "--output", str(directory)])
    if done.returncode != 6:
        raise SystemExit(f"{stage} did not diverge: {done.stderr}")
    for name, edit, code, message in (
            ("truncated", truncated("checkpoint.safetensors", 9), 4, "checkpoint.safetensors: .*truncated"),
            ("foreign", written("checkpoint.safetensors", struct.pack("<Q", 2) + b"{}"), 4, "is not a checkpoint"),
            ("its log is shorter", truncated("train_log.jsonl", 5), 4, "train_log.jsonl: has .* --overwrite"),
            ("no log", removed("train_log.jsonl"), 4, "train_log.jsonl: has 0 bytes")):
        table.row("checkpoint: " + name, code, message, stage, *same, output=table.copy(directory, edit), after=unfinished)
    table.row("checkpoint: other options", 2, "unfinished run with other options .*alpha was", stage, *same, "--alpha", "3",
              output=table.copy(directory))
    table.row("checkpoint: another knowledge base", 2, "other options .*kb was", stage, *same, "--kb",
              table.copy(chain.whole["build-kb"]), output=table.copy(directory))


def other_directories(chain, work):
    """Finished directories that do not belong to the chain."""
    whole, other = chain.whole, work / "other"
    runs = {
        "projected": merged(chain.options("project"), ["--seed", "9"]),
        "kb": merged(chain.options("build-kb"), ["--teacher", other / "projected"]),
        "flat": merged(chain.options("project"), ["drop:--student", "--dim", "16", "--epochs", "1"]),
        "narrow": merged(chain.options("build-kb"), ["--teacher", other / "flat", "--index", "exact"]),
    }
    for name, arguments in runs.items():
        done = chain.run([chain.binary, *arguments, "--output", str(other / name)])
        if done.returncode != 0:
            raise SystemExit(f"{name}: {done.stderr}")
    return {**{name: other / name for name in runs}, "student": whole["distill"]}


def main():
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        chain = Chain(sys.argv[1], sys.argv[2], work)
        chain.make_whole()
        table = Table(chain, work, sys.argv[3] if len(sys.argv) > 3 else "")
        for rows in (option_rows, task_rows, column_rows, data_rows, contradiction_rows, config_rows, weight_rows, stage_rows,
                     output_rows, numeric_rows, checkpoint_rows):
            rows(table)
        kb_rows(table, other_directories(chain, work))
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            failures = [message for messages in pool.map(table.check, table.rows) for message in messages]
    for message in failures:
        print("FAILED: " + message, file=sys.stderr)
    print(f"{len(table.rows)} rows, {len(failures)} failures")
    return 1 if failures or not table.rows else 0


if __name__ == "__main__":
    sys.exit(main())
