#!/usr/bin/env bash
# Everything that only a GPU can show, in about ten minutes once `make build TORCH=wheel` is done: the tests of the label gpu (CPU and
# GPU give the same, bf16 runs), ranks over NCCL where there are two cards, and, with MODEL_DIR and GLUE_DIR, training and
# inference beside transformers on the same card with the memory that each took. Usage: tests/gpu/check.sh [OUTPUT_DIRECTORY]
set -u
cd "$(dirname "$0")/../.."
out=$(realpath -m "${1:-runs/gpu-check}")
build=build/wheel
reaugkd=$PWD/$build/bin/reaugkd
mkdir -p "$out"
[ -x "$reaugkd" ] || { echo "no $reaugkd: run make build TORCH=wheel first" >&2; exit 2; }
[ -e .venv-torch/libtorch/lib/libtorch_cuda.so ] || { echo "the torch of .venv-torch is for CPUs alone" >&2; exit 2; }
cards=$(nvidia-smi -L 2>/dev/null | grep -c GPU)
[ "$cards" -gt 0 ] || { echo "no GPU: skipped"; exit 77; }
failed=0
step() { # NAME COMMAND...
  local name=$1 start=$SECONDS
  shift
  if "$@" >"$out/$name.log" 2>&1; then echo "$name: passed ($((SECONDS - start)) s)"; else
    echo "$name: FAILED ($((SECONDS - start)) s), see $out/$name.log"
    failed=1
  fi
}
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv | tee "$out/cards.csv"

step tests ctest --test-dir "$build" -L gpu --no-tests=error --output-on-failure

# Two ranks, a card each: one card's accuracy within 3 points (the ranks draw other dropout).
two_ranks() {
  local train="teacher-finetune --model data/demo/teacher --init random --task sst2 --data data/demo --max-seq-length 48
    --epochs 1 --precision fp32 --device cuda --quiet --overwrite"
  "$reaugkd" $train --output "$out/one-card" || return 1
  for run in first second; do "$reaugkd" --ranks 2 $train --output "$out/two-cards-$run" || return 1; done
  cmp "$out/two-cards-first/model.safetensors" "$out/two-cards-second/model.safetensors" ||
    echo "two runs on two cards differ in their last bits"
  grep -hm1 '"accuracy"' "$out"/{one-card,two-cards-first}/metrics.json | tr -dc '0-9.\n' |
    awk '{ a[NR] = $1 } END { print "accuracy", a[1], a[2]; d = a[1] - a[2]; exit !(NR == 2 && d < 0.03 && d > -0.03) }'
}
if [ "$cards" -gt 1 ]; then step nccl two_ranks; else echo "nccl: one card alone, skipped"; fi

if [ -n "${MODEL_DIR-}" ] && [ -n "${GLUE_DIR-}" ]; then
  for part in training inference; do
    step "bench-$part" bench/benchmark.py --bin "$build/bin" --python .venv-torch/bin/python --model "$MODEL_DIR" --glue "$GLUE_DIR" \
      --parts $part --rounds 2 --device cuda --json "$out/$part.json"
    cat "$out/bench-$part.log"
  done
else
  echo "bench: MODEL_DIR and GLUE_DIR are not set, skipped"
fi
exit $failed
