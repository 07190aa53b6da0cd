#!/usr/bin/env bash
# Makes a folder that runs on a Debian 12 with none of our packages, and an archive of it: package.sh BUILD OUTPUT
# OUTPUT gets reaugkd-VERSION-linux-x86_64/ and reaugkd-VERSION-linux-x86_64.tar.xz.
#
# The program loads 290 libraries on Debian, among them video, images, databases and Qt. LibTorch names these and takes no
# symbol from them. So we remove from each packed library the names of libraries that it takes no symbol from. 32 are left.
set -euo pipefail
build=$1
output=$2
source=$(cd "$(dirname "$0")/.." && pwd)
version=$("$build/bin/reaugkd" --version | awk 'NR == 1 { print $2 }')
name=reaugkd-$version-linux-$(uname -m)
folder=$output/$name
libraries=$folder/lib/reaugkd
notices=$folder/share/doc/reaugkd
# glibc, GCC's libraries and what dpkg loads: every Debian 12 has them.
on_every_debian='^(ld-linux.*|lib(c|m|dl|pthread|rt|gcc_s|stdc\+\+|z|lzma))\.so'

rm -rf "$output"
mkdir -p "$output"
cmake --install "$build" --prefix "$folder" --strip >/dev/null
mkdir -p "$notices" "$folder/share/reaugkd"
cp -r "$source/data/demo" "$folder/share/reaugkd/demo"
rm -rf "$folder"/share/reaugkd/demo/{__pycache__,*.py}

# notice(package): the licenses of what Debian's package holds.
notice() {
  if [ -f "/usr/share/doc/$1/copyright" ]; then cp "/usr/share/doc/$1/copyright" "$notices/$1.copyright"; fi
}
for headers in nlohmann-json3-dev libcli11-dev libhnswlib-dev; do notice $headers; done  # compiled into the program

# symbols(file, nm's options...): name@version, a line each.
symbols() { nm -D --with-symbol-versions "${@:2}" "$1" | awk '{ sub("@@", "@", $NF); print $NF }' | sort -u; }

# The program, its shim, and in turn each library that one of these takes a symbol from.
declare -A path_of packed
while read -r soname path; do
  path_of[$soname]=$path
done < <(ldd "$build"/lib/reaugkd/* | awk '$2 == "=>" { print $1, $3 }')
files=("$libraries"/*)
for ((i = 0; i < ${#files[@]}; ++i)); do
  unused=()
  symbols "${files[i]}" --undefined-only >"$output/wanted"
  for soname in $(objdump -p "${files[i]}" | awk '$1 == "NEEDED" { print $2 }'); do
    [[ $soname =~ $on_every_debian ]] && continue
    path=$(readlink -f "${path_of[$soname]:?"$soname is not found"}")
    if [ -z "$(symbols "$path" --defined-only | comm -12 "$output/wanted" -)" ]; then
      unused+=(--remove-needed "$soname")
      continue
    fi
    [ -z "${packed[$soname]:-}" ] || continue
    packed[$soname]=yes
    if [[ $soname =~ ^lib(blas|lapack)\.so && $path == */openblas* ]]; then  # OpenBLAS itself has all of these two
      ln -s libopenblas.so.0 "$libraries/$soname"
      soname=libopenblas.so.0
      [ -z "${packed[$soname]:-}" ] || continue
      packed[$soname]=yes
      path=$(readlink -f "${path_of[$soname]}")
    fi
    install -m 644 "$path" "$libraries/$soname"
    files+=("$libraries/$soname")
    notice "$(dpkg -S "*/$(basename "$path")" 2>/dev/null | sed 's/:.*//;q')"
  done
  [ ${#unused[@]} = 0 ] || patchelf "${unused[@]}" "${files[i]}"
done
rm "$output/wanted"
# What these load, and what is loaded in turn, is looked for beside them.
patchelf --force-rpath --set-rpath "\$ORIGIN" "$libraries"/*reaugkd*
patchelf --force-rpath --set-rpath "\$ORIGIN/../lib/reaugkd" "$folder/bin/reaugkd"

# Every name and symbol is found, and nothing comes from this machine alone.
strays=$(ldd -r "$libraries"/*reaugkd* 2>&1 |
  awk -v folder="$(realpath "$libraries")/" '/:$/ || /linux-vdso/ || index($3, folder) == 1 { next } { sub(/^[ \t]*(\/.*\/)?/, "") } 1' |
  grep -vE "$on_every_debian" || true)
[ -z "$strays" ] || { printf 'package.sh: not in the package:\n%s\n' "$strays" >&2; exit 1; }

cat >"$folder/README" <<END
reaugkd $version for Linux with glibc 2.36 or later, such as Debian 12. A CPU is enough; there is no CUDA in it.

  bin/reaugkd --help
  share/reaugkd/demo/run.sh bin/reaugkd OUTPUT    five stages on made-up data, in a minute

Move the folder where you like, and keep bin and lib together. share/doc/reaugkd has the licenses of the libraries.
END

# Equal inputs give an equal archive. The filter --x86 makes machine code smaller.
when=${SOURCE_DATE_EPOCH:-$(git -C "$source" log -1 --format=%ct 2>/dev/null || date +%s)}
tar -C "$output" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$when" -cf - "$name" |
  xz --x86 --lzma2=preset=6,dict=64MiB >"$output/$name.tar.xz"
size() { du -sb "$1" | awk '{ printf "%.0f", $1 / 1e6 }'; }
echo "$output/$name.tar.xz: $(size "$output/$name.tar.xz") MB, unpacked $(size "$folder") MB"
