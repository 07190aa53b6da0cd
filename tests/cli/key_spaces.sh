#!/usr/bin/env bash
# Keys in the space of a pretrained encoder, and of both encoders side by side, from project to eval;
# a student that is aligned with them, on rows without labels too. Usage: key_spaces.sh BINARY SOURCE_DIRECTORY
source "$(dirname "$0")/expect.sh" "$@"

task="--task sst2 --data $demo --max-train-examples 200 --max-seq-length 48 --quiet"
small="--epochs 2 --learning-rate 1e-3"
data="--data $demo --quiet"
number() { sed -n "s/.*\"$2\": \([0-9.e-]*\),*$/\1/p" "$1/metrics.json" | head -1; }
holds() { awk "BEGIN {exit !($1)}" || fail "not true: $1 ($2)"; }
same() { cmp -s "$work/$1" "$work/$2" || fail "$1 and $2 differ"; }

ok "best at epoch" "$reaugkd" teacher-finetune --model "$demo/teacher" --init random $task $small --output "$work/base"
ok "best at epoch" "$reaugkd" teacher-finetune --model "$work/base" $task $small --output "$work/teacher"
project() { # OUTPUT OPTIONS...: prints the command
  local output=$1
  shift
  echo "$reaugkd" project --teacher "$work/teacher" --data "$demo" --epochs 2 --output "$work/$output" "$@"
}
ok "D = 64, k-NN accuracy.*best epoch" $(project plain --quiet)
ok "D = 64, k-NN accuracy" $(project named --space projection --quiet)
same plain/projection.safetensors named/projection.safetensors
same plain/features.safetensors named/features.safetensors
[ -e "$work/plain/pretrained" ] && fail "a projection carries a pretrained encoder"

# Without --pretrained: the model that the teacher began from.
ok "--pretrained: $work/base, which $work/teacher began from" $(project pretrained --space pretrained)
ok "already finished" $(project pretrained --space pretrained) --resume
grep -q "D = 64, k-NN accuracy of held-out rows [0-9.]* (k = 16)" "$work/pretrained/run.log" && fail "the result is in the log"
same base/model.safetensors pretrained/pretrained/model.safetensors
same base/vocab.txt pretrained/pretrained/vocab.txt
ok "D = 32.*" $(project narrow --space pretrained --pretrained "$work/base" --student "$demo/student" --quiet)
grep -q "% of the pretrained embeddings' squared length is kept" "$work/stdout" || fail "the axes' share is not said"
holds "$(number "$work/narrow" kept_squared_length) > 0.9" "32 of 64 axes"
ok "D = 128, .*best epoch" $(project both --space both --pretrained-weight 0.3 --quiet)
for part in knn_accuracy_projection knn_accuracy_pretrained; do
  [ -n "$(number "$work/both" $part)" ] || fail "metrics.json has no $part"
done
ok "--epochs is for --space projection, both: pretrained does not read it" $(project x --space pretrained)
expect 2 "--space projection does not read it" $(project y --pretrained "$work/base")
cp -r "$work/teacher" "$work/foreign" && rm "$work/foreign"/{run,metrics}.json
expect 2 "needs --pretrained, .* does not say" "$reaugkd" project --teacher "$work/foreign" --data "$demo" \
  --space both --output "$work/y"
ok "D = 128" $(project both-again --space both --pretrained-weight 0.3 --quiet)
ok "D = 128" $(project both-again --space both --pretrained-weight 0.3 --quiet) --overwrite
same both/projection.safetensors both-again/projection.safetensors

kb() { # OUTPUT TEACHER
  ok "teacher_on_kb" "$reaugkd" build-kb --teacher "$work/$2" $data --output "$work/$1"
}
for of in plain pretrained narrow both; do kb kb-$of $of; done
grep -q '"space": "both"' "$work/kb-both/kb.json" || fail "kb.json does not name the space"
ok "space +both, pretrained encoder sha256 [0-9a-f]{64}" "$reaugkd" build-kb --describe "$work/kb-both"
grep -q '"space"' "$work/kb-plain/kb.json" && fail "kb.json of a projection has a key more"

# New rows, most without a label: the texts of the knowledge base again, so their keys are known.
awk -F'\t' 'NR == 1 {print "sentence\tlabel"; next} {print $2 "\t" (NR < 10 ? 1 : "")}' "$work/kb-both/examples.tsv" >"$work/again.tsv"
cat >"$work/compare.py" <<'PYTHON'
"""The largest difference between keys of rows with one text: the first half of the rows and the second."""
import json, struct, sys
blob = open(sys.argv[1], "rb").read()
size, = struct.unpack("<Q", blob[:8])
entry = json.loads(blob[8:8 + size])["embeddings"]
begin, end = entry["data_offsets"]
values = struct.unpack(f"<{(end - begin) // 4}f", blob[8 + size + begin:8 + size + end])
half = len(values) // 2
worst = max(abs(a - b) for a, b in zip(values[:half], values[half:]))
sys.exit(worst > 1e-5)
PYTHON
for of in plain pretrained narrow both; do
  ok "teacher_on_kb" "$reaugkd" build-kb --extend "$work/kb-$of" --teacher "$work/$of" --extend-files "$work/again.tsv" \
    --quiet --output "$work/more-$of"
  python3 "$work/compare.py" "$work/more-$of/kb.safetensors" || fail "$of: a text has another key as a new row"
done
expect 4 "was made by a teacher whose projection.safetensors has sha256" "$reaugkd" build-kb --extend "$work/kb-both" \
  --teacher "$work/pretrained" --extend-files "$work/again.tsv" --output "$work/y" --quiet

student="--student $work/base --student-layers 0"
distill() { # OUTPUT OPTIONS...: prints the command
  local output=$1
  shift
  echo "$reaugkd" distill $student $small --data "$demo" --output "$work/$output" "$@"
}
align="--hard-label-weight 1 --alpha 0 --cosine-weight 20"
eval_of() { # OUTPUT MODEL KB: the result of eval
  ok "combined" "$reaugkd" eval --model "$work/$2" --kb "$work/$3" $data --latency-examples 2 --output "$work/eval-$1"
}
for of in plain pretrained both; do
  ok "best at epoch" $(distill to-$of --kb "$work/kb-$of" $align --quiet)
  eval_of $of to-$of kb-$of
  grep -q '"kl"' "$work/to-$of/train_log.jsonl" && fail "$of: --alpha 0 works out the KL term"
  grep -q '"cosine"' "$work/to-$of/train_log.jsonl" || fail "$of: the log has no cosine term"
done
[ -e "$work/to-pretrained/query.safetensors" ] && fail "keys as wide as the student need no query head"
[ -e "$work/to-both/query.safetensors" ] || fail "keys of another width need a query head"
first() { sed -n 's/.*"cosine":\([0-9.e-]*\).*/\1/p' "$work/$1/train_log.jsonl" | head -1; }
last() { sed -n 's/.*"cosine":\([0-9.e-]*\).*/\1/p' "$work/$1/train_log.jsonl" | tail -1; }
for of in plain pretrained both; do holds "$(last to-$of) < $(first to-$of)" "$of: the cosine term falls"; done
# One layer of the encoder itself begins near its embedding.
holds "$(first to-pretrained) < 0.6 && $(first to-both) > 0.8" "where the query begins"
# The head as the identity, where it is asked for.
ok "a linear map of its embedding: 64 to 64" $(distill identity --kb "$work/kb-pretrained" $align --query-head linear)
[ "$(first identity)" = "$(first to-pretrained)" ] || fail "a query head of the student's width does not begin as the identity"
eval_of identity identity kb-pretrained
# Equations 2 and 3 over these keys, as over the paper's.
ok "best at epoch" $(distill relations --kb "$work/kb-both" --quiet)
eval_of relations relations kb-both

# A student's own queries as keys.
ok "teacher_on_kb" "$reaugkd" build-kb --extend "$work/kb-both" --keys "$work/to-both" --output "$work/own" --quiet
grep -q '"dimension": 128' "$work/own/kb.json" || fail "own keys are not the query's"
eval_of own to-both own
cp -r "$work/to-both" "$work/other-head" && cp "$work/relations/query.safetensors" "$work/other-head/query.safetensors"
rm "$work/other-head"/{run,metrics}.json
expect 4 "keys are embeddings of the student with sha256" "$reaugkd" eval --model "$work/other-head" --kb "$work/own" $data --output "$work/y"

# Spaces do not mix.
expect 4 "do not compare" "$reaugkd" eval --model "$work/to-pretrained" --kb "$work/kb-plain" $data --output "$work/y"
expect 4 "do not compare" "$reaugkd" eval --model "$work/to-plain" --kb "$work/kb-pretrained" $data --output "$work/y"
expect 4 "D = 128, the model .* has hidden_size 64; .*--query-head linear" "$reaugkd" eval --model "$work/to-plain" \
  --kb "$work/kb-both" $data --output "$work/y"
expect 4 "D = 128, the student .* has hidden_size 64; give --query-head linear" $(distill y --kb "$work/kb-both" --query-head none)
expect 2 "--alpha and --cosine-weight are 0" $(distill y --kb "$work/kb-both" --alpha 0 --query-head linear)

# Rows beside the training rows, without labels: they change the student, and a killed run goes on to the same bytes.
further="--kb $work/more-both $align --align-rows kb --save-steps 3 --quiet"
ok "best at epoch" $(distill further $further)
ok "best at epoch" $(distill not-further --kb "$work/more-both" $align --quiet)
cmp -s "$work/further/query.safetensors" "$work/not-further/query.safetensors" && fail "--align-rows kb changed nothing"
same to-both/query.safetensors not-further/query.safetensors
run=$(distill killed $further)
$run >/dev/null 2>&1 &
pid=$!
until [ -e "$work/killed/checkpoint.safetensors" ] || ! kill -0 $pid 2>/dev/null; do sleep 0.02; done
kill -KILL $pid 2>/dev/null
wait $pid 2>/dev/null
if [ -e "$work/killed/metrics.json" ]; then says="already finished"; else says="best at epoch"; fi
ok "$says" $run --resume
for file in model.safetensors query.safetensors train_log.jsonl; do same further/$file killed/$file; done
ok "best at epoch" $(distill both-terms --kb "$work/more-both" --align-rows kb --anchor kb --cosine-weight 1 --quiet)
expect 2 "0 rows beside those that are trained on" $(distill y --kb "$work/kb-both" --align-rows kb)

# The encoder that travels along is checked as every other file.
cp -r "$work/both" "$work/changed" && printf x >>"$work/changed/pretrained/model.safetensors"
expect 4 "pretrained/model.safetensors: has sha256" "$reaugkd" build-kb --teacher "$work/changed" $data --output "$work/y"
rm -r "$work/changed" && cp -r "$work/both" "$work/changed" && rm "$work/changed/pretrained/model.safetensors"
expect 4 "pretrained/model.safetensors: is missing" "$reaugkd" build-kb --teacher "$work/changed" $data --output "$work/y"
[ -e "$work/y" ] && fail "a refused run left its directory behind"

passed "key spaces, query heads and alignment"
