#!/usr/bin/env bash
# examples/teacher_sklearn.py and teacher_transformers.py: a teacher in Python, and a student that learns from it.
# Usage: other_teachers.sh BINARY SOURCE_DIRECTORY sklearn|transformers
# Exits with 77 (skipped) where Python lacks the packages.
source "$(dirname "$0")/expect.sh" "$@"
examples=$2/examples
python=${PYTHON:-python3}
kind=${3:-sklearn}
export HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1
case $kind in
  sklearn) modules="numpy, sklearn" ;;
  transformers) modules="torch, transformers, safetensors" ;;
esac
"$python" -c "import $modules" 2>/dev/null || { echo "SKIP: $python has not all of $modules"; exit 77; }

task="--task sst2 --data $demo --max-seq-length 48 --quiet"
student="--student $demo/student --init random --epochs 6 --batch-size 16 --learning-rate 2e-3"
outputs=$work/outputs.npz
if [ "$kind" = sklearn ]; then
  ok "8000 rows, 2 classes, accuracy of held-out folds 0[.][6-9]" "$python" "$examples/teacher_sklearn.py" "$demo/train.tsv" "$outputs" \
    sentence label
else
  # A classifier that transformers loads: the demo's teacher, trained here.
  outputs=$work/outputs.safetensors
  "$reaugkd" teacher-finetune --model "$demo/teacher" --init random $task --epochs 4 --batch-size 16 --learning-rate 1e-3 \
    --output "$work/teacher" >/dev/null 2>&1 || fail teacher-finetune
  ok "8000 rows, embeddings of width 64, logits of 2 classes" "$python" "$examples/teacher_transformers.py" "$work/teacher" \
    "$demo/train.tsv" "$outputs" sentence label
fi
ok "its predictions agree with the labels of [6-9][0-9]" "$reaugkd" project --teacher-outputs "$outputs" --student "$demo/student" \
  --task sst2 --data "$demo" --max-seq-length 48 --output "$work/projected"
ok "teacher_on_kb +accuracy 0[.][6-9]" "$reaugkd" build-kb --teacher "$work/projected" --data "$demo" --quiet --output "$work/kb"
ok "distill --method reaugkd" "$reaugkd" distill --kb "$work/kb" $student --data "$demo" --quiet --output "$work/student"
ok "^  combined" "$reaugkd" eval --model "$work/student" --kb "$work/kb" --data "$demo" --quiet --latency-examples 0 --output "$work/eval"
# Half of the rows have either label: well above means 0.65.
awk '$1 == "student" {found = 1; good = $2 >= 0.65} END {exit !(found && good)}' "$work/stdout" || {
  fail "the student has learnt nothing"; cat "$work/stdout" >&2; }
passed "a teacher by $kind"
