"""The examples of explain.txt, as `eval --explain` writes them; earlier versions wrote no ids."""
import dataclasses
import re

HEAD = re.compile(r"row (?P<row>\d+), label (?P<label>.*?)(?:, id (?P<id>[0-9a-f]{16}:\d+))?"
                  r"(?P<unchanged> \(prediction unchanged\))?$")
NEIGHBOR = re.compile(r" +(?P<similarity>-?[\d.]+)  weight (?P<weight>[\d.]+)  answer (?P<answer>.*?) {2,}"
                      r"label (?P<label>.*?) {2,}(?:(?P<id>[0-9a-f]{16}:\d+)  )?(?P<text>.*)$")


@dataclasses.dataclass
class Example:
    row: str
    label: str
    unchanged: bool
    text: str
    student: str = ""
    retrieval: str = ""
    combined: str = ""
    beta: str = ""
    neighbors: list = dataclasses.field(default_factory=list)  # dicts: similarity, weight, answer, label, id, text


def examples(directory):
    """None without the file; a list that may be empty with it."""
    path = directory / "explain.txt"
    if not path.exists():
        return None
    found = []
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        lines = block.splitlines()
        head = HEAD.match(lines[0]) if lines else None
        if head and len(lines) > 1:
            found.append(example(head, lines[1:]))
    return found


def example(head, lines):
    shown = Example(head["row"], head["label"], bool(head["unchanged"]), lines[0].strip())
    for line in lines[1:]:
        what, _, answer = line.strip().partition(" ")
        if neighbor := NEIGHBOR.match(line):
            shown.neighbors.append(neighbor.groupdict())
        elif what == "student":
            shown.student = answer.strip()
        elif what == "retrieval":
            shown.retrieval = answer.partition(", from similarity")[0].strip()
        elif what == "combined":
            shown.combined, _, shown.beta = answer.strip().rpartition(", beta ")
    return shown
