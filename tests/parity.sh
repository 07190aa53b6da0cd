#!/usr/bin/env bash
# What only Python's libraries can tell: models, tokenizers and folders beside transformers. Stops at what fails, and at
# what is skipped, since all of it can run here. Usage: PYTHON=python3 parity.sh BINARY
set -euo pipefail
cd "$(dirname "$0")/.."
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-2} HF_HUB_OFFLINE=1
run() { echo "== $*"; "$@"; }
run tests/cli/examples.sh "$1" . python
run "$PYTHON" tests/cli/transformers_parity.py "$1" .
