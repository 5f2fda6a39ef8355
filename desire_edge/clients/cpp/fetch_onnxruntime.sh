#!/usr/bin/env bash
# An ONNX Runtime SDK in FOLDER (include/ and lib/), without root and without touching what is installed: the headers of
# Debian's libonnxruntime-dev, and the library of Python's onnxruntime, which is newer and has the same C API.
#
#     desire_edge/clients/cpp/fetch_onnxruntime.sh FOLDER [PYTHON]
#     cmake -B build -DDESIRE_EDGE_BUILD_CLIENT=ON -DONNXRUNTIME_ROOT=FOLDER
#
# Debian 12 has no such package, so it comes from the next suite, through the sources that this machine already uses.
set -euo pipefail
suite=trixie
mkdir -p "$1"
folder=$(cd "$1" && pwd)
python=${2:-python3}

# apt, as this machine has it set up, but for its sources and where it keeps their lists.
apt=$folder/apt
mkdir -p "$apt/lists/partial" "$apt/sources"
for source in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
  [ -f "$source" ] || continue
  sed "s/ \(bookworm\|bullseye\)\b/ $suite/g" "$source" > "$apt/sources/$(basename "$source" .list).${source##*.}"
done
options=(-o "Dir::Etc::SourceList=/dev/null" -o "Dir::Etc::SourceParts=$apt/sources"
  -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt" -o "APT::Sandbox::User=root" -o "Acquire::Languages=none")
apt-get -qq "${options[@]}" update
(cd "$apt" && apt-get -qq "${options[@]}" download libonnxruntime-dev)
dpkg-deb -x "$apt"/libonnxruntime-dev_*.deb "$apt/unpacked"

mkdir -p "$folder/include" "$folder/lib"
cp "$apt"/unpacked/usr/include/onnxruntime/*.h "$folder/include/"
library=$("$python" -c 'import pathlib, onnxruntime; print(*pathlib.Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so.*"))')
ln -sf "$library" "$folder/lib/libonnxruntime.so.1"
ln -sf libonnxruntime.so.1 "$folder/lib/libonnxruntime.so"
rm -rf "$apt"
