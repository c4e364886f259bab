#!/usr/bin/env bash
# Builds pixels.wasm. Usage: build.sh <folder of libjpeg-turbo 3.1.0> [output]
#   The sources are those of the release, or of the crate turbojpeg-sys 1.2.0, which holds them in libjpeg-turbo/.
#   The compiler is Zig's (ZIG, default: `python3 -m ziglang`; version 0.13.0, PyPI: ziglang). The same inputs give the same bytes.
set -euo pipefail
source=$(cd "$1" && pwd)
output=$(realpath "${2:-$(dirname "$0")/pixels.wasm}")
cd "$(dirname "$0")"
read -ra zig <<<"${ZIG:-python3 -m ziglang}"

library=()
for name in jcapimin jcapistd jccoefct jccolor jcdctmgr jcdiffct jchuff jcinit jclhuff jclossls jcmainct jcmarker jcmaster jcomapi jcparam \
  jcphuff jcprepct jcsample jdapimin jdapistd jdcoefct jdcolor jddctmgr jddiffct jdhuff jdinput jdlhuff jdlossls jdmainct jdmarker jdmaster \
  jdmerge jdphuff jdpostct jdsample jfdctflt jfdctfst jfdctint jidctflt jidctfst jidctint jidctred jmemmgr jmemnobs jpeg_nbits jquant1 \
  jquant2 jutils; do
  library+=("$source/src/$name.c")
done

# -w is for the library's sources; ours are compiled without warnings first.
flags=(-target wasm32-wasi -O3 -msimd128 -DNDEBUG -DNO_GETENV -fno-stack-protector -fno-sanitize=undefined -I. -Iconfig "-I$source/src")
objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT
for name in axes decode encode images planes resample rearrange jsimd-wasm; do
  "${zig[@]}" cc "${flags[@]}" -Wall -Wextra -Werror -c -o "$objects/$name.o" "$name.c"
done
"${zig[@]}" cc "${flags[@]}" -w -mexec-model=reactor -Wl,--strip-all -o "$output" \
  axes.c decode.c encode.c images.c planes.c resample.c rearrange.c jsimd-wasm.c config/precision-stubs.c config/jsimd-rest.c "${library[@]}"
