#!/usr/bin/env bash
# Your own CSV files, from two files to a folder that answers.
#
#   MODEL_DIR=... examples/your-csv.sh TRAIN.csv DEV.csv [TEXT_COLUMN [LABEL_COLUMN]]
#
#   TEXT_COLUMN, LABEL_COLUMN   names in the files' first line: text and label
#   MODEL_DIR        a published checkpoint: config.json, model.safetensors, a vocabulary
#   STUDENT_LAYERS   which of its layers the student keeps: 0,2,4,6,8,10
#   OUTPUT           where to write: runs/your-csv
#   REAUGKD          the binary: build/release/bin/reaugkd
#
# Without MODEL_DIR the script takes the demo's tiny models, which know no language. That run shows that the commands
# work on your files; its scores will be poor. Without files it makes two from the demo's sentences.
# Call the script again after an interruption: it goes on where it stopped.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
output=${OUTPUT:-$root/runs/your-csv}
reaugkd=${REAUGKD:-$root/build/release/bin/reaugkd}
data=$output/mine # the task takes its name from the folder
text=${3:-text}
label=${4:-label}
mkdir -p "$data"

# 1. The files: train.csv and dev.csv in one folder.
if [ $# -ge 2 ]; then
  cp "$1" "$data/train.csv"
  cp "$2" "$data/dev.csv"
elif [ $# = 0 ]; then
  echo "your-csv.sh: no files given, so this takes the demo's sentences" >&2
  for part in train dev; do
    awk -F'\t' 'NR == 1 {print "text,label"; next}
      {gsub(/"/, "\"\"", $1); print "\"" $1 "\"," ($2 ? "praise" : "blame")}' "$root/data/demo/$part.tsv" >"$data/$part.csv"
  done
else
  sed -n '2,4p' "$0" >&2
  exit 2
fi

# 2. The five stages. The first one is told the columns; the labels in train.csv are the classes.
if [ -n "${MODEL_DIR:-}" ]; then
  teacher_model=(--model "$MODEL_DIR")
  student_model=(--student "$MODEL_DIR" --student-layers "${STUDENT_LAYERS:-0,2,4,6,8,10}")
  teacher_options=() project_options=() student_options=()
else
  echo "your-csv.sh: no MODEL_DIR, so this trains the demo's tiny models" >&2
  teacher_model=(--model "$root/data/demo/teacher" --init random)
  student_model=(--student "$root/data/demo/student" --init random)
  teacher_options=(--max-seq-length 48 --epochs 8 --batch-size 16 --learning-rate 1e-3)
  project_options=(--epochs 1 --learning-rate 1e-4)
  student_options=(--epochs 4 --batch-size 16 --learning-rate 1e-3 --alpha 20 --anchor student --self-similarity keep)
fi
stage() { "$reaugkd" "$@" --data "$data" --resume; }
stage teacher-finetune "${teacher_model[@]}" --text-column "$text" --label-column "$label" \
  "${teacher_options[@]}" --output "$output/teacher"
stage project --teacher "$output/teacher" --student "${student_model[1]}" "${project_options[@]}" --output "$output/projected"
stage build-kb --teacher "$output/projected" --output "$output/kb"
stage distill --kb "$output/kb" "${student_model[@]}" "${student_options[@]}" --output "$output/student"
stage eval --model "$output/student" --kb "$output/kb" --teacher "$output/teacher" --explain 2 --output "$output/eval"

# 3. A folder that answers, and its first answers.
"$reaugkd" export --model "$output/student" --kb "$output/kb" --eval "$output/eval" --overwrite --output "$output/folder"
"$reaugkd" predict --model "$output/folder" "$data/dev.csv" --neighbors 1 --format table --quiet | head -12
