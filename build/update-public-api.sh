#!/usr/bin/env bash
# Writes the public API of each library into its baseline, PublicAPI.Unshipped.txt.
# Whatever is in PublicAPI.Shipped.txt, which a release moves there, stays.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

for project in Microsoft.ML.Infomorphic Microsoft.ML.Infomorphic.Reporting; do
  printf '#nullable enable\n' > "$project/PublicAPI.Unshipped.txt"
  dotnet format analyzers "$project/$project.csproj" --diagnostics RS0016 --severity warn
  echo "$(($(wc -l < "$project/PublicAPI.Unshipped.txt") - 1)) lines in $project/PublicAPI.Unshipped.txt"
done
