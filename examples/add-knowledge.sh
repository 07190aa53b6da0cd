#!/usr/bin/env bash
# New knowledge without training: a class gets its rows after the student is finished.
#
#   examples/add-knowledge.sh
#
#   OUTPUT    where to write: runs/add-knowledge
#   REAUGKD   the binary: build/release/bin/reaugkd
#
# The task is to say what a demo sentence is about: a restaurant, a hotel or a theatre. Teacher, student and task know
# nothing else. Then labelled rows about gadgets arrive, a topic that nobody has heard of. One command puts them into the
# knowledge base. A third of them turn out to have a wrong label: another command corrects these. At last the topic is
# taken back. Nothing is trained, and no setting is given by hand.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
output=${OUTPUT:-$root/runs/add-knowledge}
reaugkd=${REAUGKD:-$root/build/release/bin/reaugkd}
data=$output/data
mkdir -p "$data"

# train.csv and dev-old.csv without gadgets, dev.csv with all four topics; later.csv with gadgets alone, of which
# corrected.csv corrects a third.
python3 - "$root/data/demo" "$data" <<'END'
import csv, hashlib, json, pathlib, re, sys
demo, data = map(pathlib.Path, sys.argv[1:])
sys.path.insert(0, str(demo))
from generate import ASPECTS, TRADES

NOUNS = {trade: re.compile("|".join(rf"\b{noun[0].removeprefix('the ')}\b" for aspect in about["aspects"]
                                    for noun in ASPECTS[aspect]["nouns"]), re.IGNORECASE) for trade, about in TRADES.items()}

def rows(part):  # (sentence, topic) where the nouns of one topic occur
    for line in (demo / part).read_text(encoding="utf-8").splitlines()[1:]:
        sentence = line.split("\t")[0]
        topics = [trade for trade in sorted(TRADES) if NOUNS[trade].search(sentence)]
        if len(topics) == 1:
            yield sentence, topics[0]

def write(name, lines):
    with open(data / name, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["text", "topic"], *lines])

train, dev = list(rows("train.tsv"))[:4000], list(rows("dev.tsv"))
write("train.csv", [row for row in train if row[1] != "gadget"])
write("dev-old.csv", [row for row in dev if row[1] != "gadget"])
write("dev.csv", dev)
later = [(text, "theatre" if number % 3 == 0 else topic)
         for number, (text, topic) in enumerate(row for row in train if row[1] == "gadget")]
write("later.csv", later)
digest = hashlib.sha256((data / "later.csv").read_bytes()).hexdigest()[:16]  # an id is this and the row
with open(data / "corrected.csv", "w", encoding="utf-8") as file:
    file.write("id,label\n" + "".join(f"{digest}:{number},gadget\n" for number, row in enumerate(later) if row[1] != "gadget"))
(data / "task.json").write_text(json.dumps({"name": "topics", "format": "csv", "text_a": "text", "label": "topic",
                                            "labels": ["hotel", "restaurant", "theatre"]}))
END

# Teacher, knowledge base and student, as always.
stage() { "$reaugkd" "$@" --resume --quiet >>"$output/stages.txt"; }
demo=$root/data/demo
stage teacher-finetune --model "$demo/teacher" --init random --task "$data/task.json" --data "$data" --max-seq-length 48 \
  --epochs 3 --batch-size 16 --learning-rate 1e-3 --output "$output/teacher"
stage project --teacher "$output/teacher" --student "$demo/student" --data "$data" --epochs 1 --output "$output/projected"
stage build-kb --teacher "$output/projected" --data "$data" --output "$output/kb"
stage distill --kb "$output/kb" --student "$demo/student" --init random --data "$data" \
  --epochs 3 --batch-size 16 --learning-rate 1e-3 --output "$output/student"
stage eval --model "$output/student" --kb "$output/kb" --data "$data" --dev-file dev-old.csv --output "$output/before"

# The rows arrive. This is all that learning them takes.
stage build-kb --extend "$output/kb" --extend-files "$data/later.csv" --keys "$output/student" --output "$output/kb-more"
stage eval --model "$output/student" --kb "$output/kb-more" --data "$data" --output "$output/after"

# Wrong labels are corrected.
stage build-kb --extend "$output/kb-more" --relabel "$data/corrected.csv" --output "$output/kb-right"
stage eval --model "$output/student" --kb "$output/kb-right" --data "$data" --output "$output/corrected"

# The topic is no longer wanted. (With --in-place instead of --output, the old knowledge base is replaced.)
stage build-kb --extend "$output/kb-right" --remove-where label=gadget --output "$output/kb-less"
stage eval --model "$output/student" --kb "$output/kb-less" --data "$data" --dev-file dev-old.csv --output "$output/without"

python3 - "$output" <<'END'
import json, pathlib, sys
output = pathlib.Path(sys.argv[1])
read = lambda run: json.loads((output / run / "metrics.json").read_text())
seconds = lambda run: f"{read(run)['timing']['total_seconds']:.1f} s"

def line(name, metrics, who):
    parts = [metrics.get(part, {}).get("metrics") for part in ("old_classes", "new_classes")]
    shown = [f"{100 * scores[who]['accuracy']:10.1f}" if scores else f"{'':10}" for scores in [metrics["metrics"], *parts]]
    print(f"{name:52}{''.join(shown)}")

print(f"{'accuracy on dev':52}{'all':>10}{'old':>10}{'gadgets':>10}")
line("before, three topics", read("before"), "combined")
line("after, four topics: student alone", read("after"), "student")
line(f"after, four topics: with the new rows ({seconds('kb-more')})", read("after"), "combined")
line(f"wrong labels corrected ({seconds('kb-right')})", read("corrected"), "combined")
line(f"gadgets taken back ({seconds('kb-less')}), three topics", read("without"), "combined")
END
