#!/usr/bin/env bash
# The five stages on a GPU: they give what the CPU gives, in fp32 and without dropout to rounding; in
# bf16 they run. On the emulated one (emulated_cuda.cpp) also: no step of training makes the host wait.
# Usage: stages.sh BINARY SOURCE_DIRECTORY [EMULATED_CUDA]; without the last the machine's GPU, else 77
source "$(dirname "$0")/../cli/expect.sh" "$@"
export REAUGKD=$1 EMULATED_CUDA=${3-}
if [ -z "$EMULATED_CUDA" ] && ! nvidia-smi -L 2>/dev/null | grep -q GPU; then echo "no GPU: skipped"; exit 77; fi
on_gpu=$2/tests/gpu/on_gpu.sh

cp -r "$demo/teacher" "$work/model"
sed -i -E 's/("(hidden|attention_probs)_dropout_prob"): [0-9.]+/\1: 0/' "$work/model/config.json"
small="--epochs 1 --learning-rate 1e-3 --max-grad-norm 1 --quiet"

chain() { # BINARY OUTPUT PRECISION
  local run=$1 out=$2 data="--data $demo --precision $3"
  ok "best at epoch" "$run" teacher-finetune --model "$work/model" --init random --task sst2 $data \
    --max-train-examples 600 --max-seq-length 48 --output "$out/teacher" $small
  ok "k-NN accuracy" "$run" project --teacher "$out/teacher" --student "$work/model" $data --output "$out/projected" \
    --epochs 2 --quiet
  ok "teacher_on_kb" "$run" build-kb --teacher "$out/projected" $data --output "$out/kb" --index exact --quiet
  ok "best at epoch" "$run" distill --kb "$out/kb" --student "$work/model" --init random --student-layers 0 $data \
    --output "$out/student" $small
  ok "combined" "$run" eval --model "$out/student" --kb "$out/kb" --teacher "$out/teacher" $data --output "$out/eval" \
    --k 8 --beta 0.5 --tau-retrieval 0.1 --latency-examples 5 --eval-batch-size 16 --quiet
}

chain "$reaugkd" "$work/cpu" fp32
chain "$on_gpu" "$work/gpu" fp32
chain "$on_gpu" "$work/bf16" bf16
[ "$failures" = 0 ] || { echo "what follows needs these stages" >&2; exit 1; }
for precision in fp32:gpu bf16:bf16; do
  grep -q "computes on cuda:0 in ${precision%:*}" "$work/${precision#*:}/student/run.log" ||
    fail "${precision%:*} did not run on the GPU"
done
# Probabilities of the two, column by column.
paste <(cut -f4- "$work/cpu/eval/predictions.tsv") <(cut -f4- "$work/gpu/eval/predictions.tsv") | tail -n +2 |
  awk '{ for (i = 1; i <= NF / 2; ++i) { d = $i - $(i + NF / 2); if (!(d <= 1e-3 && d >= -1e-3)) ++far } }
       END { printf "%d rows, %d probabilities\n", NR, far; exit !(NR == 1000 && far == 0) }' >"$work/far" ||
  fail "of 1000 rows whose probabilities should be the CPU's to 1e-3: $(cat "$work/far") are not"
[ -n "$EMULATED_CUDA" ] || { passed "five stages on a GPU"; exit; }

# Twice the batches over the same rows, with as many validations and logged steps: as many waits.
same_waits() { # OPTION COMMAND OPTIONS...
  local option=$1 value
  shift
  for value in 128 64; do
    EMULATED_CUDA_WAITS="$work/waits-$value" ok "written to" "$on_gpu" "$@" $option $value --data "$demo" \
      --output "$work/waiting-$1" --overwrite --quiet
  done
  [ -s "$work/waits-128" ] || fail "no waits were counted"
  diff "$work/waits-128" "$work/waits-64" >"$work/diff" || { fail "the host waits for each batch of $*"; cat "$work/diff" >&2; }
}
once="--init random --epochs 1 --logging-steps 1000"
same_waits --batch-size teacher-finetune --model "$work/model" --task sst2 --max-train-examples 600 --max-seq-length 48 $once
same_waits --batch-size project --teacher "$work/gpu/teacher" --student "$work/model" --epochs 1
same_waits --eval-batch-size project --teacher "$work/gpu/teacher" --student "$work/model" --epochs 1
student="--student $work/model --student-layers 0 $once"
for options in "" "--anchor kb --kb-anchors 64" "--self-similarity keep"; do
  same_waits --batch-size distill --method reaugkd --kb "$work/gpu/kb" $options $student
done
# Not metadistil, which needs a length in every step; takd, rco and sftn learn as kd and pkd do.
for method in finetune kd rkd tinybert minilm dml prokt; do
  same_waits --batch-size distill --method $method --teacher "$work/gpu/teacher" $student
done
passed "five stages on an emulated GPU"
