#!/usr/bin/env bash
# One GLUE task, from its files to a table.
#
#   GLUE_DIR=... MODEL_DIR=... examples/glue-task.sh [TASK]    TASK: sst2 (default), rte, mrpc, cola, stsb, ...
#
#   GLUE_DIR         GLUE in its own layout: SST-2/train.tsv and so on (data/get_glue.py fetches it)
#   MODEL_DIR        a published checkpoint: config.json, model.safetensors, a vocabulary
#   STUDENT_LAYERS   which of its layers the student keeps: 0,2,4,6,8,10
#   OUTPUT           where to write: runs/glue-TASK
#   REAUGKD          the binary: build/release/bin/reaugkd
#
# Without GLUE_DIR and MODEL_DIR the script takes data/demo: made-up sentences in SST-2's layout and tiny models without
# weights. That run shows that the commands work. Its scores say nothing about GLUE.
# Call the script again after an interruption: it goes on where it stopped.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
task=${1:-sst2}
output=${OUTPUT:-$root/runs/glue-$task}
reaugkd=${REAUGKD:-$root/build/release/bin/reaugkd}

if [ -n "${GLUE_DIR:-}" ] && [ -n "${MODEL_DIR:-}" ]; then
  case $task in
    sst2) folder=SST-2 ;;
    stsb) folder=STS-B ;;
    cola) folder=CoLA ;;
    *) folder=${task^^} ;;
  esac
  data=$GLUE_DIR/$folder
  teacher_model=(--model "$MODEL_DIR")
  student_model=(--student "$MODEL_DIR" --student-layers "${STUDENT_LAYERS:-0,2,4,6,8,10}")
  teacher_options=() project_options=() student_options=()
elif [ -z "${GLUE_DIR:-}${MODEL_DIR:-}" ] && [ "$task" = sst2 ]; then
  echo "glue-task.sh: no GLUE_DIR and no MODEL_DIR, so this is the demo's data, not GLUE" >&2
  data=$root/data/demo
  teacher_model=(--model "$data/teacher" --init random)
  student_model=(--student "$data/student" --init random)
  teacher_options=(--max-seq-length 48 --epochs 8 --batch-size 16 --learning-rate 1e-3)
  project_options=(--epochs 1 --learning-rate 1e-4)
  student_options=(--epochs 4 --batch-size 16 --learning-rate 1e-3 --alpha 20 --anchor student --self-similarity keep)
else
  echo "glue-task.sh: set both GLUE_DIR and MODEL_DIR (neither: a trial run of sst2 on data/demo)" >&2
  exit 2
fi

stage() { "$reaugkd" "$@" --data "$data" --resume; }
stage teacher-finetune "${teacher_model[@]}" --task "$task" "${teacher_options[@]}" --output "$output/teacher"
stage project --teacher "$output/teacher" --student "${student_model[1]}" "${project_options[@]}" --output "$output/projected"
stage build-kb --teacher "$output/projected" --output "$output/kb"
stage distill --kb "$output/kb" "${student_model[@]}" "${student_options[@]}" --output "$output/student"
stage eval --model "$output/student" --kb "$output/kb" --teacher "$output/teacher" --output "$output/eval"
