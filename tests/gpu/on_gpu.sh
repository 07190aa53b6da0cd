#!/usr/bin/env bash
# Stands for the binary in the scripts of tests/cli: every stage computes on the emulated GPU.
# Its two paths come from the environment: REAUGKD, EMULATED_CUDA.
case $1 in
  teacher-finetune | project | build-kb | distill | eval)
    [[ " $* " == *" --device "* || " $* " == *" --describe "* || " $* " == *" --config "* ]] || set -- "$@" --device cuda ;;
esac
LD_PRELOAD=$EMULATED_CUDA exec "$REAUGKD" "$@"
