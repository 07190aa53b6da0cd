#!/usr/bin/env bash
# What only Python's libraries can tell: models, tokenizers and folders beside transformers and its kin. Runs all, and fails
# where one fails or is skipped, since nothing is missing here. Usage: PYTHON=python3 parity.sh FOLDER_OF_BINARIES
set -uo pipefail
bin=$(realpath "$1")
cd "$(dirname "$0")/.."
export PYTHON OMP_NUM_THREADS=${OMP_NUM_THREADS:-2} HF_HUB_OFFLINE=1
failed=()
run() {
  echo "== $* ($((SECONDS / 60)) min)"
  "$@" || failed+=("$* ($?)")
}
run tests/cli/examples.sh "$bin/reaugkd" . python
for kind in sklearn transformers; do run tests/cli/other_teachers.sh "$bin/reaugkd" . $kind; done
for test in transformers_parity convert_checkpoint model_directories sentence_transformers; do
  run "$PYTHON" tests/cli/$test.py "$bin/reaugkd" .
done
run "$PYTHON" tests/cli/encoders_parity.py "$bin/encoder_outputs"
run "$PYTHON" tests/cli/tokenizers_parity.py "$bin/print_ids" --lines 5000 --random 2000
if [ ${#failed[@]} -gt 0 ]; then
  printf 'failed or skipped: %s\n' "${failed[@]}" >&2
  exit 1
fi
echo "parity: passed"
