#!/usr/bin/env bash
# Packs the library and the packages beside it into a folder feed, uses the library from a new console application outside
# the repository (the program is build/PackageCheck/Program.cs), and runs that application as built, as built again, as
# published, and as published for one runtime; lets it score the saved model once more, published without libtorch, and
# looks how large that is. Then uses the other packages (build/PackageCheck/Companions.cs), and looks whether the package
# cache is untouched.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

project=Microsoft.ML.Infomorphic/Microsoft.ML.Infomorphic.csproj
id=$(dotnet msbuild "$project" -getProperty:PackageId)
# A version of its own, so that no earlier package can be taken for this one.
version=$(dotnet msbuild "$project" -getProperty:Version)-check.$(date +%s).$$
packages=$(dotnet nuget locals global-packages --list)
packages=${packages#*: }
packages=${packages%/}

work=$(mktemp -d)
ids=()
clean() {
    rm -rf "$work"
    for packed in "${ids[@]}"; do
        rm -rf "${packages:?}/${packed,,}/$version"
    done
}
trap clean EXIT

fail() {
    echo "check-package: $*" >&2
    exit 1
}

# Runs a command, shows its output only if it fails.
quietly() {
    local name=$1 start=$SECONDS
    shift
    if ! "$@" > "$work/log" 2>&1; then
        cat "$work/log" >&2
        fail "$name failed"
    fi
    cat "$work/log" >> "$work/logs"
    echo "$name: $((SECONDS - start)) s"
}

# The same for the application, which ends with a line that says so.
application() {
    local name=$1
    quietly "$@"
    [ "$(tail -n 1 "$work/log")" = "The package works." ] || fail "$name did not reach its end"
}

# libtorch is large, and links to the package cache are the harder test for it.
export CreateHardLinksForCopyLocalIfPossible=true
export CreateHardLinksForPublishFilesIfPossible=true

# All that are packages; a project that the solution leaves out is built elsewhere.
for packable in Microsoft.ML.Infomorphic*/*.csproj; do
    grep -qF "${packable//\//\\}" Infomorphic.ML.sln || continue
    [ "$(dotnet msbuild "$packable" -getProperty:IsPackable)" = true ] || continue
    packed=$(dotnet msbuild "$packable" -getProperty:PackageId)
    ids+=("$packed")
    quietly "pack $packed" dotnet pack "$packable" -c Release -o "$work/feed" -p:PackageVersion="$version"
    [ -f "$work/feed/$packed.$version.snupkg" ] || fail "there is no symbol package of $packed"
done
[[ " ${ids[*]} " = *" $id "* ]] || fail "$id is not among the packages: ${ids[*]}"

# From the clone, an application that is trimmed to the last: it is built, and says what it lacks.
quietly "publish trimmed" dotnet publish test/ScoringWithoutLibtorch -c Release -o "$work/trimmed" -r linux-x64 \
    --self-contained -p:PublishTrimmed=true
if "$work/trimmed/ScoringWithoutLibtorch" score test/Models/colors-1.zip /dev/null > "$work/log" 2>&1; then
    fail "ML.NET loads models though it is trimmed: it need not be refused any more"
fi
grep -q "publish it with TrimMode=partial" "$work/log" || fail "trimmed, the application says: $(cat "$work/log")"

mkdir "$work/Application"
cat > "$work/nuget.config" << END
<configuration>
  <packageSources>
    <add key="folder" value="feed" />
  </packageSources>
</configuration>
END
torchsharp=$(sed -n 's/.*Include="TorchSharp-cpu" Version="\([^"]*\)".*/\1/p' Directory.Packages.props)
program=$PWD/build/PackageCheck/Program.cs
companions=$PWD/build/PackageCheck/Companions.cs
cd "$work/Application"
quietly new dotnet new console --no-restore
cp "$program" Program.cs
quietly "add package" dotnet add package "$id" --version "$version" --no-restore
quietly "add libtorch" dotnet add package TorchSharp-cpu --version "$torchsharp" --no-restore
quietly restore dotnet restore

original=$packages/torchsharp/$torchsharp/runtimes/linux-x64/native/libLibTorchSharp.so
before=$(sha256sum < "$original")

application "run" dotnet run -c Release
application "run again" dotnet run -c Release
quietly "publish" dotnet publish -c Release -o "$work/published"
application "published" dotnet "$work/published/Application.dll"
quietly "publish for linux-x64" dotnet publish -c Release -o "$work/flat" -r linux-x64 --no-self-contained -p:UseAppHost=false
application "published for linux-x64" dotnet "$work/flat/Application.dll"

# A trained model needs no libtorch, and scores the same without. Beyond the framework, an application that only scores
# stays below a size that fits a small container.
largest=$((40 * 1000 * 1000))
scores=$(grep '^Scores: ' "$work/log")
quietly "remove libtorch" dotnet remove package TorchSharp-cpu
quietly "publish for scoring" dotnet publish -c Release -o "$work/scoring" -r linux-x64 --no-self-contained -p:UseAppHost=false
size=$(du -sb --apparent-size "$work/scoring" | cut -f 1)
[ "$size" -lt "$largest" ] || fail "an application that only scores is $size bytes, $largest are too many"
echo "published for scoring: $size bytes"
rm "$work"/scoring/libLibTorchSharp*
application "score without libtorch" dotnet "$work/scoring/Application.dll" model.zip
# TorchSharp would have looked for it in the package cache.
[ ! -e "$work/scoring/cpu" ] || fail "scoring tries to load libtorch"
[ "$(grep '^Scores: ' "$work/log")" = "$scores" ] || fail "the saved model scores otherwise than the trained one"

mkdir "$work/Companions"
cd "$work/Companions"
quietly "new application" dotnet new console --no-restore
cp "$companions" Program.cs
for packed in "${ids[@]}"; do
    quietly "add $packed" dotnet add package "$packed" --version "$version" --no-restore
done
quietly "restore all packages" dotnet restore
application "run with all packages" dotnet run -c Release

[ "$(sha256sum < "$original")" = "$before" ] || fail "the package cache was written to: $original"
for copy in "$work/published/runtimes/linux-x64/native/libLibTorchSharp.so" "$work/flat/libLibTorchSharp.so"; do
    differences=$(cmp -l "$original" "$copy" | wc -l) || true
    [ "$differences" = 1 ] || fail "$copy differs from the original in $differences bytes, not in one"
done
[ -f "$packages/${id,,}/$version/buildTransitive/$id.targets" ] || fail "the package has no targets"
for packed in "${ids[@]}"; do
    for file in README.md "lib/net10.0/$packed".{dll,xml}; do
        [ -f "$packages/${packed,,}/$version/$file" ] || fail "the package $packed has no $file"
    done
done

grep -o 'warning [A-Z]*[0-9]*: [^[]*' "$work/logs" | sort -u || true
echo "check-package: ${ids[*]} $version: works"
