#!/usr/bin/env bash
# New knowledge without training: a class gets its rows after the student is finished.
#
#   examples/add-knowledge.sh
#
#   OUTPUT    where to write: runs/add-knowledge
#   REAUGKD   the binary: build/release/bin/reaugkd
#
# The task is to say what a demo sentence is about: a restaurant, a hotel, a theatre or a gadget. Teacher and student
# never see a row about gadgets. Then 1,000 labelled rows about gadgets arrive. They go into the knowledge base.
# k, beta and tau' are given, not selected: the rows that eval would select them on know no gadgets either.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
output=${OUTPUT:-$root/runs/add-knowledge}
reaugkd=${REAUGKD:-$root/build/release/bin/reaugkd}
data=$output/data
mkdir -p "$data"

# train.csv without gadgets, dev.csv with all four topics, later.csv with gadgets and a column p_<label> for each class.
python3 - "$root/data/demo" "$data" <<'END'
import csv, json, pathlib, re, sys
demo, data = map(pathlib.Path, sys.argv[1:])
sys.path.insert(0, str(demo))
from generate import ASPECTS, TRADES

NOUNS = {trade: re.compile("|".join(rf"\b{noun[0].removeprefix('the ')}\b" for aspect in about["aspects"]
                                    for noun in ASPECTS[aspect]["nouns"]), re.IGNORECASE) for trade, about in TRADES.items()}
LABELS = sorted(TRADES)

def rows(part):  # (sentence, topic) where the nouns of one topic occur
    for line in (demo / part).read_text(encoding="utf-8").splitlines()[1:]:
        sentence = line.split("\t")[0]
        topics = [trade for trade in LABELS if NOUNS[trade].search(sentence)]
        if len(topics) == 1:
            yield sentence, topics[0]

def write(name, header, lines):
    with open(data / name, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *lines])

train = list(rows("train.tsv"))[:4000]
write("train.csv", ["text", "topic"], [row for row in train if row[1] != "gadget"])
write("dev.csv", ["text", "topic"], rows("dev.tsv"))
write("later.csv", ["text", "topic", *("p_" + label for label in LABELS)],
      [[text, topic, *(int(topic == label) for label in LABELS)] for text, topic in train if topic == "gadget"])
(data / "task.json").write_text(json.dumps({"name": "topics", "format": "csv", "text_a": "text", "label": "topic",
                                            "labels": LABELS}))
END

# Teacher, knowledge base and student, as always.
stage() { "$reaugkd" "$@" --resume --quiet >>"$output/stages.txt"; }
demo=$root/data/demo
stage teacher-finetune --model "$demo/teacher" --init random --task "$data/task.json" --data "$data" --max-seq-length 48 \
  --epochs 3 --batch-size 16 --learning-rate 1e-3 --output "$output/teacher"
stage project --teacher "$output/teacher" --student "$demo/student" --data "$data" --epochs 1 --output "$output/projected"
stage build-kb --teacher "$output/projected" --data "$data" --index exact --output "$output/kb"
stage distill --kb "$output/kb" --student "$demo/student" --init random --data "$data" \
  --epochs 3 --batch-size 16 --learning-rate 1e-3 --output "$output/student"

# The rows arrive. The teacher embeds them; their soft labels are the given ones.
stage build-kb --extend "$output/kb" --teacher "$output/projected" --extend-files "$data/later.csv" --extend-labels given \
  --output "$output/kb-more"
# The same rows, found by the student's own embeddings.
stage build-kb --extend "$output/kb-more" --keys "$output/student" --output "$output/kb-own"

for kb in kb kb-more kb-own; do
  stage eval --model "$output/student" --kb "$output/$kb" --data "$data" --k 16 --beta 0.3 --tau-retrieval 0.05 \
    --output "$output/eval-$kb"
done

python3 - "$output" <<'END'
import csv, pathlib, sys
output = pathlib.Path(sys.argv[1])

def accuracy(rows, column):
    labels = [name.removeprefix(column) for name in rows[0] if name.startswith(column)]
    right = [max(labels, key=lambda label: float(row[column + label])) == row["label"] for row in rows]
    return f"{100 * sum(right) / len(right):14.1f}"

print(f"{'accuracy on dev':44}{'all topics':>14}{'gadgets':>14}")
for kb, column, name in (("kb", "student_p_", "student alone"), ("kb", "p_", "with the first knowledge base"),
                         ("kb-more", "p_", "with gadgets, the teacher's keys"),
                         ("kb-own", "p_", "with gadgets, the student's own keys")):
    rows = list(csv.DictReader(open(output / f"eval-{kb}" / "predictions.tsv", encoding="utf-8"), delimiter="\t"))
    print(f"{name:44}{accuracy(rows, column)}{accuracy([row for row in rows if row['label'] == 'gadget'], column)}")
END
