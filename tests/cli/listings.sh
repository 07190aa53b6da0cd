#!/usr/bin/env bash
# docs/reference/options.md is what the option lists say, --help fits the terminal, and the completion script completes.
# Usage: listings.sh BINARY SOURCE_DIRECTORY
set -u
reaugkd=$1
failures=0
fail() { echo "FAILED: $*" >&2; failures=$((failures + 1)); }

diff "$2/docs/reference/options.md" <("$reaugkd" --options) || fail "docs/reference/options.md is not what the lists say: run make options"

source <("$reaugkd" --completion bash)
completes() { # EXPECTED WORD...: the words typed, the last one unfinished
  local expected=$1
  shift
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
  _reaugkd
  [ "${COMPREPLY[*]}" = "$expected" ] || fail "'$*' completes to '${COMPREPLY[*]}', expected '$expected'"
}
completes "distill" reaugkd di
completes "--student --student-layers" reaugkd distill --student
completes "reaugkd rkd rco" reaugkd distill --method r
completes "distill" reaugkd --ranks 2 di
completes "reaugkd rkd rco" reaugkd --ranks 2 distill --method r
completes "distill" reaugkd --ranks = 2 di
completes "--ranks" reaugkd --r
completes "hnsw" reaugkd build-kb --index h
cd "$2" && completes "README.md" reaugkd eval --model READ
if command -v zsh >/dev/null; then
  timeout 120 zsh -f tests/cli/completion.zsh "$reaugkd" || fail "completion in zsh"
else
  echo "no zsh: its completion is not tried"
fi
"$reaugkd" --completion fish 2>/dev/null
[ $? = 2 ] || fail "another shell is not refused"

[ -e "$2/.git" ] && git -C "$2" rev-parse HEAD >/dev/null 2>&1 && commit='\+g[0-9a-f]{12}' || commit=
"$reaugkd" --version | grep -qE "^reaugkd [0-9]+\.[0-9]+\.[0-9]+$commit( |\$)" ||
  fail "--version does not name version and commit: $("$reaugkd" --version)"

# How long idle threads spin (docs/reference/commands.md): as libgomp says that it was told, unless the user says otherwise.
waits() { # EXPECTED [NAME=VALUE]
  env -u OMP_WAIT_POLICY -u GOMP_SPINCOUNT OMP_DISPLAY_ENV=verbose "${@:2}" "$reaugkd" --version 2>&1 |
    grep -oE "(OMP_WAIT_POLICY|GOMP_SPINCOUNT) = '[A-Z0-9]*'" | paste -sd' ' | grep -qF "$1" || fail "idle threads, $*: expected $1"
}
waits "OMP_WAIT_POLICY = 'PASSIVE' GOMP_SPINCOUNT = '20000'"
waits "OMP_WAIT_POLICY = 'PASSIVE' GOMP_SPINCOUNT = '7'" GOMP_SPINCOUNT=7
waits "OMP_WAIT_POLICY = 'ACTIVE'" OMP_WAIT_POLICY=active

# Which kernels OpenBLAS runs, where it is what LibTorch came with.
kernels() { env -u OPENBLAS_CORETYPE OPENBLAS_VERBOSE=2 "$@" "$reaugkd" --version 2>&1 | sed -n 's/^Core: //p' | sort -u; }
if [ -n "$(kernels)" ] && grep -qw avx2 /proc/cpuinfo; then
  kernels | grep -qxE "Prescott|Core2|Nehalem|Sandybridge" && fail "OpenBLAS runs $(kernels)'s kernels on a processor with AVX2"
  [ "$(kernels OPENBLAS_CORETYPE=Nehalem)" = Nehalem ] || fail "OPENBLAS_CORETYPE is not the user's"
fi

# --help: on a terminal its lines end at the edge, in a pipe an option is one line, with the same words.
in_terminal() { # COLUMNS COMMAND...
  python3 - "$@" <<'EOF'
import fcntl, os, pty, struct, sys, termios
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(sys.argv[1]), 0, 0))
    os.execvp(sys.argv[2], sys.argv[2:])
try:
    while part := os.read(terminal, 4096):
        os.write(1, part.replace(b"\r", b""))
except OSError:  # the program has ended
    pass
sys.exit(os.waitpid(pid, 0)[1] != 0)
EOF
}
for command in teacher-finetune project build-kb distill eval; do
  piped=$("$reaugkd" $command --help)
  wrapped=$(in_terminal 80 "$reaugkd" $command --help) || fail "$command --help on a terminal"
  grep -qE '^.{81}' <<<"$wrapped" && fail "$command --help has a line longer than the terminal: $(grep -E '^.{81}' <<<"$wrapped")"
  grep -qE '^ {20}' <<<"$piped" && fail "$command --help breaks an option's line in a pipe: $(grep -E '^ {20}' <<<"$piped")"
  [ "$(wc -l <<<"$piped")" -lt "$(wc -l <<<"$wrapped")" ] || fail "$command --help is wrapped in a pipe"
  [ "$(tr -s ' \n' '\n' <<<"$piped")" = "$(tr -s ' \n' '\n' <<<"$wrapped")" ] || fail "$command --help says other words on a terminal"
done

[ $failures = 0 ] || exit 1
echo "option tables, --help, completion and idle threads: passed"
