#!/usr/bin/env bash
# Writes the public API of the library into its baseline, Microsoft.ML.Infomorphic/PublicAPI.Unshipped.txt.
# Whatever is in PublicAPI.Shipped.txt, which a release moves there, stays.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

project=Microsoft.ML.Infomorphic
printf '#nullable enable\n' > "$project/PublicAPI.Unshipped.txt"
dotnet format analyzers "$project/$project.csproj" --diagnostics RS0016 --severity warn
echo "$(($(wc -l < "$project/PublicAPI.Unshipped.txt") - 1)) lines in $project/PublicAPI.Unshipped.txt"
