#!/usr/bin/env bash
# Writes the public API of every package into its baseline, PublicAPI.Unshipped.txt in the project's folder; of one
# package only where its project is named. Whatever is in PublicAPI.Shipped.txt, which a release moves there, stays.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

packages=$(dotnet nuget locals global-packages --list)
packages=${packages#*: }

for baseline in ${1:-*}/PublicAPI.Unshipped.txt; do
    project=${baseline%/*}
    if [ "$project" = Microsoft.ML.Infomorphic.AutoML ] && [ ! -d "${packages%/}/microsoft.ml.automl" ]; then
        echo "$project is left out: its package is not in the package folder"
        continue
    fi
    printf '#nullable enable\n' > "$baseline"
    dotnet format analyzers "$project/$project.csproj" --diagnostics RS0016 --severity warn
    echo "$(($(wc -l < "$baseline") - 1)) lines in $baseline"
done
