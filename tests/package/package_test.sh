#!/usr/bin/env bash
# The archive of `make package` runs in an empty Debian 12, and from wherever its folder is moved.
# Usage: package_test.sh ARCHIVE
# Exits with 77 (skipped) without root, debootstrap, or a mirror of Debian 12 in apt's sources. Takes two minutes.
set -euo pipefail
archive=$1
skip() { echo "SKIP: $*"; exit 77; }
[ "$(id -u)" = 0 ] || skip "only root can make an empty Debian and enter it"
for program in debootstrap chroot unshare xz; do
  command -v $program >/dev/null || skip "no $program"
done
mirror=$(apt-get indextargets --format '$(SITE) $(CODENAME)' 'Created-By: Packages' | awk '$2 == "bookworm" { print $1; exit }')
[ -n "$mirror" ] || skip "apt's sources name no mirror of Debian 12"

work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
root=$work/root
fail() { echo "FAILED: $*" >&2; exit 1; }
debootstrap --variant=minbase bookworm "$root" "$mirror" >"$work/log" 2>&1 || { tail -3 "$work/log"; skip "debootstrap failed"; }
# inside COMMAND...: in the root, with /proc and /sys, which only this command sees.
inside() {
  unshare --mount --propagation private bash -c '
    root=$1; shift
    mount -t proc proc "$root/proc" && mount -t sysfs -o ro sysfs "$root/sys" && exec chroot "$root" "$@"' inside "$root" "$@"
}
[ -z "$(find "$root" -name 'libtorch*' -o -name 'libopenblas*' -o -name 'libgomp*')" ] || fail "the root is not empty"
tar -xf "$archive" -C "$root/opt"
folder=/opt/$(basename "$archive" .tar.xz)

inside bash -c "ldd $folder/lib/reaugkd/*reaugkd*" >"$work/libraries"  # with those of the shim, which the demo does not load
! grep 'not found' "$work/libraries" || fail "libraries are missing"
version=$(inside "$folder/bin/reaugkd" --version)
[[ $folder == */reaugkd-${version#reaugkd }-linux-* ]] || fail "$folder says that it is $version"
inside "$folder/share/reaugkd/demo/run.sh" "$folder/bin/reaugkd" /tmp/demo >"$work/table" 2>"$work/log" ||
  { cat "$work/log" >&2; fail "the demo"; }
cat "$work/table"
grep -qE '^  combined +0\.[7-9]' "$work/table" || fail "no accuracy of 0.7 or more for the student with its knowledge base"
# The launcher sees to OpenBLAS's kernels on processors that OpenBLAS does not know.
grep -o 'computes on cpu.*' "$work/log" | sort | uniq -c
! grep -q avx2 /proc/cpuinfo || ! grep -E 'OpenBLAS (Prescott|Core2|generic)' "$work/log" || fail "OpenBLAS has chosen slow kernels"

moved="/srv/another place"
mv "$root$folder" "$root$moved"
[ "$(inside "$moved/bin/reaugkd" --version)" = "$version" ] || fail "no version after a move"
answer=$(echo 'The waitress was rude and the soup was cold.' |
  inside "$moved/bin/reaugkd" predict --model /tmp/demo/student --kb /tmp/demo/kb --eval /tmp/demo/eval --quiet)
echo "$answer"
[[ $answer == *'"prediction":'* ]] || fail "no answer after a move"
echo "package: passed"
