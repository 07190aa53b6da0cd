#!/usr/bin/env bash
# clang-tidy over lib/ and apps/: clang_tidy.sh [MODULE...]. A module is read as one unit, since LibTorch's headers take
# longer than all of ours.
set -euo pipefail
cd "$(dirname "$0")/.."
tidy=${CLANG_TIDY:-clang-tidy-19}
units=build/lint
mkdir -p "$units"
torch=$(dirname "$(dirname "$(find /usr/include "${TORCH_ROOT:-/usr}" -path '*api/include/torch/torch.h' -print -quit)")")
flags=(-std=c++20 -include .ci/clang_tidy_prelude.h -isystem "$torch" -Ilib -Iapps/reaugkd -DFMT_SHARED
  -DSPDLOG_COMPILED_LIB -DSPDLOG_FMT_EXTERNAL -DSPDLOG_SHARED_LIB -DREAUGKD_SENTENCEPIECE -DREAUGKD_RANKS -DREAUGKD_VERSION='"lint"'
  -DTORCH_LIBRARY_DIR='"lib"')
modules=("$@")
[ ${#modules[@]} -gt 0 ] || modules=($(cd lib && ls -d */ | tr -d /) apps)
files=()
for module in "${modules[@]}"; do
  case $module in
    apps) sources=(apps/reaugkd/*.cpp) ;;
    *) sources=(lib/"$module"/*.cpp) ;;
  esac
  unit=$units/$module.cpp
  : >"$unit"
  for source in "${sources[@]}"; do
    case $source in
      # Files whose names would meet those of others of their module.
      */hnsw_index.cpp | */launcher.cpp) files+=("$source") ;;
      lib/kernels/*) files+=("$source") ;;
      *) echo "#include \"$PWD/$source\"" >>"$unit" ;;
    esac
  done
  [ -s "$unit" ] && files+=("$unit")
done
export tidy flags_text="${flags[*]}"
check() {  # one file or unit; its findings are printed as one piece
  log=$(mktemp)
  if ! "$tidy" --quiet --checks=-bugprone-suspicious-include "$1" -- $flags_text >"$log" 2>/dev/null; then
    cat "$log"
    rm "$log"
    return 255  # xargs ends
  fi
  rm "$log"
  echo "clang-tidy: $1"
}
export -f check
printf '%s\n' "${files[@]}" | xargs -P"$(nproc)" -I{} bash -c 'check {}'
