#!/usr/bin/env bash
# Writes the public API of every package into its baseline, PublicAPI.Unshipped.txt in the project's folder; of one
# package only where its project is named. Whatever is in PublicAPI.Shipped.txt stays.
#
#   build/update-public-api.sh [PROJECT]
#   build/update-public-api.sh --anew [PROJECT]   before the first release: what is in PublicAPI.Shipped.txt is written anew, too,
#                                                 so that nothing stays there that is gone; then --ship
#   build/update-public-api.sh --ship     for a release: moves what is unshipped to what is shipped; lines that say that
#                                         something was removed take it away there
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

header='#nullable enable'
if [ "${1:-}" = --ship ]; then
    for baseline in */PublicAPI.Unshipped.txt; do
        shipped=${baseline/Unshipped/Shipped}
        removed=$(sed -n 's/^\*REMOVED\*//p' "$baseline")
        lines=$(cat "$shipped" "$baseline" | grep -vxF "$header" | grep -v '^\*REMOVED\*' | grep -v '^$' | LC_ALL=C sort -u) || true
        if [ -n "$removed" ]; then
            lines=$(grep -vxF "$removed" <<< "$lines") || true
        fi
        { echo "$header"; [ -z "$lines" ] || echo "$lines"; } > "$shipped"
        echo "$header" > "$baseline"
        echo "$(($(wc -l < "$shipped") - 1)) lines in $shipped"
    done
    exit
fi

anew=
if [ "${1:-}" = --anew ]; then
    anew=true
    shift
fi

packages=$(dotnet nuget locals global-packages --list)
packages=${packages#*: }

for baseline in ${1:-*}/PublicAPI.Unshipped.txt; do
    project=${baseline%/*}
    if [ "$project" = Microsoft.ML.Infomorphic.AutoML ] && [ ! -d "${packages%/}/microsoft.ml.automl" ]; then
        echo "$project is left out: its package is not in the package folder"
        continue
    fi
    echo "$header" > "$baseline"
    [ -z "$anew" ] || echo "$header" > "${baseline/Unshipped/Shipped}"
    dotnet format analyzers "$project/$project.csproj" --diagnostics RS0016 --severity warn
    echo "$(($(wc -l < "$baseline") - 1)) lines in $baseline"
done
