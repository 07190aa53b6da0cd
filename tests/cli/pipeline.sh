#!/usr/bin/env bash
# The real binary: five stages chained on data/demo, and the same bytes from the same seed. What bad
# input gives is in bad_input.py. Usage: pipeline.sh BINARY SOURCE_DIRECTORY
source "$(dirname "$0")/expect.sh" "$@"

chain() { # OUTPUT
  local out=$1 small="--epochs 1 --learning-rate 1e-3 --quiet"
  ok "best at epoch" "$reaugkd" teacher-finetune --model "$demo/teacher" --init random --task sst2 \
    --data "$demo" --max-train-examples 300 --max-seq-length 48 --output "$out/teacher" $small
  ok "k-NN accuracy" "$reaugkd" project --teacher "$out/teacher" --student "$demo/student" \
    --data "$demo" --output "$out/projected" --epochs 2 --quiet
  ok "teacher_on_kb" "$reaugkd" build-kb --teacher "$out/projected" --data "$demo" --index hnsw --output "$out/kb" --quiet
  ok "best at epoch" "$reaugkd" distill --kb "$out/kb" --student "$demo/student" --init random \
    --data "$demo" --output "$out/student" $small
  ok "combined" "$reaugkd" eval --model "$out/student" --kb "$out/kb" --teacher "$out/teacher" \
    --data "$demo" --output "$out/eval" --latency-examples 5 --quiet
}

chain "$work/a"
chain "$work/b"
for file in teacher/model.safetensors teacher/split.json projected/projection.safetensors \
            projected/features.safetensors kb/kb.safetensors kb/index.hnsw kb/examples.tsv \
            student/model.safetensors eval/predictions.tsv; do
  cmp -s "$work/a/$file" "$work/b/$file" || fail "two runs with one seed differ in $file"
done
a=$work/a
for stage in teacher projected kb student eval; do
  grep -qP " info  reaugkd " "$a/$stage/run.log" || fail "--quiet emptied $stage/run.log"
done
grep -q "\"working_directory\": \"$PWD\"" "$a/eval/run.json" || fail "run.json does not say where the command was given"
grep -qE '"model_max_length": [0-9]+' "$a/student/tokenizer_config.json" || fail "the tokenizer has no maximum length"
rows=$(($(wc -l <"$demo/dev.tsv") - 1))
[ "$(($(wc -l <"$a/eval/predictions.tsv") - 1))" = "$rows" ] || fail "predictions.tsv has other rows than dev.tsv"
head -1 "$a/eval/predictions.tsv" | grep -qP '^index\tlabel\tprediction\tp_0\tp_1\tstudent_p_0\tstudent_p_1\tkb_p_0\tkb_p_1\tprobability\tstudent_prediction\tstudent_probability\tkb_prediction\tkb_probability$' || fail "header of predictions.tsv"
[ "$(sed -n 2p "$a/eval/classes.tsv" | cut -f2)" -gt 0 ] || fail "classes.tsv has no support"
[ "$(head -1 "$a/eval/confusion.tsv")" = "$(printf 'label\t0\t1')" ] || fail "confusion.tsv has other classes"
grep -q '"balanced_accuracy"' "$a/eval/metrics.json" || fail "metrics.json has no averages over classes"

# A fixed setting selects nothing; beta = 1 is the student alone.
ok "as given" "$reaugkd" eval --model "$a/student" --kb "$a/kb" --data "$demo" --output "$work/fixed" \
  --k 4 --beta 1 --tau-retrieval 0.1 --latency-examples 0 --quiet
grep -q "^  combined  *retrieval not used" "$work/stdout" || fail "numbers of a retrieval that is not used"
grep -q '"permuted"' "$work/fixed/metrics.json" || fail "no control beside a given setting"
cut -f4,5 "$work/fixed/predictions.tsv" | tail -n +2 >"$work/p"
cut -f6,7 "$work/fixed/predictions.tsv" | tail -n +2 | cmp -s - "$work/p" || fail "beta = 1 is not the student"
ok "row [0-9]+, label [01], id [0-9a-f]{16}:[0-9]+" "$reaugkd" eval --model "$a/student" --kb "$a/kb" --data "$demo" --output "$work/explained" \
  --k 4 --beta 0 --tau-retrieval 0.1 --explain 3 --latency-examples 0 --quiet
[ "$(grep -c "^  combined " "$work/explained/explain.txt")" = 3 ] || fail "--explain 3 shows other than 3 rows"
[ "$(grep -c "  weight " "$work/explained/explain.txt")" = 12 ] || fail "--explain shows other than k neighbors"

# A beta for each row, part of the knowledge base, and the tables behind the pictures.
for mode in entropy similarity; do
  ok "combined" "$reaugkd" eval --model "$a/student" --kb "$a/kb" --data "$demo" --output "$work/beta-$mode" \
    --beta-mode $mode --grid-beta 0.5 --grid-slope -1,1 --latency-examples 0 --quiet
  grep -q '"slope"' "$work/beta-$mode/metrics.json" || fail "metrics.json does not record beta's rule"
done
expect 2 "leave one out" "$reaugkd" eval --model "$a/student" --kb "$a/kb" --data "$demo" --output "$work/x0" --beta-mode entropy --beta 0.5
ok "exact index over 27 rows" "$reaugkd" eval --model "$a/student" --kb "$a/kb" --data "$demo" --output "$work/share" \
  --kb-rows 0.1 --sweep --embedding-map --latency-examples 7 --quiet
[ "$(wc -l <"$work/share/sweep.tsv")" = $((1 + 6 * 4 * 11)) ] || fail "sweep.tsv has other rows than the grids"
[ "$(wc -l <"$work/share/embeddings.tsv")" = $((1 + 27 + rows)) ] || fail "embeddings.tsv has other rows than the knowledge base and dev"
[ "$(wc -l <"$work/share/latency.tsv")" = 8 ] || fail "latency.tsv has other rows than --latency-examples"
# The selected setting's line of sweep.tsv has the score that eval reports.
chosen() { sed -nE "s/^ +\"$1\": ([0-9.e-]+),?\$/\1/p" "$work/share/metrics.json" | head -1; }
k=$(chosen k) beta=$(chosen beta) tau=$(chosen tau)
combined=$(sed -n '/"combined": {/,/}/s/.*"accuracy": \([0-9.e-]*\).*/\1/p' "$work/share/metrics.json" | tail -1)
swept=$(awk -F'\t' -v k="$k" -v tau="$tau" -v beta="$beta" '$1 == k && $2 == tau && $3 == beta {printf "%.4f", $7}' "$work/share/sweep.tsv")
[ "$swept" = "$(printf %.4f "$combined")" ] || fail "sweep.tsv says $swept at k = $k, beta = $beta, tau = $tau"
# T is one more choice of the grids; 1, the default, leaves the knowledge base's labels as they are.
ok "^  combined " "$reaugkd" eval --model "$a/student" --kb "$a/kb" --data "$demo" --output "$work/softened" \
  --k 4 --beta 0 --tau-retrieval 0.1 --grid-kb-temperature 1,8 --sweep --latency-examples 0 --quiet
cp "$work/stdout" "$work/softened.txt"
[ "$(wc -l <"$work/softened/sweep.tsv")" = 3 ] || fail "sweep.tsv has other rows than the temperatures"
for t in 1 8; do
  ok "combined" "$reaugkd" eval --model "$a/student" --kb "$a/kb" --data "$demo" --output "$work/softened-$t" \
    --k 4 --beta 0 --tau-retrieval 0.1 --kb-temperature $t --latency-examples 0 --quiet
done
chosen=$(sed -nE 's/.*"kb_temperature": ([0-9])\.0.*/\1/p' "$work/softened/metrics.json" | head -1)
[ "$(sort -t$'\t' -g -k5 "$work/softened/sweep.tsv" | sed -n '2s/^4\t0.1\t0\t\([18]\)\t.*/\1/p')" = "$chosen" ] \
  || fail "T = $chosen was chosen, which is not the best one of sweep.tsv"
told=$(sed -nE 's/.*tau = 0\.1, T = ([0-9])\.0,.*/\1/p' "$work/softened.txt") # the table names another T than 1 only
[ "${told:-1}" = "$chosen" ] || fail "the table says T = ${told:-1}, T = $chosen was chosen"
cmp -s "$work/softened/predictions.tsv" "$work/softened-$chosen/predictions.tsv" || fail "T selected is not T given"
cmp -s "$work/softened-1/predictions.tsv" "$work/softened-8/predictions.tsv" && fail "--kb-temperature changes nothing"
expect 2 "leave --index out" "$reaugkd" eval --model "$a/student" --kb "$a/kb" --data "$demo" --output "$work/x0" --kb-rows 0.1 --index hnsw
ok "^sst2 test, $(($(wc -l <"$demo/test.tsv") - 1)) examples$" "$reaugkd" eval --model "$a/student" --data "$demo" --split test \
  --output "$work/test" --latency-examples 0 --quiet
head -1 "$work/test/SST-2.tsv" | grep -qP '^index\tprediction$' || fail "GLUE submission file"
ok "best at epoch" "$reaugkd" distill --method finetune --kb "$a/kb" --student "$demo/student" --init random \
  --data "$demo" --output "$work/finetune" --epochs 1 --quiet
ok "best at epoch" "$reaugkd" distill --method kd --kb "$a/kb" --student "$demo/student" --init random \
  --data "$demo" --output "$work/kd" --epochs 1 --quiet
ok "sst2 holdout, .* selected on holdout" "$reaugkd" eval --model "$work/finetune" --kb "$a/kb" --data "$demo" --split holdout \
  --index exact --output "$work/finetune-eval" --latency-examples 0 --quiet

# A task of one's own, from CSV: the description travels, later stages need no --task.
mkdir "$work/own"
for part in train dev; do
  awk -F'\t' -v part=$part 'NR == 1 {print "mood,text"; next} part == "train" && NR > 400 {exit}
    {gsub(/"/, "\"\"", $1); print ($2 ? "glad" : "sad") ",\"" $1 "\""}' "$demo/$part.tsv" >"$work/own/$part.csv"
done
cut -d, -f2- "$work/own/dev.csv" >"$work/own/test.csv"
echo '{"name": "mood", "format": "csv", "text_a": "text", "label": "mood", "labels": ["sad", "glad"]}' >"$work/own/task.json"
ok "best at epoch" "$reaugkd" teacher-finetune --model "$demo/teacher" --init random --task "$work/own/task.json" \
  --data "$work/own" --output "$work/own/teacher" --max-seq-length 48 --epochs 1 --quiet
ok "k-NN accuracy" "$reaugkd" project --teacher "$work/own/teacher" --data "$work/own" --output "$work/own/projected" --epochs 1 --quiet
ok "index exact" "$reaugkd" build-kb --teacher "$work/own/projected" --data "$work/own" --output "$work/own/kb" --quiet
[ -e "$work/own/kb/index.hnsw" ] && fail "a small knowledge base is searched exactly"
ok "best at epoch" "$reaugkd" distill --kb "$work/own/kb" --student "$demo/teacher" --init random --data "$work/own" \
  --output "$work/own/student" --epochs 1 --task "$work/own/task.json" --quiet
ok "combined" "$reaugkd" eval --model "$work/own/student" --kb "$work/own/kb" --data "$work/own" --output "$work/own/eval" --latency-examples 0 --quiet
ok "predictions only" "$reaugkd" eval --model "$work/own/student" --kb "$work/own/kb" --data "$work/own" --split test \
  --output "$work/own/eval-test" --latency-examples 0 --quiet
cut -f1,3- "$work/own/eval/predictions.tsv" >"$work/p"
cut -f1,3- "$work/own/eval-test/predictions.tsv" | cmp -s - "$work/p" || fail "predictions without labels differ from those with"
# The layout is no part of the model: another task file may describe another one, and name other metrics, but no other labels.
sed 's/"glad"\]/"glad", "mad"]/' "$work/own/task.json" >"$work/own/other.json"
expect 2 "has other classes than .*: 3 classes and 2; the second has no .mad." "$reaugkd" eval --model "$work/own/student" --task "$work/own/other.json" --data "$work/own" --output "$work/z1"
echo 'mad,"x"' >>"$work/own/dev.csv"
expect 3 "dev.csv:1002: unknown label .mad." "$reaugkd" eval --model "$work/own/student" --data "$work/own" --output "$work/z2"
ok "1 bad rows" "$reaugkd" eval --model "$work/own/student" --data "$work/own" --skip-bad-rows --latency-examples 0 --output "$work/z3"

# No task file, and train alone: the columns are named once, the labels in train are the classes, the holdout is scored.
mkdir "$work/flags" "$work/later"
awk -F'\t' 'NR == 1 {print "mood,text"; next} NR > 400 {exit}
  {gsub(/"/, "\"\"", $1); print ($2 ? "glad" : "sad") ",\"" $1 "\""}' "$demo/train.tsv" >"$work/flags/train.csv"
ok "2 labels in .mood., the rarest .(sad|glad)" "$reaugkd" teacher-finetune --model "$demo/teacher" --init random --text-column text \
  --label-column mood --data "$work/flags" --output "$work/flags/teacher" --max-seq-length 48 --epochs 1
cmp -s "$work/flags/teacher/model.safetensors" "$work/own/teacher/model.safetensors" && fail "classes in another order train the same model"
ok "k-NN accuracy" "$reaugkd" project --teacher "$work/flags/teacher" --data "$work/flags" --output "$work/flags/projected" --epochs 1 --quiet
ok "index exact" "$reaugkd" build-kb --teacher "$work/flags/projected" --data "$work/flags" --output "$work/flags/kb" --quiet
ok "best at epoch" "$reaugkd" distill --kb "$work/flags/kb" --student "$demo/teacher" --init random --data "$work/flags" \
  --output "$work/flags/student" --epochs 1 --quiet
scored=("$reaugkd" eval --model "$work/flags/student" --kb "$work/flags/kb" --latency-examples 0 --quiet)
ok "^flags holdout, 40 examples" "${scored[@]}" --data "$work/flags" --output "$work/flags/eval"
grep -q "has no dev file: the holdout is scored" "$work/flags/eval/run.log" || fail "the log does not say what is scored"
# Later files have other columns and another format; what travels is the task.
awk -F'\t' 'NR == 1 {next} NR > 101 {exit} {gsub(/"/, "\\\"", $1); print "{\"said\": \"" $1 "\", \"felt\": \"" ($2 ? "glad" : "sad") "\"}"}' \
  "$demo/dev.tsv" >"$work/later/dev.jsonl"
cp "$work/flags/train.csv" "$work/later"
layout=(--text-column said --label-column felt)
ok "^flags dev, 100 examples" "$reaugkd" eval --model "$work/flags/student" --data "$work/later" "${layout[@]}" --latency-examples 0 \
  --output "$work/later/eval" --quiet
ok "build-kb: 4[56][0-9] rows" "$reaugkd" build-kb --extend "$work/flags/kb" --teacher "$work/flags/projected" --extend-files "$work/later/dev.jsonl" \
  "${layout[@]}" --output "$work/later/kb" --quiet
expect 3 'dev.jsonl:1: has no "text", found said, felt' "${scored[@]}" --data "$work/later" --output "$work/z4"
# Rows that would be changed silently are refused, and left out on request.
cp "$work/flags/train.csv" "$work/later/ragged.csv"
printf 'glad,well, a comma\n,\nsad\n' >>"$work/later/ragged.csv"
ragged=("$reaugkd" teacher-finetune --model "$demo/teacher" --init random --text-column text --label-column mood --data "$work/later"
  --train-file ragged.csv --max-seq-length 48 --epochs 1)
expect 3 "ragged.csv:401: found 3 fields, expected 2 as in the header: .*double quotes.*--skip-bad-rows" "${ragged[@]}" --output "$work/z5"
ok "3 bad rows are left out" "${ragged[@]}" --skip-bad-rows --output "$work/z6"
cmp -s "$work/z6/model.safetensors" "$work/flags/teacher/model.safetensors" || fail "rows that were left out changed the model"

# What a search with few candidates finds does not depend on what else is asked for.
narrow=("$reaugkd" eval --model "$work/kd" --kb "$a/kb" --data "$demo" --grid-k 1,64 --grid-beta 1 --grid-tau 0.5 --ef-search 1
  --latency-examples 0 --quiet)
ok "combined" "${narrow[@]}" --output "$work/narrow"
ok "combined" "${narrow[@]}" --output "$work/narrow-sweep" --sweep
grep -q '"k": 1,' "$work/narrow/metrics.json" || fail "the larger k was taken: nothing is tested here"
cmp -s "$work/narrow/predictions.tsv" "$work/narrow-sweep/predictions.tsv" || fail "--sweep changes predictions"

# A knowledge base grows by new rows, labelled or not, and shrinks again to the same bytes.
awk -F'\t' 'NR == 1 {print; next} NR % 2 {$2 = ""} {print $1 "\t" $2}' "$demo/dev.tsv" >"$work/more.tsv"
ok "teacher_on_kb" "$reaugkd" build-kb --extend "$a/kb" --teacher "$a/projected" --extend-files "$work/more.tsv" --output "$work/kb-more" --quiet
grep -q "$rows rows are inserted into the index of" "$work/kb-more/run.log" || fail "new rows built the index anew"
ok "rows +$(($(wc -l <"$a/kb/examples.tsv") - 1 + rows)), D = " "$reaugkd" build-kb --describe "$work/kb-more"
added=$(tail -n "$rows" "$work/kb-more/examples.tsv" | cut -f1 | paste -sd,)
ok "teacher_on_kb" "$reaugkd" build-kb --extend "$work/kb-more" --remove "$added" --output "$work/kb-less" --quiet
cmp -s "$a/kb/kb.safetensors" "$work/kb-less/kb.safetensors" || fail "added and removed rows leave a trace in kb.safetensors"
cmp -s "$a/kb/index.hnsw" "$work/kb-less/index.hnsw" || fail "added and removed rows leave a trace in index.hnsw"
ok "combined" "$reaugkd" eval --model "$a/student" --kb "$work/kb-more" --data "$demo" --output "$work/eval-more" --latency-examples 0 --quiet
expect 3 "already" "$reaugkd" build-kb --extend "$work/kb-more" --teacher "$a/projected" --extend-files "$work/more.tsv" --output "$work/y1" --quiet
expect 2 "held-out rows must stay out" "$reaugkd" build-kb --extend "$a/kb" --teacher "$a/projected" --extend-files "$demo/train.tsv" --output "$work/y2" --quiet
expect 2 "is not in the knowledge base" "$reaugkd" build-kb --extend "$a/kb" --remove nothing:1 --output "$work/y3" --quiet
expect 2 "needs something to do" "$reaugkd" build-kb --extend "$a/kb" --output "$work/y4"
expect 2 "data is required" "$reaugkd" build-kb --teacher "$a/projected" --output "$work/y5"

# --resume of a finished stage does nothing; --overwrite swaps.
echo "process 1 on nowhere" >"$a/kb/.lock"  # of a run that was killed as it finished
ok "already finished" "$reaugkd" build-kb --teacher "$a/projected" --data "$demo" --index hnsw --output "$a/kb" --resume
ok "already finished" "$reaugkd" build-kb --teacher "$a/projected" --data "$demo" --index hnsw --output "$a/kb" --resume --device cpu \
  --token-cache "$work/tokens"
[ -e "$a/kb/.lock" ] && fail "--resume left the lock of a killed run"
# Unless an input is another file now.
cp -r "$a/projected" "$work/other"
other=("$reaugkd" build-kb --teacher "$work/other" --data "$demo" --output "$work/kb-other")
ok "teacher_on_kb" "${other[@]}" --quiet
touch "$work/other/model.safetensors"
ok "already finished" "${other[@]}" --resume
ok "k-NN accuracy" "$reaugkd" project --teacher "$a/teacher" --dim 16 --data "$demo" --output "$work/other" --overwrite --epochs 1 --seed 9 --quiet
expect 2 "other inputs .*other/projection.safetensors had sha256" "${other[@]}" --resume
cp -r "$a/kb" "$work/kb-old"
ok "teacher_on_kb" "$reaugkd" build-kb --teacher "$a/projected" --data "$demo" --output "$work/kb-old" --overwrite --index exact --quiet
[ -e "$work/kb-old/index.hnsw" ] && fail "--overwrite left the old index"
# Its run.json repeats the run, not the permission to replace.
expect 2 "not empty" "$reaugkd" build-kb --config "$work/kb-old/run.json"
ok "best at epoch" "$reaugkd" distill --config "$work/kd/run.json" --output "$work/kd-again" --quiet
cmp -s "$work/kd/model.safetensors" "$work/kd-again/model.safetensors" || fail "--config run.json repeats the run"

# A head of another task's classes is drawn anew.
mkdir "$work/three"
for part in train dev; do
  awk -F'\t' 'NR == 1 {print "text\tmood"; next} {print $1 "\t" NR % 3} NR == 61 {exit}' "$demo/$part.tsv" >"$work/three/$part.tsv"
done
echo '{"name": "three", "format": "tsv", "text_a": "text", "label": "mood", "labels": ["0", "1", "2"]}' >"$work/three.json"
ok "classifier.weight is \(2, [0-9]+\), of another task: drawn anew as \(3, [0-9]+\)" "$reaugkd" teacher-finetune \
  --model "$work/a/student" --task "$work/three.json" --data "$work/three" --validation dev --max-seq-length 48 --epochs 1 --output "$work/three-model"
ok "accuracy" "$reaugkd" eval --model "$work/three-model" --data "$work/three" --latency-examples 0 --output "$work/three-eval"
head -1 "$work/three-eval/predictions.tsv" | grep -qP '\tp_2\t' || fail "no third class in predictions.tsv"

# A run that is stopped, and one that is killed, goes on with --resume to the same bytes.
resumed="$reaugkd distill --config $work/kd/run.json --epochs 3 --save-steps 2 --resume --output"
ok "best at epoch" $resumed "$work/whole" --quiet
for signal in TERM KILL; do
  $resumed "$work/stopped-$signal" 2>"$work/stopped.log" >/dev/null &
  pid=$!
  until [ -e "$work/stopped-$signal/checkpoint.safetensors" ] || ! kill -0 $pid 2>/dev/null; do sleep 0.05; done
  kill -$signal $pid
  wait $pid 2>/dev/null
  got=$?
  [ $signal = KILL ] || [ $got = 143 ] || { fail "exit code $got after SIGTERM"; cat "$work/stopped.log" >&2; }
  [ -e "$work/stopped-$signal/metrics.json" ] && fail "finished before SIG$signal came"
  grep -qP " info  reaugkd distill " "$work/stopped-$signal/run.log" || fail "SIG$signal leaves an empty run.log"
  expect 2 "unfinished run .*learning_rate was" $resumed "$work/stopped-$signal" --learning-rate 3e-5
  ok "goes on at step [1-9]" $resumed "$work/stopped-$signal"
  cmp -s "$work/whole/model.safetensors" "$work/stopped-$signal/model.safetensors" ||
    fail "resumed after SIG$signal, the model differs"
  cmp -s "$work/whole/train_log.jsonl" "$work/stopped-$signal/train_log.jsonl" ||
    fail "resumed after SIG$signal, train_log.jsonl differs"
  [ -e "$work/stopped-$signal/checkpoint.safetensors" ] && fail "a finished run kept its checkpoint"
done

# A log whose reader has gone costs no training.
$resumed "$work/unread" 2>&1 >/dev/null | head -1 >/dev/null
cmp -s "$work/whole/model.safetensors" "$work/unread/model.safetensors" || fail "a closed stderr ended the training"

passed "five stages"
