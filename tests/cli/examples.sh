#!/usr/bin/env bash
# The scripts of examples/ run as they stand and print what their readers are promised.
# Usage: examples.sh BINARY SOURCE_DIRECTORY shell|python
# "python" exits with 77 (skipped) where Python has no transformers, torch, hnswlib or safetensors.
source "$(dirname "$0")/expect.sh"
examples=$2/examples
export REAUGKD=$reaugkd
unset GLUE_DIR MODEL_DIR STUDENT_LAYERS

if [ "${3:-shell}" = python ]; then
  # Without arguments the script fails on its imports (77) or asks for its arguments (1).
  python=${PYTHON:-python3}
  "$python" "$examples/read_knowledge_base.py" 2>"$work/stderr"
  [ $? != 77 ] || { cat "$work/stderr"; exit 77; }
  stage() { "$reaugkd" "$@" --data "$demo" --quiet >/dev/null || fail "$*"; }
  stage teacher-finetune --model "$demo/teacher" --init random --task sst2 --max-seq-length 48 --epochs 3 --batch-size 16 \
    --learning-rate 1e-3 --output "$work/teacher"
  stage project --teacher "$work/teacher" --student "$demo/student" --epochs 1 --output "$work/projected"
  stage build-kb --teacher "$work/projected" --output "$work/kb"
  stage distill --kb "$work/kb" --student "$demo/student" --init random --epochs 2 --batch-size 16 \
    --learning-rate 1e-3 --output "$work/student"
  stage eval --model "$work/student" --kb "$work/kb" --k 8 --beta 0.5 --tau-retrieval 0.1 --output "$work/eval"
  for row in 0 7 999; do
    ok "^difference +[0-9.]+e-(0[5-9]|1)" "$python" "$examples/read_knowledge_base.py" "$work/student" "$work/kb" "$work/eval" \
      "$demo/dev.tsv" $row
  done
  stage distill --kb "$work/kb" --student "$demo/student" --init random --epochs 1 --batch-size 16 --learning-rate 1e-3 \
    --query-head linear --output "$work/student-head"
  stage eval --model "$work/student-head" --kb "$work/kb" --k 8 --beta 0.5 --tau-retrieval 0.1 --output "$work/eval-head"
  ok "^difference +[0-9.]+e-(0[5-9]|1)" "$python" "$examples/read_knowledge_base.py" "$work/student-head" "$work/kb" "$work/eval-head" \
    "$demo/dev.tsv" 7
  # A folder of export, answered without reaugkd: with a class that the student cannot name, and a gate.
  { printf 'sentence\tlabel\n'; for i in $(seq 30); do printf 'the train left platform %s late\trail\n' "$i"; done; } >"$work/later.tsv"
  "$reaugkd" build-kb --extend "$work/kb" --extend-files "$work/later.tsv" --keys "$work/student" --output "$work/kb-more" --quiet >/dev/null ||
    fail "build-kb --extend"
  cut -f1 "$demo/dev.tsv" | sed -n 2,201p >"$work/texts"
  echo "the train left platform 77 early" >>"$work/texts"
  for setting in "kb-more" "kb-more --soft-labels mix --label-weight 0.25 --beta-mode gate" \
      "kb-more --k 4 --beta 0.4 --tau-retrieval 0.05 --soft-labels labels" "kb --kb-temperature 2 --k 8 --beta 0.5 --tau-retrieval 0.1"; do
    set -- $setting
    rm -rf "$work/eval-folder" "$work/folder"
    stage eval --model "$work/student" --kb "$work/$1" "${@:2}" --latency-examples 0 --output "$work/eval-folder"
    "$reaugkd" export --model "$work/student" --kb "$work/$1" --eval "$work/eval-folder" --output "$work/folder" --quiet >/dev/null || fail export
    "$reaugkd" predict --model "$work/folder" --probabilities --quiet <"$work/texts" >"$work/ours.jsonl" || fail predict
    "$reaugkd" predict --model "$work/folder" --k 65 --neighbors 65 --quiet <"$work/texts" >"$work/near.jsonl" || fail predict
    "$python" "$examples/answer_folder.py" "$work/folder" "$work/texts" >"$work/theirs.jsonl" 2>"$work/stderr" || { fail answer_folder.py; cat "$work/stderr"; }
    "$python" - "$work/ours.jsonl" "$work/theirs.jsonl" "$work/near.jsonl" "$work/folder/setting.json" <<'P' || fail "answer_folder.py answers otherwise: $setting"
import json, sys
ours, theirs, near = ([json.loads(line) for line in open(name)] for name in sys.argv[1:4])
k = json.load(open(sys.argv[4]))["retrieval"]["k"]
names = [name for name in theirs[0] if name.startswith("p_")]
# Where the k-th neighbor and the next are as near, to fp32's rounding, either may be taken.
gap = lambda row: row["neighbors"][k - 1]["similarity"] - row["neighbors"][k]["similarity"]
clear = [(a, b) for a, b, row in zip(ours, theirs, near) if gap(row) > 1e-6]
worst = max(abs(a[name] - b[name]) for a, b in clear for name in names)
assert len(ours) == len(theirs) == 201 and len(clear) > 50 and len(names) >= 2 and worst < 1e-5, (len(clear), k, names, worst)
P
  done
  passed "a prediction worked out in Python"
  exit
fi

export OUTPUT
OUTPUT=$work/glue ok "^  combined  " "$examples/glue-task.sh"
OUTPUT=$work/glue expect 2 "set both GLUE_DIR and MODEL_DIR" env GLUE_DIR=/nowhere "$examples/glue-task.sh"
OUTPUT=$work/glue expect 2 "set both GLUE_DIR and MODEL_DIR" "$examples/glue-task.sh" rte

# GLUE's layout elsewhere, and a checkpoint with weights and 128 positions, one layer of it as the student.
mkdir -p "$work/glue-data/SST-2" "$work/shape"
cp "$demo/teacher/vocab.txt" "$work/shape"
sed 's/"max_position_embeddings": 64/"max_position_embeddings": 128/' "$demo/teacher/config.json" >"$work/shape/config.json"
ok "written to" "$reaugkd" teacher-finetune --model "$work/shape" --init random --task sst2 --data "$demo" --max-train-examples 100 \
  --epochs 1 --output "$work/checkpoint"
for part in train dev; do head -401 "$demo/$part.tsv" >"$work/glue-data/SST-2/$part.tsv"; done
OUTPUT=$work/glue-own ok "^  combined  " env GLUE_DIR="$work/glue-data" MODEL_DIR="$work/checkpoint" STUDENT_LAYERS=0 \
  "$examples/glue-task.sh"

# A reader's own files: other columns, a label with a comma, a quoted text; a column that is not there is named.
printf 'verdict,remark\n"good, mostly","The ""tea"" was hot."\nbad,The cake was stale.\n' >"$work/head.csv"
{ cat "$work/head.csv"; awk -F'\t' 'NR > 1 && NR < 300 {print ($2 ? "\"good, mostly\"" : "bad") ",\"" $1 "\""}' "$demo/train.tsv"; } >"$work/a.csv"
{ cat "$work/head.csv"; awk -F'\t' 'NR > 1 && NR < 60 {print ($2 ? "\"good, mostly\"" : "bad") ",\"" $1 "\""}' "$demo/dev.tsv"; } >"$work/b.csv"
OUTPUT=$work/csv ok "^mine dev, 60 examples" "$examples/your-csv.sh" "$work/a.csv" "$work/b.csv" remark verdict
grep -q '"bad", *$' "$work/csv/teacher/config.json" && grep -q '"good, mostly"' "$work/csv/teacher/config.json" || fail "the labels of the task"
OUTPUT=$work/csv-own ok "^mine dev, 60 examples" env MODEL_DIR="$work/checkpoint" STUDENT_LAYERS=1 \
  "$examples/your-csv.sh" "$work/a.csv" "$work/b.csv" remark verdict
OUTPUT=$work/csv2 expect 3 'no column "text" .text_a., found verdict, remark' "$examples/your-csv.sh" "$work/a.csv" "$work/b.csv"
OUTPUT=$work/csv3 expect 2 "your-csv.sh TRAIN.csv DEV.csv" "$examples/your-csv.sh" "$work/a.csv"

# New knowledge: the class that nobody was trained on is never answered before, and mostly after.
OUTPUT=$work/more ok "student alone +[0-9.]+ +[0-9.]+ +0\.0$" "$examples/add-knowledge.sh"
awk '/with the new rows/ {before = $NF} /corrected/ {after = $NF} END {exit !(before > 70 && after > before)}' "$work/stdout" || {
  fail "gadgets are not found, or correcting their labels does not help"; cat "$work/stdout"; }

passed "examples"
