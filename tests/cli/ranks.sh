#!/usr/bin/env bash
# Several ranks give what one process gives: N ranks of one thread beside one process of one thread, for every
# method, with dropout, gradient accumulation and batches that cannot be divided. Evaluations have the same bytes. A rank that
# ends, hangs or was started otherwise ends all, with one message. Usage: ranks.sh BINARY SOURCE_DIRECTORY
source "$(dirname "$0")/expect.sh" "$@"
reaugkd=$(realpath "$reaugkd")
export TMPDIR=$work/tmp # where ranks other than the first write
mkdir "$TMPDIR"

"$reaugkd" --ranks 2 eval --help >"$work/help" 2>&1 || {
  cat "$work/help"
  fail "--ranks 2 eval --help"
}
same() { # ONE OTHER [MOST]: weights within MOST, 1e-6, but for the biases of keys: their gradient is 0, and Adam makes steps of its rounding
  python3 - "$work/$1/model.safetensors" "$work/$2/model.safetensors" "${3:-1e-6}" <<'PY'
import array, json, struct, sys
def floats(path):
    data = open(path, "rb").read()
    size, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    return {name: array.array("f", data[slice(*(8 + size + end for end in tensor["data_offsets"]))])
            for name, tensor in header.items() if tensor["dtype"] == "F32"}
one, other = map(floats, sys.argv[1:3])
largest = max(abs(x - y) for name in one if "key.bias" not in name for x, y in zip(one[name], other[name], strict=True))
print(f"{largest:.1e}")
sys.exit(one.keys() != other.keys() or largest > float(sys.argv[3]))
PY
}

small="--epochs 2 --learning-rate 5e-5 --init random --precision fp32 --quiet"
student="--student $demo/teacher --student-layers 0,1"
task="--task sst2 --data $demo --max-train-examples 180 --max-seq-length 48"
export OMP_NUM_THREADS=1
both() { # OUTPUT RANKS COMMAND OPTIONS...: alone on one thread, and on ranks: to OUTPUT-alone-RANKS and OUTPUT-RANKS
  local output=$1 ranks=$2
  shift 2
  ok "best at epoch" "$reaugkd" "$@" --output "$work/$output-alone-$ranks"
  ok "best at epoch" "$reaugkd" --ranks "$ranks" "$@" --output "$work/$output-$ranks"
  difference=$(same "$output-alone-$ranks" "$output-$ranks") || fail "$output on $ranks ranks differs from one process by $difference"
}
both teacher 2 teacher-finetune --model "$demo/teacher" $task $small --keep-trajectory 3
both teacher 3 teacher-finetune --model "$demo/teacher" $task $small --gradient-accumulation-steps 2 --batch-size 20
ok "best at epoch" "$reaugkd" --ranks 2 teacher-finetune --model "$demo/teacher" $task $small --keep-trajectory 3 --shard-optimizer \
  --output "$work/sharded"
cmp "$work/teacher-2/model.safetensors" "$work/sharded/model.safetensors" || fail "--shard-optimizer trains other weights"
ok "best at epoch" "$reaugkd" --ranks 2 teacher-finetune --model "$demo/teacher" $task $small --keep-trajectory 3 --shard-optimizer \
  --save-steps 2 --overwrite --rank-timeout 60 --output "$work/sharded" # no rank writes a checkpoint
for ranks in 2 3; do # gradients of half the bytes: nearly the same weights, and the same bytes again
  for run in first second; do
    ok "best at epoch" "$reaugkd" --ranks $ranks teacher-finetune --model "$demo/teacher" $task $small --gradient-exchange bf16 \
      --output "$work/bf16-$ranks-$run"
  done
  cmp "$work/bf16-$ranks-first/model.safetensors" "$work/bf16-$ranks-second/model.safetensors" || fail "--gradient-exchange bf16: other bytes"
  cmp -s "$work/teacher-2/model.safetensors" "$work/bf16-$ranks-first/model.safetensors" && fail "--gradient-exchange bf16 changes nothing"
  difference=$(same teacher-2 bf16-$ranks-first 5e-5) || fail "--gradient-exchange bf16 on $ranks ranks: weights differ by $difference"
done
for run in made read; do # token ids, by the ranks together and then as they are there
  ok "best at epoch" "$reaugkd" --ranks 2 teacher-finetune --model "$demo/teacher" $task $small --keep-trajectory 3 --token-cache "$work/tokens" \
    --output "$work/tokens-$run"
  cmp "$work/teacher-2/model.safetensors" "$work/tokens-$run/model.safetensors" || fail "--token-cache: $run ids train other weights"
done
both friendly 2 teacher-finetune --model "$demo/teacher" $task $small --student-friendly "$demo/teacher" --student-layers 0,1
teacher=$work/teacher-alone-2
for way in alone ranks; do
  start=$([ $way = ranks ] && echo "--ranks 2")
  ok "k-NN accuracy" "$reaugkd" $start project --teacher "$teacher" --student "$demo/teacher" --data "$demo" --output "$work/projected-$way" \
    --epochs 1 --quiet
  ok "teacher_on_kb" "$reaugkd" $start build-kb --teacher "$work/projected-$way" --data "$demo" --output "$work/kb-$way" --quiet
done
ok "teacher_on_kb" "$reaugkd" --ranks 2 build-kb --teacher "$work/projected-alone" --data "$demo" --cross-fit 2 --output "$work/kb-cross" --quiet
for file in projected:projection.safetensors projected:features.safetensors kb:kb.safetensors kb:examples.tsv; do
  cmp "$work/${file%:*}-alone/${file#*:}" "$work/${file%:*}-ranks/${file#*:}" || fail "${file#*:} differs on ranks"
done
kb=$work/kb-alone
declare -A source=([reaugkd]="--kb $kb" [finetune]="--kb $kb" [takd]="--teacher $work/kd-alone-2"
  [sftn]="--teacher $work/friendly-alone-2")
for method in finetune kd reaugkd pkd rkd tinybert minilm takd rco sftn dml prokt metadistil; do
  distill="distill --method $method ${source[$method]:---teacher $teacher} $student --data $demo $small"
  both $method 2 $distill
  ok "best at epoch" "$reaugkd" --ranks 3 $distill --output "$work/$method-3"
  difference=$(same $method-alone-2 $method-3) || fail "$method on 3 ranks differs from one process by $difference"
done
both accumulated 3 distill --kb "$kb" $student --data "$demo" $small --gradient-accumulation-steps 2
for ranks in 1 2 3; do
  ok "combined" "$reaugkd" --ranks $ranks eval --model "$work/reaugkd-alone-2" --kb "$kb" --data "$demo" --latency-examples 0 \
    --output "$work/eval-$ranks" --quiet
  cmp "$work/eval-1/predictions.tsv" "$work/eval-$ranks/predictions.tsv" || fail "predictions differ on $ranks ranks"
done
mkdir "$work/many" # rows for two files of token ids, of which each rank makes one
awk 'NR == 1 { print; next } { row[n++] = $0 } END { for (i = 0; i < 16400; ++i) print row[i % n] }' "$demo/dev.tsv" >"$work/many/dev.tsv"
for run in made read alone; do
  start=$([ $run = alone ] || echo "--ranks 2")
  ok "accuracy" "$reaugkd" $start eval --model "$work/reaugkd-alone-2" --data "$work/many" --latency-examples 0 --output "$work/eval-$run" \
    $([ $run = alone ] || echo "--token-cache $work/many/tokens") --quiet
  cmp "$work/eval-$run/predictions.tsv" "$work/eval-made/predictions.tsv" || fail "--token-cache: predictions differ"
  find "$work/many" -name "*.safetensors" -printf '%p %T@\n' | sort >"$work/tokens-$run.list"
  cmp "$work/tokens-$run.list" "$work/tokens-made.list" || fail "--token-cache: token ids were made again"
done
[ "$(wc -l <"$work/tokens-made.list")" = 2 ] || fail "--token-cache: $(cat "$work/tokens-made.list")"

tail -n +2 "$demo/dev.tsv" | cut -f1 | head -300 >"$work/texts.txt"
for ranks in 1 2 3; do
  "$reaugkd" --ranks $ranks predict --model "$work/reaugkd-alone-2" --kb "$kb" --k 8 --beta 0.5 --tau-retrieval 0.1 --details \
    "$work/texts.txt" --output "$work/answers-$ranks.csv" --quiet >"$work/out" 2>&1 || fail "predict on $ranks ranks: $(cat "$work/out")"
  cmp "$work/answers-1.csv" "$work/answers-$ranks.csv" || fail "answers differ on $ranks ranks"
done
printf 'sentence\tone\na good film\t1\n' >"$work/one.tsv"
"$reaugkd" --ranks 2 predict --model "$work/reaugkd-alone-2" --format table "$work/one.tsv" --quiet >"$work/out" 2>&1 ||
  fail "a table on ranks: $(cat "$work/out")"
"$reaugkd" --ranks 2 predict --model "$work/reaugkd-alone-2" <"$work/texts.txt" >"$work/out" 2>&1
code=$?
[ $code = 2 ] && grep -q "several ranks answer for a file" "$work/out" || fail "a pipe to two ranks: $code $(cat "$work/out")"

# A bad row that rank 1 alone has: rank 0 says so.
mkdir "$work/here" "$work/there"
cp "$demo/dev.tsv" "$work/here"
{ cat "$demo/dev.tsv" && printf 'no label\n'; } >"$work/there/dev.tsv"
export WORLD_SIZE=2 MASTER_PORT=29513
evaluate="eval --model $work/reaugkd-alone-2 --data . --task sst2 --skip-bad-rows --latency-examples 0 --overwrite --quiet"
(cd "$work/there" && RANK=1 "$reaugkd" $evaluate --output "$work/warned" >"$work/out1" 2>&1) &
(cd "$work/here" && RANK=0 "$reaugkd" $evaluate --output "$work/warned" >"$work/out" 2>&1) || fail "eval of other files: $(cat "$work/out")"
wait
unset WORLD_SIZE MASTER_PORT
grep -q "rank 1: .*dev.tsv: 1 bad rows" "$work/warned/run.log" || fail "rank 1's warning is not in run.log: $(cat "$work/warned/run.log")"
grep -c "warning.*bad rows" "$work/warned/run.log" | grep -qx 1 || fail "a warning is said twice: $(cat "$work/warned/run.log")"

# Rank 0 alone writes, and what the others wrote is gone.
ls "$TMPDIR" | grep -q "^reaugkd-rank-" && fail "a rank has left its folder behind"
# A run that has finished: every rank knows.
ok "nothing to do|^$" "$reaugkd" --ranks 2 distill --kb "$kb" $student --data "$demo" ${small/--quiet/} \
  --output "$work/reaugkd-2" --resume

train="teacher-finetune --model $demo/teacher $task --init random --precision fp32 --epochs 400"
wait_for_step() { # DIRECTORY
  for _ in $(seq 200); do
    grep -q '"step":' "$1/train_log.jsonl" 2>/dev/null && return
    sleep 0.1
  done
  fail "$1: no step was made"
}
rank_of() { # DIRECTORY RANK: its process
  local process
  for process in /proc/[0-9]*; do
    tr '\0' '\n' 2>/dev/null <"$process/environ" | grep -qx "RANK=$2" &&
      tr '\0' ' ' <"$process/cmdline" | grep -q -- "--output $1 " && basename "$process"
  done
}
# Killed and resumed: to the same bytes, and on one process to nearly the same.
train=${train/--epochs 400/--epochs 20}
"$reaugkd" --ranks 2 $train --output "$work/whole" --quiet >/dev/null 2>&1 || fail "the whole run"
"$reaugkd" --ranks 2 $train --output "$work/stopped" --save-steps 3 --quiet >"$work/out" 2>&1 &
starter=$!
wait_for_step "$work/stopped"
kill -TERM $starter
wait $starter
code=$?
[ $code = 143 ] || fail "stopped by SIGTERM: exit code $code, $(cat "$work/out")"
[ -s "$work/stopped/checkpoint.safetensors" ] || fail "SIGTERM left no checkpoint"
cp -r "$work/stopped" "$work/stopped-alone"
"$reaugkd" --ranks 2 $train --output "$work/stopped" --save-steps 3 --resume --quiet >/dev/null 2>&1 || fail "--resume on ranks"
cmp "$work/whole/model.safetensors" "$work/stopped/model.safetensors" || fail "a resumed run on ranks has other bytes"
"$reaugkd" --ranks 2 $train --output "$work/shards" --save-steps 3 --shard-optimizer --quiet >"$work/out" 2>&1 &
starter=$!
wait_for_step "$work/shards"
kill -TERM $starter
wait $starter
[ -s "$work/shards/checkpoint.safetensors" ] || fail "SIGTERM left no checkpoint of a sharded optimizer"
"$reaugkd" --ranks 3 $train --output "$work/shards" --save-steps 3 --shard-optimizer --resume --quiet >/dev/null 2>&1 ||
  fail "--resume of a sharded optimizer on another number of ranks"
difference=$(same whole shards) || fail "a run with a sharded optimizer, resumed on three ranks, differs by $difference"
"$reaugkd" $train --output "$work/stopped-alone" --save-steps 3 --resume --quiet >/dev/null 2>&1 || fail "--resume on one process"
difference=$(same whole stopped-alone) || fail "a run on ranks that one process ended differs by $difference"

train="teacher-finetune --model $demo/teacher $task --init random --precision fp32 --epochs 400"
for fault in KILL STOP; do
  "$reaugkd" --ranks 2 $train --rank-timeout 10 --output "$work/$fault" --quiet >"$work/out" 2>&1 &
  starter=$!
  wait_for_step "$work/$fault"
  kill -$fault $(rank_of "$work/$fault" 1)
  wait $starter
  code=$?
  [ $code = 7 ] || fail "rank 1 got SIG$fault: exit code $code, $(cat "$work/out")"
  grep -q "rank 1" "$work/out" || fail "rank 1 got SIG$fault: it is not named in $(cat "$work/out")"
done
ls "$TMPDIR" | grep "^reaugkd-rank-" && fail "a killed rank has left its folder behind"
# Started otherwise.
WORLD_SIZE=2 RANK=1 MASTER_PORT=29511 "$reaugkd" $train --seed 7 --output "$work/other" --quiet >"$work/out1" 2>&1 &
WORLD_SIZE=2 RANK=0 MASTER_PORT=29511 "$reaugkd" $train --seed 8 --output "$work/other" --quiet >"$work/out" 2>&1
code=$?
wait
[ $code = 2 ] && grep -q "rank 1 differs from rank 0 in --seed: 7 and 8" "$work/out" || fail "other options: $code $(cat "$work/out")"
WORLD_SIZE=2 RANK=0 MASTER_PORT=29512 "$reaugkd" $train --rank-timeout 2 --output "$work/other" --quiet >"$work/out" 2>&1
code=$?
[ $code = 7 ] && grep -q "rank 1 of 2 has not come within 2 s" "$work/out" || fail "a missing rank: $code $(cat "$work/out")"
WORLD_SIZE=two RANK=0 "$reaugkd" $train --output "$work/other" >"$work/out" 2>&1
code=$?
[ $code = 2 ] && grep -q 'WORLD_SIZE is "two"' "$work/out" || fail "WORLD_SIZE=two: $code $(cat "$work/out")"
"$reaugkd" --ranks none $train --output "$work/other" >"$work/out" 2>&1
code=$?
[ $code = 2 ] && grep -q -- '--ranks "none"' "$work/out" || fail "--ranks none: $code $(cat "$work/out")"
passed "ranks"
