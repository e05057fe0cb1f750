#!/usr/bin/env bash
# What can be known of training on a GPU only where there is one, by one command, within 8 minutes.
#
#   build/gpu-check.sh [ARCHIVE]       in the repository: publishes the GPU tests and benchmarks, self-contained and without
#                                      libtorch, with MNIST, into an archive [artifacts/gpu-check.tar.xz]
#   gpu-check/gpu-check.sh [options]   where the archive was unpacked: runs all parts, one after another, each bounded in
#                                      time and with its result on disk before the next begins; ends in one JSON and one
#                                      table. Needs PyTorch's or another libtorch, but neither .NET nor a network.
#
# Options of the latter:
#   --device DEVICE     cuda, cuda:INDEX or cpu [cuda]
#   --libtorch FOLDER   the folder of libtorch's libraries, or "pytorch": that of the python3 on the path [pytorch]
#   --output FOLDER     where results go [gpu-check-results]
#   --quick             small sizes: whether everything runs, in two or three minutes on a CPU
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

pack() {
    local archive=${1:-artifacts/gpu-check.tar.xz}
    cd "$here/.."
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    mkdir -p "$folder/gpu-check" "$(dirname "$archive")"
    dotnet publish test/Microsoft.ML.Infomorphic.GpuCheck -c Release -p:LibTorch=none -p:GpuCheckArchive=true \
        -o "$folder/gpu-check/app"
    rm -f "$folder"/gpu-check/app/*.dbg "$folder"/gpu-check/app/*.pdb "$folder"/gpu-check/app/*.xml
    cp build/gpu-check.sh build/gpu-check-backprop.py "$folder/gpu-check/"
    cp -r data/mnist "$folder/gpu-check/mnist"
    XZ_OPT=-9 tar -C "$folder" -cJf "$archive" gpu-check
    local bytes
    bytes=$(stat -c %s "$archive")
    echo "$archive: $((bytes / 1000000)) MB"
    if [ "$bytes" -ge 40000000 ]; then
        echo "The archive is to be smaller than 40 MB." >&2
        return 1
    fi
}

# Runs a part: its name, its seconds, and a program with arguments that writes the report that it is told.
part() {
    local name seconds file status=0 left=$((deadline - SECONDS))
    number=$((number + 1))
    name=$1
    seconds=$(($2 < left ? $2 : left))
    file=$output/$(printf %02d "$number")-$name
    shift 2
    if [ "$seconds" -lt 5 ]; then
        echo "no time was left" | tee "$file.failed"
        return
    fi
    echo "--- $name, $seconds s at most"
    timeout --kill-after=5 "$seconds" "$@" --report "$file.json" >"$file.log" 2>&1 || status=$?
    tail -n 3 "$file.log"
    if [ "$status" = 0 ] && [ -f "$file.json" ]; then
        return
    fi
    if [ "$status" = 124 ] || [ "$status" = 137 ]; then
        echo "not done within $seconds seconds" >"$file.failed"
    else
        # What the program says last; libtorch's own calls are not it.
        { grep -v '^ *frame #\|^$\|^ *at ' "$file.log" || echo "ended with $status"; } | tail -n 1 >"$file.failed"
    fi
    rm -f "$file.json"
    cat "$file.failed"
}

run() {
    local device=cuda libtorch=pytorch quick=
    output=$PWD/gpu-check-results
    number=0
    deadline=$((SECONDS + 460))
    while [ $# -gt 0 ]; do
        case $1 in
        --device | --libtorch | --output)
            if [ $# -lt 2 ]; then
                echo "$1 needs a value." >&2
                exit 2
            fi
            case $1 in
            --device) device=$2 ;;
            --libtorch) libtorch=$2 ;;
            --output) output=$2 ;;
            esac
            shift 2
            ;;
        --quick)
            quick=1
            shift
            ;;
        *)
            echo "gpu-check.sh takes --device, --libtorch, --output and --quick, not \"$1\"." >&2
            exit 2
            ;;
        esac
    done
    mkdir -p "$output"
    rm -f "$output"/??-*.json "$output"/??-*.failed "$output"/??-*.skipped "$output"/??-*.log "$output"/gpu-check.json
    export INFOMORPHIC_LIBTORCH=$libtorch DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
    local program=$here/app/Microsoft.ML.Infomorphic.GpuCheck
    local on=(--device "$device" --data "$here/mnist")

    local sizes=(100 500 2000) together=(16 64) seconds=12 fits=50 epochs=(100:100 2000:20) tests=80
    if [ -n "$quick" ]; then
        sizes=(100)
        together=(3)
        seconds=2
        fits=12
        epochs=(100:2)
        tests=15
    fi

    part facts 60 "$program" facts "${on[@]}"
    if ls "$output"/01-facts.failed >/dev/null 2>&1; then
        echo "Nothing else can run." >&2
    else
        part tests $((tests + 20)) "$program" tests "${on[@]}" --seconds "$tests"
        part equality 60 "$program" equality "${on[@]}"
        for size in "${sizes[@]}"; do
            part "compare-$size" $((seconds + 45)) "$program" compare "${on[@]}" --hidden "$size" --seconds "$seconds"
        done
        if python3 -c 'import torch' 2>/dev/null; then
            part pytorch 60 python3 "$here/gpu-check-backprop.py" --device "$device" --hidden "${sizes[@]}"
        else
            number=$((number + 1))
            echo "python3 has no torch" | tee "$output/$(printf %02d "$number")-pytorch.skipped"
        fi
        for training in "${epochs[@]}"; do
            part "accuracy-${training%:*}" 75 "$program" accuracy "${on[@]}" --hidden "${training%:*}" \
                --epochs "${training#*:}" --seconds 60
        done
        for networks in "${together[@]}"; do
            part "together-$networks" 60 "$program" together "${on[@]}" --networks "$networks" --epochs 1
        done
        part memory 45 "$program" memory "${on[@]}" --fits "$fits" --seconds 30
        part launches 45 "$program" launches "${on[@]}" --hidden "$(IFS=,; echo "${sizes[*]}")" --seconds 3
    fi
    "$program" summary "$output"
}

if [ -d "$here/app" ]; then
    run "$@"
else
    pack "$@"
fi
