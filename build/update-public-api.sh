#!/usr/bin/env bash
# Writes the public API of every package into its baseline, PublicAPI.Unshipped.txt in the project's folder; of one
# package only where its project is named. Whatever is in PublicAPI.Shipped.txt, which a release moves there, stays.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

for baseline in ${1:-*}/PublicAPI.Unshipped.txt; do
    project=${baseline%/*}
    printf '#nullable enable\n' > "$baseline"
    dotnet format analyzers "$project/$project.csproj" --diagnostics RS0016 --severity warn
    echo "$(($(wc -l < "$baseline") - 1)) lines in $baseline"
done
