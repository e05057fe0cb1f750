#!/usr/bin/env bash
# Builds the documentation site into artifacts/site, from the pages and the documented assemblies; a warning is an error.
# With --no-build the assemblies are those that are there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

documented=test/Microsoft.ML.Infomorphic.Documentation.Tests
if [ "${1:-}" != --no-build ]; then
    dotnet build "$documented" -c Release
fi
dotnet tool restore
rm -rf artifacts/api artifacts/site
mkdir -p artifacts
dotnet docfx docfx.json 2>&1 | tee artifacts/site.log
# ML.NET's assemblies refer to one that is not in their packages, and that nothing of ours shows.
if grep -E ': (warning|error)|^(warning|error)' artifacts/site.log | grep -v 'reference Microsoft.ML.OneDal,'; then
    echo "build/site.sh: the site has warnings" >&2
    exit 1
fi
echo "artifacts/site/README.html: $(find artifacts/site -name '*.html' | wc -l) pages"
