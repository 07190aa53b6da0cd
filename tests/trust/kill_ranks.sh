#!/usr/bin/env bash
# A training on two ranks of which one, at random, is killed again and again. Each time the command ends by itself, says which rank
# is gone, leaves a whole checkpoint, and goes on: in the end to the bytes of a run that nobody killed.
# Usage: kill_ranks.sh BINARY SOURCE_DIRECTORY [KILLS]
set -u
reaugkd=$1 demo=$2/data/demo kills=${3:-20}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1 TMPDIR=$work/tmp
mkdir "$TMPDIR"
RANDOM=7
train="teacher-finetune --model $demo/teacher --task sst2 --data $demo --max-seq-length 48 --init random --precision fp32
  --epochs 4 --save-steps 20 --quiet"

"$reaugkd" --ranks 2 $train --output "$work/whole" >/dev/null 2>&1 || { echo "the whole run failed" >&2; exit 1; }
rank_of() { # RANK: its process
  local process
  for process in /proc/[0-9]*; do
    tr '\0' '\n' 2>/dev/null <"$process/environ" | grep -qx "RANK=$1" &&
      tr '\0' ' ' <"$process/cmdline" | grep -q -- "--output $work/killed " && basename "$process"
  done
}
killed=0
while [ $killed -lt "$kills" ]; do
  "$reaugkd" --ranks 2 $train --output "$work/killed" --resume >"$work/out" 2>&1 &
  starter=$!
  sleep $((1 + RANDOM % 3)).$((RANDOM % 10))
  victim=$((RANDOM % 2))
  process=$(rank_of $victim)
  [ -n "$process" ] && kill -KILL $process 2>/dev/null && killed=$((killed + 1))
  timeout 60 tail --pid=$starter -f /dev/null || { echo "rank $victim was killed, and the command goes on without end" >&2; exit 1; }
  wait $starter
  code=$?
  if [ $code = 0 ]; then
    cmp "$work/whole/model.safetensors" "$work/killed/model.safetensors" || { echo "other bytes after $killed kills" >&2; exit 1; }
    rm -rf "$work/killed"
  elif ! grep -q "rank $victim" "$work/out"; then
    echo "rank $victim was killed: exit code $code and no word of it: $(cat "$work/out")" >&2
    exit 1
  fi
done
"$reaugkd" --ranks 2 $train --output "$work/killed" --resume >"$work/out" 2>&1 || {
  echo "not resumed: $(cat "$work/out")" >&2
  exit 1
}
cmp "$work/whole/model.safetensors" "$work/killed/model.safetensors" || { echo "other bytes after $killed kills" >&2; exit 1; }
echo "$killed kills of a rank: every run ended, and went on to the same bytes"
