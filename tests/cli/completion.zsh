# What a zsh at a terminal makes of a typed line and a tab.
# Usage: zsh -f completion.zsh BINARY; prints failures, exits with 1 where there are any.
zmodload zsh/zpty || exit 1
work=$(mktemp -d)
trap 'rm -rf $work' EXIT
mkdir $work/functions
$1 --completion zsh > $work/functions/_reaugkd
touch $work/some-file
failures=0

shell() { # LINES of .zshrc: a terminal whose ctrl-x prints the line as it stands
  print -r -- "PS1=; cd $work; show() { print -r -- \"<\$BUFFER>\"; zle kill-whole-line }
zle -N show; bindkey '^X' show; autoload -Uz compinit; $1" > $work/.zshrc
  zpty terminal "ZDOTDIR=$work TERM=dumb zsh -i -o no_global_rcs"
}
completes() { # TYPED EXPECTED
  local line
  zpty -w -n terminal "$1"$'\t\x18'
  zpty -r -m terminal line $'*<*>*'
  line=${${line##*<}%%>*}
  [[ $line == $2 ]] && return
  print -r -- "FAILED: zsh: '$1' becomes '$line', expected '$2'"
  failures=1
}
for way in "fpath=($work/functions \$fpath); compinit -u -d $work/dump" \
  "compinit -u -d $work/dump; source $work/functions/_reaugkd"; do
  shell $way
  completes "reaugkd dist" "reaugkd distill "
  completes "reaugkd distill --student-l" "reaugkd distill --student-layers "
  completes "reaugkd build-kb --index h" "reaugkd build-kb --index hnsw "
  completes "reaugkd --ranks 2 build-kb --index h" "reaugkd --ranks 2 build-kb --index hnsw "
  completes "reaugkd --ranks=2 dist" "reaugkd --ranks=2 distill "
  completes "reaugkd --ranks 2 dist" "reaugkd --ranks 2 distill "
  completes "reaugkd eval --model some-" "reaugkd eval --model some-file "
  zpty -d terminal
done
exit $failures
