#!/usr/bin/env bash
# Packs the library and the packages beside it into a folder feed; looks at what is in them (build/PackageCheck/Contents.cs)
# and whether a project for .NET 8 is refused. Uses the library from a new console application outside the repository (the
# program is build/PackageCheck/Program.cs), and runs that application as built, as built again, and as published in every
# way; lets it score the saved model once more, published without libtorch, and looks how large that is. Then uses the
# other packages (build/PackageCheck/Companions.cs), pastes what README.md and the guide show, and looks whether the package
# cache is untouched.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

project=Microsoft.ML.Infomorphic/Microsoft.ML.Infomorphic.csproj
id=$(dotnet msbuild "$project" -getProperty:PackageId)
# A version of its own, so that no earlier package can be taken for this one.
version=0.1.0-check.$(date +%s).$$
# Where links lead; nobody follows them here. What was compiled for another place is compiled anew.
export InfomorphicRepositoryUrl=${InfomorphicRepositoryUrl:-https://github.com/example/infomorphic-ml}
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

# All that are packages; the adapter for AutoML only where its package is at hand.
for packable in Microsoft.ML.Infomorphic*/*.csproj templates/*.csproj; do
    if [[ $packable = *.AutoML.csproj ]] && [ ! -d "$packages/microsoft.ml.automl" ]; then
        echo "left out: $packable, whose package is not in the package folder"
        continue
    fi
    packed=$(basename "$packable" .csproj)
    packed=${packed/#Microsoft.ML.Infomorphic/Infomorphic.ML}
    ids+=("$packed")
    quietly "pack $packed" dotnet pack "$packable" -c Release -o "$work/feed" -p:InfomorphicPackageVersion="$version"
    [ -f "$work/feed/$packed.$version.nupkg" ] || fail "there is no package $packed"
done
[[ " ${ids[*]} " = *" $id "* ]] || fail "$id is not among the packages: ${ids[*]}"
quietly "contents" dotnet run build/PackageCheck/Contents.cs -- "$work/feed" "$version"

# A release whose links lead nowhere is refused, and so is one that lacks what an earlier one showed.
if dotnet pack "$project" -c Release --no-build -o "$work/refused" -p:InfomorphicPackageVersion=0.1.0 \
    -p:InfomorphicRepositoryUrl=https://nowhere.example/none > "$work/log" 2>&1; then
    fail "a release was packed without saying where the repository is"
fi
grep -q "say where the repository is" "$work/log" || fail "a release without a repository: $(cat "$work/log")"
mkdir "$work/baseline"
cp "$work/feed/$id.Reporting.$version.nupkg" "$work/baseline/$id.$version.nupkg"
for baseline in "$work/feed" "$work/baseline"; do
    status=0
    rm -rf Microsoft.ML.Infomorphic/obj/Release/net10.0/Microsoft.NET.ApiCompat.ValidatePackage.semaphore
    dotnet pack "$project" -c Release --no-build -o "$work/validated" -p:InfomorphicPackageVersion="$version.1" \
        -p:InfomorphicBaseline="$baseline" -p:InfomorphicBaselineVersion="$version" > "$work/log" 2>&1 || status=$?
    if [ "$baseline" = "$work/feed" ] && [ "$status" != 0 ]; then
        fail "the package is not compatible with itself: $(cat "$work/log")"
    elif [ "$baseline" = "$work/baseline" ] && [ "$status" = 0 ]; then
        fail "package validation does not see that everything is missing"
    fi
done

# From the clone, an application that is trimmed to the last: it is built, and says what it lacks.
quietly "publish trimmed to the last" dotnet publish test/ScoringWithoutLibtorch -c Release -o "$work/trimmed" -r linux-x64 \
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

# A project for an earlier .NET is told so, and not that a namespace is missing.
mkdir "$work/Earlier"
cat > "$work/Earlier/Earlier.csproj" << END
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <TargetFramework>net8.0</TargetFramework>
    <DisableImplicitFrameworkReferences>true</DisableImplicitFrameworkReferences>
  </PropertyGroup>
  <ItemGroup>
    <PackageReference Include="$id" Version="$version" />
  </ItemGroup>
</Project>
END
if dotnet restore "$work/Earlier" > "$work/log" 2>&1; then
    fail "a project for .NET 8 may reference $id"
fi
grep -q "NU1202.*$id" "$work/log" || fail "a project for .NET 8 is told: $(cat "$work/log")"

torchsharp=$(sed -n 's/.*Include="TorchSharp-cpu" Version="\([^"]*\)".*/\1/p' Directory.Packages.props)
here=$PWD
program=$here/build/PackageCheck/Program.cs
companions=$here/build/PackageCheck/Companions.cs
quietly "build PageCode" dotnet build build/PageCode -c Release
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
runtime=(-c Release -r linux-x64 --self-contained)
quietly "publish self-contained" dotnet publish "${runtime[@]}" -o "$work/contained"
application "self-contained" "$work/contained/Application"
quietly "publish as a single file" dotnet publish "${runtime[@]}" -p:PublishSingleFile=true -o "$work/single"
[ ! -e "$work/single/Microsoft.ML.Infomorphic.dll" ] || fail "the single file is not single"
application "single file" "$work/single/Application"
quietly "publish trimmed" dotnet publish "${runtime[@]}" -p:PublishTrimmed=true -p:TrimMode=partial -o "$work/partial"
application "trimmed" "$work/partial/Application"
rm -rf "$work/contained" "$work/single" "$work/partial"

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
    [ "$packed" != "$id.Templates" ] || continue
    quietly "add $packed" dotnet add package "$packed" --version "$version" --no-restore
done
quietly "restore all packages" dotnet restore
application "run with all packages" dotnet run -c Release

# What a reader pastes.
quietly "add libtorch" dotnet add package TorchSharp-cpu --version "$torchsharp"
cp "$here/data/tabular/wine.csv" .
for page in README.md docs/GUIDE.md; do
    dotnet "$here/build/PageCode/bin/Release/net10.0/PageCode.dll" "$here/$page" > Program.cs
    quietly "what $page shows" dotnet run -c Release
done
[ -f model.zip ] && [ -f report.html ] || fail "the code of README.md or the guide wrote no file"

# Programs as the templates make them, each on the data that come with it.
hive=$work/hive
quietly "install templates" dotnet new install "$work/feed/$id.Templates.$version.nupkg" --debug:custom-hive "$hive"
for kind in table images; do
    begin=$SECONDS
    quietly "new infomorphic, $kind" dotnet new infomorphic --kind "$kind" -o "$work/New$kind" --debug:custom-hive "$hive"
    cd "$work/New$kind"
    quietly "run it" dotnet run
    accuracy=$(sed -n 's/^accuracy \([0-9]*\).*/\1/p' "$work/log")
    [ -n "$accuracy" ] && [ "$accuracy" -ge "$([ "$kind" = table ] && echo 85 || echo 70)" ] || fail "accuracy: $accuracy %"
    [ -s model.zip ] && [ -s report.html ] || fail "the program of the template wrote no file"
    [ $((SECONDS - begin)) -le 120 ] || echo "a trained model and its report took $((SECONDS - begin)) s, and 120 are meant"
done
quietly "new infomorphic-service" dotnet new infomorphic-service -o "$work/Service" --debug:custom-hive "$hive"
cd "$work/Service"
quietly "build it" dotnet build -c Release
dotnet bin/Release/net10.0/Service.dll --urls http://127.0.0.1:0 > "$work/log" 2>&1 &
service=$!
trap 'kill $service 2> /dev/null || true; clean' EXIT
for ((i = 0; i < 120; i++)); do
    grep -q "Now listening on" "$work/log" && break
    kill -0 "$service" 2> /dev/null || fail "the service of the template ended: $(cat "$work/log")"
    sleep 1
done
port=$(sed -n 's|.*Now listening on: http://127.0.0.1:\([0-9]*\).*|\1|p' "$work/log")
body='[{"features":[14.23,1.71,2.43,15.6,127,2.8,3.06,0.28,2.29,5.64,1.04,3.92,1065]}]'
exec 3<> "/dev/tcp/127.0.0.1/$port"
printf 'POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s' \
    "${#body}" "$body" >&3
answer=$(cat <&3)
exec 3>&-
kill "$service"
# The first row of the file is a wine of the first cultivar.
[[ $answer = *'"predictedLabel":"1"'* ]] || fail "the service of the template answers: $answer"
echo "the service of the template scores"

[ "$(sha256sum < "$original")" = "$before" ] || fail "the package cache was written to: $original"
for copy in "$work/published/runtimes/linux-x64/native/libLibTorchSharp.so" "$work/flat/libLibTorchSharp.so"; do
    differences=$(cmp -l "$original" "$copy" | wc -l) || true
    [ "$differences" = 1 ] || fail "$copy differs from the original in $differences bytes, not in one"
done

grep -o 'warning [A-Z]*[0-9]*: [^[]*' "$work/logs" | sort -u || true
echo "check-package: ${ids[*]} $version: works"
