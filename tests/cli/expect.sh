# What the scripts beside this one share: source expect.sh BINARY SOURCE_DIRECTORY, then
# expect CODE PATTERN COMMAND... and, last, passed MESSAGE.
set -u
reaugkd=$1
demo=$2/data/demo
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

fail() { echo "FAILED: $*" >&2; failures=$((failures + 1)); }

# The exit code, and a message that matches on stderr or stdout, which stay in $work.
expect() {
  local code=$1 pattern=$2
  shift 2
  "$@" >"$work/stdout" 2>"$work/stderr"
  local got=$?
  [ "$got" = "$code" ] || { fail "exit code $got, expected $code: $*"; cat "$work/stderr" >&2; }
  grep -qE -- "$pattern" "$work/stderr" "$work/stdout" || {
    fail "nothing matches '$pattern': $*"; cat "$work/stderr" >&2; }
}

ok() { expect 0 "$@"; }

passed() {
  if [ "$failures" -gt 0 ]; then echo "$failures checks failed" >&2; exit 1; fi
  echo "$1: passed"
}
