#!/usr/bin/env bash
# The five stages on data/demo, from random weights to the table: run.sh BINARY OUTPUT
# Finished stages are not repeated; remove OUTPUT to begin again.
set -euo pipefail
reaugkd=$1
out=$2
here=$(cd "$(dirname "$0")" && pwd)
stage() { echo "== $1" >&2; "$reaugkd" "$@" --data "$here" --resume; }

stage teacher-finetune --model "$here/teacher" --init random --task sst2 --max-seq-length 48 \
  --epochs 8 --batch-size 16 --learning-rate 1e-3 --output "$out/teacher"
stage project --teacher "$out/teacher" --student "$here/student" \
  --epochs 1 --learning-rate 1e-4 --output "$out/projected"
stage build-kb --teacher "$out/projected" --output "$out/kb"
stage distill --kb "$out/kb" --student "$here/student" --init random \
  --epochs 4 --batch-size 16 --learning-rate 1e-3 \
  --alpha 20 --anchor student --self-similarity keep --output "$out/student"
stage eval --model "$out/student" --kb "$out/kb" --teacher "$out/teacher" --output "$out/eval"
