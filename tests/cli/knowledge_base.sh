#!/usr/bin/env bash
# What build-kb can do beside building: soft labels by teachers that did not see the row, embeddings
# in fp16, rows with distributions of their own. Usage: knowledge_base.sh BINARY SOURCE_DIRECTORY
source "$(dirname "$0")/expect.sh" "$@"

accuracy() { # DIRECTORY PART: of metrics.json
  sed -n "/\"$2\": {/,/}/s/.*\"accuracy\": \([0-9.e-]*\).*/\1/p" "$1/metrics.json"
}
holds() { awk "BEGIN {exit !($1)}" || fail "not true: $1 ($2)"; }

# Labels that nothing in the text tells: who knows them has seen the row.
mkdir "$work/data"
for part in train dev; do
  awk -F'\t' 'BEGIN {srand(7)} NR == 1 {print; next} NR > 151 {exit} {print $1 "\t" int(2 * rand())}' \
    "$demo/$part.tsv" >"$work/data/$part.tsv"
done
model=$work/model
cp -r "$demo/student" "$model"
teacher="$reaugkd teacher-finetune --model $model --init random --task sst2 --data $work/data
  --max-seq-length 48 --quiet --learning-rate 2e-3 --batch-size 16 --precision bf16"
ok "best at epoch" $teacher --epochs 30 --validation dev --eval-steps 10000 --output "$work/teacher"
ok "k-NN accuracy" "$reaugkd" project --teacher "$work/teacher" --data "$work/data" --output "$work/projected" --epochs 1 --quiet
cmp -s "$work/teacher/run.json" "$work/projected/teacher_run.json" || fail "project does not carry the teacher's run.json"
build="$reaugkd build-kb --teacher $work/projected --data $work/data"
ok "index_check" $build --index hnsw --output "$work/kb" --quiet
ok "fold 2 of 3: its teacher trains on [0-9]+ rows and answers for" $build --index hnsw --output "$work/cross" --cross-fit 3
seen=$(accuracy "$work/kb" teacher_on_kb)
honest=$(accuracy "$work/cross" teacher_on_kb)
[ "$(accuracy "$work/cross" teacher_on_seen_rows)" = "$seen" ] || fail "teacher_on_seen_rows is not what the plain knowledge base has"
holds "$seen > 0.9" "the teacher knows the rows it has seen"
holds "$honest > 0.35 && $honest < 0.65" "fold teachers do not know the rows they answer for"
cmp -s "$work/kb/index.hnsw" "$work/cross/index.hnsw" || fail "cross-fitting changed the embeddings"
ok "cross-fit +3 folds" "$reaugkd" build-kb --describe "$work/cross"
grep -q '"fold_precision": "bf16"' "$work/cross/metrics.json" || fail "the folds were not trained in the teacher's precision"

# Killed in its second fold and gone on with: the same bytes, and nothing of the folds is left.
$build --output "$work/killed" --cross-fit 3 --quiet >/dev/null 2>&1 &
pid=$!
until [ -e "$work/killed/fold-1.safetensors" ] || ! kill -0 $pid 2>/dev/null; do sleep 0.02; done
kill -KILL $pid 2>/dev/null
wait $pid 2>/dev/null
[ -e "$work/killed/metrics.json" ] && fail "finished before it was killed"
ok "fold 1 of 3: taken from the stopped run" $build --output "$work/killed" --cross-fit 3 --resume
for file in kb.safetensors train_log-fold-1.jsonl train_log-fold-2.jsonl train_log-fold-3.jsonl; do
  cmp -s "$work/cross/$file" "$work/killed/$file" || fail "resumed, $file differs"
done
ls "$work/killed" | grep -qE '^(fold-|checkpoint)' && fail "a finished run kept files of its folds"

# Where the recipe is not known, or not the teacher's.
expect 2 "2 or more" $build --output "$work/x" --cross-fit 1
expect 2 "need --cross-fit" $build --output "$work/x" --cross-fit-model "$model"
expect 2 "build the knowledge base anew" "$reaugkd" build-kb --extend "$work/kb" --remove x:1 --cross-fit 2 --output "$work/x"
mv "$model" "$work/moved"
expect 2 "name it with --cross-fit-model" $build --output "$work/x" --cross-fit 2
cp -r "$work/moved" "$work/other" && echo >>"$work/other/vocab.txt"
expect 4 "vocab.txt is sha256 .* began from one with" $build --output "$work/x" --cross-fit 2 --cross-fit-model "$work/other"
rm "$work/projected"/{teacher_run,run,metrics}.json # as a projected teacher from elsewhere
expect 2 "does not say how it was fine-tuned" $build --output "$work/x" --cross-fit 2
[ -e "$work/x" ] && fail "a refused run left its directory behind"
echo '{"init": "random", "epochs": 1}' >"$work/recipe.json"
ok "teacher_on_seen_rows" $build --output "$work/foreign" --cross-fit 2 --cross-fit-model "$work/moved" \
  --cross-fit-config "$work/recipe.json" --quiet

# fp16: half the bytes, and everything after it works.
ok "teacher_on_kb" $build --index hnsw --output "$work/half" --kb-dtype fp16 --quiet
ok "D = [0-9]+ in fp16" "$reaugkd" build-kb --describe "$work/half"
holds "$(stat -c %s "$work/half/kb.safetensors") < 0.75 * $(stat -c %s "$work/kb/kb.safetensors")" "bytes of fp16"
ok "best at epoch" "$reaugkd" distill --kb "$work/half" --student "$work/moved" --init random --data "$work/data" \
  --output "$work/student" --epochs 1 --quiet
for index in hnsw exact; do
  ok "combined" "$reaugkd" eval --model "$work/student" --kb "$work/half" --data "$work/data" --index $index --k 4 --beta 0 \
    --tau-retrieval 0.1 --explain 1 --exclude-same-text --output "$work/eval-$index" --latency-examples 3 --quiet
done
cut -f1-3 "$work/eval-hnsw/predictions.tsv" >"$work/p"
cut -f1-3 "$work/eval-exact/predictions.tsv" | cmp -s - "$work/p" || fail "hnsw and exact over fp16 differ"

# Selected by the metric: never worse on the part that it was selected on than the student alone.
ok "by accuracy" "$reaugkd" eval --model "$work/student" --kb "$work/half" --data "$work/data" --select-by metric \
  --output "$work/eval-metric" --latency-examples 0 --quiet
number() { sed -n "s/.*\"$1\": \([0-9.e-]*\),*$/\1/p" "$work/eval-metric/metrics.json"; }
holds "$(number validation_score) >= $(number validation_score_student)" "the score that was selected"
ok "by calibrated loss" "$reaugkd" eval --model "$work/student" --kb "$work/half" --data "$work/data" --select-by calibrated \
  --output "$work/eval-metric" --overwrite --latency-examples 0 --quiet
holds "$(number validation_score) <= $(number validation_score_student)" "the calibrated loss that was selected"
holds "$(number validation_score) <= $(number validation_loss)" "a loss at the best temperature"

# New rows with distributions of their own: right ones, wrong ones, the teacher's.
extend="$reaugkd build-kb --extend $work/half --teacher $work/projected --quiet --extend-files"
for kind in right wrong; do
  awk -F'\t' -v kind=$kind 'NR == 1 {print $0 "\tp_0\tp_1"; next}
    {p = ($2 == 1) == (kind == "right") ? 0.9 : 0.1; print $1 "\t" $2 "\t" 1 - p "\t" p}' "$work/data/dev.tsv" >"$work/$kind.tsv"
  ok "teacher_on_kb" $extend "$work/$kind.tsv" --extend-labels given --output "$work/kb-$kind"
done
ok "teacher_on_kb" $extend "$work/right.tsv" --extend-labels teacher --output "$work/kb-teacher"
rows() { sed -n 's/.*"rows": \([0-9]*\),/\1/p' "$1/metrics.json" | head -1; }
added=$(($(wc -l <"$work/right.tsv") - 1))
holds "($(accuracy "$work/kb-right" teacher_on_kb) - $(accuracy "$work/kb-wrong" teacher_on_kb)) * $(rows "$work/kb-right") - $added < 1e-6" "right and wrong labels of $added rows"
holds "$(accuracy "$work/kb-right" teacher_on_kb) > $(accuracy "$work/kb-teacher" teacher_on_kb)" "given labels are right more often"
ok "in fp16" "$reaugkd" build-kb --describe "$work/kb-right"
cmp -s "$work/kb-right/index.hnsw" "$work/kb-wrong/index.hnsw" || fail "the teacher embeds, whatever the labels"
expect 2 "what was dropped cannot come back" $extend "$work/right.tsv" --kb-dtype fp32 --output "$work/y"
expect 3 "has no column .p_0." $extend "$work/data/dev.tsv" --extend-labels given --output "$work/y"
sed '5s/\t[^\t]*$/\t0.5/' "$work/right.tsv" >"$work/sum.tsv"
expect 3 "sum.tsv:5: p_0, p_1 sum to" $extend "$work/sum.tsv" --extend-labels given --output "$work/y"

# A student's own embeddings as keys: each dev row then finds its own text, with its right label.
ok "teacher_on_kb" "$reaugkd" build-kb --extend "$work/kb" --teacher "$work/projected" --extend-files "$work/right.tsv" \
  --extend-labels given --output "$work/grown" --quiet
for of in student foreign-student; do
  [ $of = student ] || ok "best at epoch" "$reaugkd" distill --method kd --kb "$work/kb" --student "$work/moved" --init random \
    --data "$work/data" --output "$work/$of" --epochs 1 --quiet
  ok "next: reaugkd eval --model $work/$of --kb" "$reaugkd" build-kb --extend "$work/grown" --keys "$work/$of" --output "$work/keys-of-$of" --quiet
  ok "retrieval +1.0000" "$reaugkd" eval --model "$work/$of" --kb "$work/keys-of-$of" --data "$work/data" --index exact --k 1 --beta 0 \
    --tau-retrieval 0.1 --output "$work/eval-keys-of-$of" --latency-examples 0 --quiet
done
ok "keys +a student's own embeddings" "$reaugkd" build-kb --describe "$work/keys-of-student"
# The better of both on the rows that are new to the student: whichever it is, these are the keys.
better="$reaugkd build-kb --keep-keys better --keys $work/student --quiet"
ok "keys: the student's own find the label" $better --extend "$work/grown" --output "$work/better"
found() { sed -n "s/.*\"knn_accuracy_$1_keys\": \([0-9.e-]*\),/\1/p" "$work/better/metrics.json"; }
kept=student of=keys-of-student
if awk "BEGIN {exit !($(found teacher) > $(found student))}"; then kept=teacher of=grown; fi
grep -q "\"kept\": \"$kept\"" "$work/better/metrics.json" || fail "not the $kept's keys, which are better"
cmp -s "$work/$of/kb.safetensors" "$work/better/kb.safetensors" || fail "the keys are not those of $of"
ok "there is nothing to compare by" $better --extend "$work/kb" --output "$work/better-of-nothing"
expect 2 "chooses between" "$reaugkd" build-kb --extend "$work/grown" --remove-where label=0 --keep-keys better --output "$work/y"
expect 4 "keys are embeddings of the student with sha256" "$reaugkd" eval --model "$work/student" --kb "$work/keys-of-foreign-student" \
  --data "$work/data" --output "$work/y"
expect 4 "its keys are a student's own embeddings" "$reaugkd" distill --kb "$work/keys-of-student" --student "$work/moved" \
  --init random --data "$work/data" --output "$work/y"
expect 2 "give that student with --keys" "$reaugkd" build-kb --extend "$work/keys-of-student" --teacher "$work/projected" \
  --extend-files "$work/right.tsv" --output "$work/y"
expect 2 "need --extend" "$reaugkd" build-kb --teacher "$work/projected" --data "$work/data" --keys "$work/student" --output "$work/y"

# A class that nobody knows: its rows need no teacher, and answer with their label. File and columns are of another kind.
awk -F'\t' 'BEGIN {print "what,about"} NR > 1 && NR < 202 {print "odd number " NR " of things,number"}' \
  "$work/data/dev.tsv" >"$work/odd.csv"
ok "keys" "$reaugkd" build-kb --extend "$work/kb" --keys "$work/student" --output "$work/own" --quiet
new="$reaugkd build-kb --extend $work/own --extend-files $work/odd.csv --text-column what --label-column about --quiet"
expect 2 "needs keys for the rows" $new --output "$work/y"
expect 2 "task sst2 gives its columns by number" "$reaugkd" build-kb --extend "$work/kb" --keys "$work/student" --extend-files "$work/odd.csv" \
  --label-column about --output "$work/y"
ok "new classes +1" $new --keys "$work/student" --output "$work/odd"
ok "new classes number" "$reaugkd" build-kb --describe "$work/odd"
ok "added $work/odd.csv, new: number" "$reaugkd" build-kb --describe "$work/odd"
{ head -1 "$work/data/dev.tsv"; sed -n 2,101p "$work/data/dev.tsv"; awk 'BEGIN {for (i = 300; i < 400; ++i) print "odd number " i " of things\tnumber"}'; } >"$work/data/mixed.tsv"
grown="$reaugkd eval --model $work/student --data $work/data --dev-file mixed.tsv --latency-examples 0 --quiet"
expect 3 "unknown label .number." $grown --output "$work/y"
ok "new classes, 100 examples: accuracy student 0.0000, retrieval (1.0|0.9)[0-9]+" $grown --kb "$work/odd" --output "$work/eval-odd"
grep -q "and [0-9]* new rows" "$work/eval-odd/metrics.json" || fail "nothing new was selected on"
ok "new classes, 100 examples" $grown --kb "$work/odd" --output "$work/eval-odd" --resume
head -1 "$work/eval-odd/predictions.tsv" | grep -q "p_number.student_p_0.*student_p_number" || fail "no column of the new class"
$grown --kb "$work/odd" --output "$work/eval-odd-2" >/dev/null
cmp -s "$work/eval-odd/predictions.tsv" "$work/eval-odd-2/predictions.tsv" || fail "a gate differs from run to run"
ok "selected on $work/data/mixed.tsv by loss" $grown --kb "$work/odd" --tune-file "$work/data/mixed.tsv" --output "$work/eval-tuned"
for soft in teacher labels mix; do
  ok "new classes, 100 examples" $grown --kb "$work/odd" --soft-labels $soft --class-balance 0.5 --output "$work/eval-$soft"
done
ok "beta of a row by a gate" "$reaugkd" eval --model "$work/student" --kb "$work/own" --data "$work/data" --output "$work/eval-own" \
  --latency-examples 0 --quiet
ok "combined" "$reaugkd" eval --model "$work/student" --kb "$work/kb" --data "$work/data" --output "$work/eval-z" --latency-examples 0 --quiet
grep -q beta_rule "$work/eval-z/metrics.json" && fail "the paper's protocol has one beta"
ok "class balance 0.5" $grown --kb "$work/odd" --k 8 --beta 0.5 --tau-retrieval 0.1 --class-balance 0.5 --explain 1 --output "$work/eval-given"
expect 2 "is about --soft-labels mix" $grown --kb "$work/odd" --label-weight 0.5 --output "$work/y"

# Labels are corrected and the class is taken back, in place: what is left is as if it had never been there.
ids=$(awk -F'\t' '/odd number/ {print $1}' "$work/odd/examples.tsv")
{ echo "id,label"; for id in $(echo "$ids" | head -3); do echo "$id,1"; done; } >"$work/corrected.csv"
cp -r "$work/odd" "$work/edited"
edit="$reaugkd build-kb --extend $work/edited --quiet"
ok "written to $work/edited" $edit --relabel "$work/corrected.csv" --in-place
ok "relabeled $work/corrected.csv" "$reaugkd" build-kb --describe "$work/edited"
expect 2 "no such label" $edit --remove-where label=nothing --in-place
expect 2 "leave --output out" $edit --remove-where label=number --in-place --output "$work/y"
printf 'id,label\n1:1,0\n' >"$work/nobody.csv"
expect 3 "1:1 is not in the knowledge base" $edit --relabel "$work/nobody.csv" --in-place
printf 'id,label\n1:1,0\n1:2,1\n1:1,1\n' >"$work/twice.csv"
expect 3 "twice.csv:4: has the id 1:1, which line 2 has already: delete one" $edit --relabel "$work/twice.csv" --in-place
printf 'id,label\n1:1,\n' >"$work/none.csv"
expect 3 "none.csv:2: the id 1:1 has no label, expected one" $edit --relabel "$work/none.csv" --in-place
ok "written to $work/edited" $edit --remove "$(echo "$ids" | head -3 | paste -sd,)" --remove-where "file=$(echo "$ids" | head -1 | cut -d: -f1)" --in-place
for file in kb.safetensors examples.tsv index.hnsw; do
  [ ! -e "$work/own/$file" ] || cmp -s "$work/own/$file" "$work/edited/$file" || fail "removed rows leave a trace in $file"
done
grep -rl "odd number" "$work/edited" >"$work/traces" && fail "a removed text is left in $(cat "$work/traces")"

# An index that misses neighbors is named, and all else that is said of retrieval is there.
ok "teacher_on_kb" $build --M 2 --ef-construction 1 --ef-search 1 --output "$work/sparse" --quiet
ok "teacher_on_kb" "$reaugkd" build-kb --extend "$work/sparse" --teacher "$work/projected" --extend-files "$work/wrong.tsv" \
  --extend-labels given --ef-search 1 --output "$work/sparse-wrong" --quiet
grep -q '"M": 2,' "$work/sparse-wrong/kb.json" || fail "an extended index has other parameters"
grep -q '"teacher_on_validation"' "$work/sparse-wrong/metrics.json" || fail "the held-out quality is lost"
grep -q '"ef_search": 1,' "$work/sparse/kb.json" || fail "an ef that was given is not kept"
# Left to itself, build-kb looks at more candidates until the answers are those of an exact search.
ok "index_check +recall .* 0 of [0-9]+ answers changed" $build --M 4 --ef-construction 40 --output "$work/raised" --quiet
ok "index exact" $build --index exact --output "$work/flat" --quiet
ok "index exact" "$reaugkd" build-kb --extend "$work/flat" --remove "$(sed -n 2p "$work/flat/examples.tsv" | cut -f1)" \
  --output "$work/flatter" --quiet
ok "warning +the HNSW index finds" "$reaugkd" eval --model "$work/teacher" --kb "$work/sparse-wrong" --data "$work/data" \
  --grid-k 1 --output "$work/eval-sparse" --latency-examples 0 --quiet
for part in '"agreement_with_exact"' '"permuted"' '"the HNSW index finds'; do
  grep -q "$part" "$work/eval-sparse/metrics.json" || fail "metrics.json has no $part"
done
# An ef is selected that finds them.
ok "teacher_on_kb" $build --index hnsw --M 4 --ef-construction 50 --ef-search 1 --output "$work/hasty" --quiet
ok "hnsw index \(ef 400\)" "$reaugkd" eval --model "$work/teacher" --kb "$work/hasty" --data "$work/data" \
  --grid-k 8 --grid-ef-search 1,400,1000 --output "$work/eval-ef" --latency-examples 0 --quiet
grep -q '"ef_search": 400' "$work/eval-ef/metrics.json" || fail "metrics.json does not say which ef was selected"

# What a finished knowledge base was made of may be gone.
mv "$work/sparse" "$work/gone"
ok "already finished" "$reaugkd" build-kb --extend "$work/sparse" --teacher "$work/projected" --extend-files "$work/wrong.tsv" \
  --extend-labels given --ef-search 1 --output "$work/sparse-wrong" --resume

passed "cross-fit, fp16, given labels and own keys"
