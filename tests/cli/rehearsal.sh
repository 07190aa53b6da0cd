#!/usr/bin/env bash
# A rehearsal of the paper's plan with a tiny model of twelve layers and made-up rows in the files of its six tasks: every stage, method
# and configuration runs, and the report has them. Minutes; .ci/nightly runs it. Usage: rehearsal.sh BINARY SOURCE_DIRECTORY
source "$(dirname "$0")/expect.sh" "$@"
experiments=$2/.venv/bin/reaugkd-experiments
[ -x "$experiments" ] || {
  echo "SKIP: there is no $experiments; make experiments makes it"
  exit 77
}
cp -r "$demo/teacher" "$work/model"
python3 - "$work" "$demo/train.tsv" <<'P'
import json, pathlib, sys
work, rows = pathlib.Path(sys.argv[1]), [line.split("\t") for line in open(sys.argv[2], encoding="utf-8").read().splitlines()[1:241]]
config = json.loads((work / "model/config.json").read_text())
config |= {"num_hidden_layers": 12, "hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2, "max_position_embeddings": 128}
(work / "model/config.json").write_text(json.dumps(config))
entails = {"0": "not_entailment", "1": "entailment"}
FILES = {"CoLA": (None, lambda i, text, label: ["made", label, "", text]),
         "MRPC": ("Quality\t#1 ID\t#2 ID\t#1 String\t#2 String", lambda i, text, label: [label, str(i), str(i), text, text[::-1]]),
         "QNLI": ("index\tquestion\tsentence\tlabel", lambda i, text, label: [str(i), text, text[::-1], entails[label]]),
         "QQP": ("id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate", lambda i, text, label: [str(i), "1", "2", text, text[::-1], label]),
         "RTE": ("index\tsentence1\tsentence2\tlabel", lambda i, text, label: [str(i), text, text[::-1], entails[label]]),
         "SST-2": ("sentence\tlabel", lambda i, text, label: [text, label])}
for folder, (header, row) in FILES.items():
    (work / "glue" / folder).mkdir(parents=True)
    for name, part in (("train", rows[:200]), ("dev", rows[200:])):
        lines = ["\t".join(row(i, text, label)) for i, (text, label) in enumerate(part)]
        (work / "glue" / folder / f"{name}.tsv").write_text("\n".join(([header] if header else []) + lines) + "\n", encoding="utf-8")
P
"$experiments" run "$2/experiments/plans/paper.json" --rehearse 60 --binary "$reaugkd" --glue "$work/glue" --model "$work/model" \
  --output "$work/runs" >"$work/out" 2>&1 || fail "the rehearsal: $(grep -m 3 -A 4 "^FAILED" "$work/out")"
evaluations=$(find "$work/runs" -path "*eval-*/metrics.json" | wc -l)
[ "$evaluations" = 78 ] || fail "$evaluations evaluations, expected 13 methods of 6 tasks"
students=$(find "$work/runs" -path "*student-*@*/metrics.json" | wc -l)
[ "$students" = 52 ] || fail "$students students of the first task, expected 4 configurations of 13 methods"
[ "$(wc -l <"$work/runs/rehearsal-data/RTE/train.tsv")" = 61 ] || fail "more than 60 rows"
"$experiments" report "$work/runs" >"$work/report" 2>"$work/out" || fail "the report: $(cat "$work/out")"
passed "rehearsal"
