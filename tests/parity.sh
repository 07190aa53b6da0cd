#!/usr/bin/env bash
# What only Python's libraries can tell: models, tokenizers and folders beside transformers and its kin. Runs all, as many
# at once as there are cores, and fails where one fails or is skipped, since nothing is missing here.
# Usage: PYTHON=python3 parity.sh FOLDER_OF_BINARIES
set -uo pipefail
bin=$(realpath "$1")
cd "$(dirname "$0")/.."
export PYTHON OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1
run() {
  local start=$SECONDS log
  log=$(mktemp)
  "$@" >"$log" 2>&1
  local code=$?
  [ $code = 0 ] || cat "$log"
  echo "$([ $code = 0 ] && echo passed || echo "FAILED ($code)"): $* ($((SECONDS - start)) s)"
  rm "$log"
  return $code
}
export -f run
xargs -P "$(nproc)" -L 1 bash -c 'run "$@"' _ <<TESTS || exit 1
$PYTHON tests/cli/transformers_parity.py $bin/reaugkd .
$PYTHON tests/cli/tokenizers_parity.py $bin/print_ids --lines 5000 --random 2000
$PYTHON tests/cli/model_directories.py $bin/reaugkd .
$PYTHON tests/cli/encoders_parity.py $bin/encoder_outputs
$PYTHON tests/cli/convert_checkpoint.py $bin/reaugkd .
tests/cli/examples.sh $bin/reaugkd . python
$PYTHON tests/cli/sentence_transformers.py $bin/reaugkd .
tests/cli/other_teachers.sh $bin/reaugkd . sklearn
tests/cli/other_teachers.sh $bin/reaugkd . transformers
TESTS
echo "parity: passed"
