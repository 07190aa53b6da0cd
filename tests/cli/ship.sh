#!/usr/bin/env bash
# From a trained student to a folder that answers: predict in every format, streamed, stopped and gone on with; export.
# Usage: ship.sh BINARY SOURCE_DIRECTORY
source "$(dirname "$0")/expect.sh" "$@"

chain="--task sst2 --data $demo --max-seq-length 48 --quiet --max-train-examples 300"
ok "best at epoch" "$reaugkd" teacher-finetune --model "$demo/student" --init random $chain --epochs 3 --learning-rate 2e-3 \
  --output "$work/teacher"
ok "k-NN" "$reaugkd" project --teacher "$work/teacher" --data "$demo" --epochs 1 --output "$work/projected" --quiet
ok "teacher_on_kb" "$reaugkd" build-kb --teacher "$work/projected" --data "$demo" --index hnsw --output "$work/kb" --quiet
ok "best at epoch" "$reaugkd" distill --kb "$work/kb" --student "$demo/student" --init random --data "$demo" --epochs 1 \
  --learning-rate 2e-3 --output "$work/student" --quiet
score="$reaugkd eval --model $work/student --data $demo --latency-examples 0 --quiet"
ok "for 60 % right: answer from p" $score --kb "$work/kb" --k 8 --beta 0.3 --tau-retrieval 0.1 --target-precision 0.6 --output "$work/eval"
ok "student" $score --output "$work/eval-alone"
expect 2 "out of range" $score --target-precision 2 --output "$work/x"
grep -q '"threshold"' "$work/eval/setting.json" || fail "setting.json has no threshold"
predict="$reaugkd predict --model $work/student"
with="$predict --kb $work/kb --eval $work/eval --min-probability 0 --quiet"

# The probabilities of eval, with and without a knowledge base, to 1e-6.
same() { # EVAL_DIRECTORY ANSWERS
  python3 - "$@" <<'P' || fail "predict and eval differ: $2"
import csv, json, sys
rows = list(csv.DictReader(open(sys.argv[1] + "/predictions.tsv"), delimiter="\t", quoting=csv.QUOTE_NONE))
answers = [json.loads(line) for line in open(sys.argv[2])]
assert len(rows) == len(answers) > 500, (len(rows), len(answers))
for row, answer in zip(rows, answers):
    assert row["prediction"] == answer["prediction"], (row, answer)
    for name in ("p_0", "p_1"):
        assert abs(float(row[name]) - answer[name]) <= 1e-6, (row, answer)
P
}
$with --probabilities "$demo/dev.tsv" --output "$work/answers.jsonl" || fail "predict"
same "$work/eval" "$work/answers.jsonl"
$predict --quiet --probabilities "$demo/dev.tsv" --output "$work/alone.jsonl" || fail "predict alone"
same "$work/eval-alone" "$work/alone.jsonl"

# Products of 8 bits: nearly the same answers, and the same ones from eval.
if grep -qw avx512_vnni /proc/cpuinfo && ! grep -qw amx_int8 /proc/cpuinfo && ldd "$(dirname "$reaugkd")/../lib/reaugkd/reaugkd" | grep -q libdnnl; then
  $predict --quiet --probabilities --precision int8 "$demo/dev.tsv" --output "$work/int8.jsonl" || fail "predict in int8"
  python3 - "$work/alone.jsonl" "$work/int8.jsonl" <<'P' || fail "int8 is not near fp32"
import json, sys
a, b = [[json.loads(line) for line in open(path)] for path in sys.argv[1:]]
assert sum(x["prediction"] == y["prediction"] for x, y in zip(a, b)) >= 0.97 * len(a) == 0.97 * len(b)
assert 0 < max(abs(x["p_1"] - y["p_1"]) for x, y in zip(a, b)) < 0.2
P
  $predict --kb "$work/kb" --eval "$work/eval" --precision int8 "$demo/dev.tsv" --output "$work/warned.jsonl" --quiet 2>"$work/err"
  grep -q "computed in fp32, these are computed in int8" "$work/err" || fail "no warning of another precision: $(cat "$work/err")"
  ok "student" $score --precision int8 --output "$work/eval-int8"
  same "$work/eval-int8" "$work/int8.jsonl"
else
  expect 2 "AVX512-VNNI" $predict --precision int8 "$demo/dev.tsv"
fi

# Formats and pipes: the same answers, in order.
cut -f1 "$demo/dev.tsv" | tail -n +2 | head -300 >"$work/texts"
$with <"$work/texts" >"$work/piped.jsonl"
cat "$work/texts" | $with --format csv --top-k 2 --details --neighbors 2 >"$work/piped.csv"
$with --format tsv "$work/texts" >"$work/piped.tsv"
python3 - "$work" <<'P' || fail "the formats differ"
import csv, json, sys
work = sys.argv[1]
json_rows = [json.loads(line) for line in open(work + "/piped.jsonl")]
whole = [json.loads(line) for line in open(work + "/answers.jsonl")]
csv_rows = list(csv.DictReader(open(work + "/piped.csv", newline="")))
tsv_rows = list(csv.DictReader(open(work + "/piped.tsv"), delimiter="\t", quoting=csv.QUOTE_NONE))
assert len(json_rows) == len(csv_rows) == len(tsv_rows) == 300
for a, b, c, d in zip(json_rows, csv_rows, tsv_rows, whole):
    assert a["text"] == b["text"] == c["text"] == d["sentence"]
    assert a["prediction"] == b["prediction"] == c["prediction"] == d["prediction"]
    assert abs(a["probability"] - float(b["probability"])) < 1e-6
    top, neighbors = json.loads(b["top"]), json.loads(b["neighbors"])
    assert top[0]["label"] == a["prediction"] and len(top) == 2 and len(neighbors) == 2
    assert 0 < neighbors[1]["weight"] <= neighbors[0]["weight"] <= 1 and neighbors[0]["text"]
    beta, student, kb = float(b["beta"]), float(b["student_probability"]), float(b["kb_probability"])
    if b["student_prediction"] == b["kb_prediction"]:
        assert abs(beta * student + (1 - beta) * kb - float(b["probability"])) < 1e-5
P

# A program writes a line and reads its answer, while the pipe stays open.
coproc { $with; }
for text in "a fine film" "a dull film"; do
  echo "$text" >&"${COPROC[1]}"
  read -t 20 -r line <&"${COPROC[0]}" || fail "no answer while the pipe is open"
  case $line in *"$text"*prediction*) ;; *) fail "answered with $line" ;; esac
done
exec {COPROC[1]}>&-
wait "$COPROC_PID" || fail "predict failed at the end of the pipe"
for _ in $(seq 200); do cat "$work/texts"; done | $with 2>"$work/stderr" | head -1 >/dev/null
[ "${PIPESTATUS[1]}" = 0 ] || fail "a closed pipe is an error"
[ -s "$work/stderr" ] && fail "a closed pipe is reported"

# Stopped and gone on with: every row once. The numbers say which.
{ echo "n,text"; for _ in $(seq 300); do cat "$work/texts"; done | awk '{gsub(/"/, ""); printf "%d,\"%s\"\n", NR, $0}'; } >"$work/many.csv"
$with --text-column text "$work/many.csv" --output "$work/whole.csv" || fail "predict to a file"
$with --text-column text "$work/many.csv" --output "$work/stopped.csv" &
pid=$!
until [ -s "$work/stopped.csv.partial" ] || ! kill -0 $pid 2>/dev/null; do sleep 0.02; done
kill -KILL $pid; wait $pid 2>/dev/null
[ -e "$work/stopped.csv" ] && fail "finished before it was killed"
expect 2 "of another job" $with --text-column text --top-k 1 "$work/many.csv" --output "$work/stopped.csv" --resume
$with --text-column text "$work/many.csv" --output "$work/stopped.csv" --resume || fail "--resume"
python3 - "$work" <<'P' || fail "resumed, rows are lost, repeated or other ones"
import csv, sys
a, b = (list(csv.DictReader(open(f"{sys.argv[1]}/{name}.csv", newline=""))) for name in ("whole", "stopped"))
assert len(a) == len(b) == 90000 and all(x["n"] == y["n"] == str(i + 1) for i, (x, y) in enumerate(zip(a, b)))
assert all(x["prediction"] == y["prediction"] and abs(float(x["probability"]) - float(y["probability"])) < 1e-6 for x, y in zip(a, b))
P
ls "$work" | grep -q partial && fail "a finished job left its partial file"
expect 2 "exists: give --overwrite" $with "$work/texts" --output "$work/whole.csv"
ok "is finished: nothing to do" $predict "$work/texts" --output "$work/whole.csv" --resume

# Rows that cannot be read.
printf 'id,text\n1,good\n2,bad,row\n3,"fine, too"\n' >"$work/bad.csv"
expect 3 "bad.csv:3: found 3 fields, expected 2 as in the header" $with --text-column text "$work/bad.csv"
grep -q '^1,good,' "$work/stdout" || fail "the rows before a bad one are not answered"
ok "1 rows could not be answered" $with --text-column text --on-error skip "$work/bad.csv"
python3 - "$work/stdout" <<'P' || fail "an error has no row of its own"
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1], newline="")))
assert len(rows) == 3 and rows[1]["prediction"] == "" and "found 3" in rows[1]["error"] and rows[2]["text"] == "fine, too"
assert rows[0]["error"] == rows[2]["error"] == "" and rows[0]["prediction"]
P
expect 3 'has no column "sentence", found id, text' $with "$work/bad.csv"
expect 2 "called: put something before|--prefix" $with "$work/answers.jsonl" --input-format jsonl
ok "" $with "$work/answers.jsonl" --input-format jsonl --prefix new_
grep -q '"new_prediction"' "$work/stdout" || fail "--prefix is not put before the names"
expect 5 "cannot be opened" $with "$work/nothing.csv"

# Thresholds.
ok "" $predict --kb "$work/kb" --eval "$work/eval" "$work/texts" --format tsv
grep -q "as eval has chosen" "$work/stderr" || fail "predict does not say which threshold holds"
$predict --kb "$work/kb" --eval "$work/eval" --quiet --min-probability 1 --unknown-label "do not know" <"$work/texts" 2>/dev/null | grep -c '"prediction":"do not know"' | grep -qx 300 ||
  fail "an answer was given below the threshold"

# What does not belong together, and options that contradict.
expect 4 "chosen for another model" "$reaugkd" predict --model "$work/teacher" --eval "$work/eval" "$work/texts"
expect 2 "nothing says how the knowledge base answers" $predict --kb "$work/kb" "$work/texts"
expect 4 "setting.json: is missing" $predict --kb "$work/kb" --eval "$work/student" "$work/texts"
expect 2 "needs --output" $predict --resume "$work/texts"
expect 2 "are about retrieval" $predict --k 3 "$work/texts"
expect 2 "leaves retrieval out" $predict --student-only --neighbors 3 "$work/texts"

# Export: the folder answers as its parts do, and is whole.
export="$reaugkd export --model $work/student --eval $work/eval"
ok "next: echo" $export --kb "$work/kb" --output "$work/folder"
(cd "$work/folder" && sha256sum --quiet -c SHA256SUMS) || fail "SHA256SUMS"
for name in modules.json 1_Pooling/config.json sentence_bert_config.json; do
  grep -q " $name\$" "$work/folder/SHA256SUMS" || fail "the folder lacks $name of sentence-transformers"
done
grep -q "95 % interval" "$work/folder/MODEL_CARD.md" || fail "the card has no intervals"
"$reaugkd" predict --model "$work/folder" --min-probability 0 --probabilities "$demo/dev.tsv" --output "$work/folder.jsonl" --quiet
cmp -s "$work/answers.jsonl" "$work/folder.jsonl" || fail "the folder answers otherwise"
"$reaugkd" predict --model "$work/folder" --student-only --min-probability 0 --probabilities "$demo/dev.tsv" --quiet >"$work/folder-alone.jsonl"
[ "$(wc -l <"$work/folder-alone.jsonl")" -gt 500 ] || fail "the folder without its knowledge base"
ok "combined" "$reaugkd" eval --model "$work/folder" --kb "$work/folder" --data "$demo" --k 8 --beta 0.3 --tau-retrieval 0.1 \
  --latency-examples 0 --output "$work/eval-folder" --quiet
cmp -s "$work/eval/predictions.tsv" "$work/eval-folder/predictions.tsv" || fail "eval of the folder differs"
ok "build-kb finished" "$reaugkd" build-kb --extend "$work/folder" --remove-where label=0 --in-place
(cd "$work/folder" && sha256sum --quiet -c SHA256SUMS) || fail "SHA256SUMS after a change in place"
ok "has changed since eval chose" "$reaugkd" predict --model "$work/folder" "$work/texts"
expect 4 "was chosen with another state" $export --kb "$work/folder" --output "$work/x"
expect 2 "chosen with a knowledge base: give --kb" $export --output "$work/x"
expect 2 "are about --kb" "$reaugkd" export --model "$work/student" --eval "$work/eval-alone" --without-texts --output "$work/x"
ok "written to" "$reaugkd" export --model "$work/student" --eval "$work/eval-alone" --output "$work/alone"
ok "" "$reaugkd" predict --model "$work/alone" "$work/texts"
ok "written to" $export --kb "$work/kb" --kb-dtype fp16 --without-texts --output "$work/small"
[ -e "$work/small/kb/examples.tsv" ] && fail "--without-texts kept them"
ok "" "$reaugkd" predict --model "$work/small" --neighbors 1 "$work/texts"
grep -q '"label"' "$work/stdout" || fail "no neighbors without texts"
expect 2 "without its texts" "$reaugkd" build-kb --extend "$work/small" --keys "$work/student" --output "$work/x"
ok "exported without its text|combined" "$reaugkd" eval --model "$work/small" --kb "$work/small" --data "$demo" --explain 1 \
  --latency-examples 0 --output "$work/eval-small" --quiet
expect 2 "was exported without its texts" "$reaugkd" eval --model "$work/small" --kb "$work/small" --data "$demo" \
  --exclude-same-text --output "$work/x" --quiet
printf 'x' >>"$work/alone/model.safetensors"
expect 4 "follow the last tensor" "$reaugkd" predict --model "$work/alone" "$work/texts"

passed "ship"
