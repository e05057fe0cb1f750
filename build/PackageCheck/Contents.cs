#:property PublishAot=false

// What build/check-package.sh asserts of packages before anybody uses them: Contents.cs FEED VERSION, in the repository.
using System.IO.Compression;
using System.Reflection.Metadata;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;

if (args is not [string feed, string version])
{
    Console.Error.WriteLine("Contents.cs takes the folder of the packages and their version.");
    return 2;
}
string root = Environment.CurrentDirectory;
string[] paths = [root, Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) + "/"];
var problems = new List<string>();
var projects = Directory
    .EnumerateFiles(root, "*.csproj", SearchOption.AllDirectories)
    .Where(path => Path.GetRelativePath(root, path).Count(c => c is '/' or '\\') == 1)
    .Select(path => (Path: path, Project: XDocument.Load(path).Root!))
    .Where(project => project.Project.Descendants("IsPackable").Any(packable => packable.Value == "true"))
    .ToDictionary(project => IdOf(project.Path), project => project.Project);
var central = XDocument
    .Load(Path.Combine(root, "Directory.Packages.props"))
    .Descendants("PackageVersion")
    .ToDictionary(item => Attribute(item, "Include"), item => Attribute(item, "Version"));

string[] packages = Directory.GetFiles(feed, $"*.{version}.nupkg");
if (packages.Length == 0)
    problems.Add($"there is no package of the version {version} in {feed}");
foreach (string file in packages)
    Check(file);
foreach (string problem in problems)
    Console.Error.WriteLine(problem);
Console.WriteLine($"{packages.Length} packages, {problems.Count} problems");
return problems.Count == 0 ? 0 : 1;

void Check(string file)
{
    using ZipArchive package = ZipFile.OpenRead(file);
    string id = Path.GetFileName(file)[..^$".{version}.nupkg".Length];
    string assembly = id.Replace("Infomorphic.ML", "Microsoft.ML.Infomorphic", StringComparison.Ordinal);
    void Require(bool condition, string sentence)
    {
        if (!condition)
            problems.Add($"{id}: {sentence}");
    }

    string[] names = [.. package.Entries.Select(entry => entry.FullName)];
    bool isCode = !id.EndsWith(".Templates", StringComparison.Ordinal);
    Require(id.StartsWith("Infomorphic.ML", StringComparison.Ordinal), "the id is in a prefix that is reserved");
    foreach (string name in (string[])["README.md", "LICENSE", "THIRD-PARTY-NOTICES.txt", "icon.png"])
        Require(names.Contains(name), $"{name} is missing");
    Require(
        names
            .Where(name => name.StartsWith("lib/", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .SequenceEqual(isCode ? [$"lib/net10.0/{assembly}.dll", $"lib/net10.0/{assembly}.xml"] : []),
        $"lib has {string.Join(", ", names.Where(name => name.StartsWith("lib/", StringComparison.Ordinal)))}"
    );
    string[] targets = [.. names.Where(name => name.StartsWith("build", StringComparison.Ordinal)).Order()];
    string[] expected =
        id == "Infomorphic.ML"
            ? ["buildTransitive/net10.0/Infomorphic.ML.targets", "buildTransitive/net10.0/RepairLibTorchSharp.cs"]
            : [];
    Require(targets.SequenceEqual(expected), $"build files are {string.Join(", ", targets)}");

    // What a package site shows.
    XElement metadata = XDocument.Parse(Text(package, $"{id}.nuspec")).Root!.Elements().Single();
    string Value(string name) => metadata.Elements().FirstOrDefault(e => e.Name.LocalName == name)?.Value ?? "";
    foreach (string name in (string[])["authors", "copyright", "description", "license", "icon", "readme", "tags"])
        Require(Value(name).Length > 0, $"{name} is not said");
    foreach (string name in (string[])["projectUrl", "releaseNotes"])
        Require(Value(name).StartsWith("https://github.com/", StringComparison.Ordinal), $"{name} is {Value(name)}");
    XElement repository = metadata.Elements().Single(e => e.Name.LocalName == "repository");
    string url = Attribute(repository, "url");
    string commit = Attribute(repository, "commit");
    Require(url == Value("projectUrl") && commit.Length == 40, $"the repository is {repository}");
    string readme = Text(package, "README.md");
    foreach (Match link in Regex.Matches(readme, @"\]\(([^)]+)\)"))
        Require(
            link.Groups[1].Value.StartsWith("https://", StringComparison.Ordinal),
            $"the link {link.Groups[1].Value} of README.md is dead on a package site"
        );
    Require(readme.Contains("# ", StringComparison.Ordinal) && readme.Length > 400, "README.md says nothing");
    using (var icon = new BinaryReader(Entry(package, "icon.png")))
    {
        byte[] head = icon.ReadBytes(24);
        Require(
            head[1..4].AsSpan().SequenceEqual("PNG"u8) && head[19] == 128 && head[23] == 128,
            "icon.png is no PNG of 128 pixels"
        );
    }

    // Those that the project asks for itself, and all of ML.NET's up to the next that may break them.
    XElement project = projects[id];
    string[] asked =
    [
        .. project
            .Descendants("PackageReference")
            .Where(reference => Attribute(reference, "PrivateAssets").Length == 0)
            .Select(reference => Attribute(reference, "Include"))
            .Concat(
                project
                    .Descendants("ProjectReference")
                    .Where(reference => Attribute(reference, "ReferenceOutputAssembly") != "false")
                    .Select(reference => IdOf(Attribute(reference, "Include")))
            )
            .Order(StringComparer.Ordinal),
    ];
    var dependencies = metadata
        .Descendants()
        .Where(e => e.Name.LocalName == "dependency")
        .ToDictionary(e => Attribute(e, "id"), e => Attribute(e, "version"));
    Require(
        dependencies.Keys.Order(StringComparer.Ordinal).SequenceEqual(asked),
        $"depends on {string.Join(", ", dependencies.Keys)}, and the project asks for {string.Join(", ", asked)}"
    );
    foreach ((string name, string range) in dependencies)
    {
        if (name.StartsWith("Infomorphic.", StringComparison.Ordinal))
            Require(range == version, $"depends on {name} {range}");
        else if (name.StartsWith("Microsoft.ML", StringComparison.Ordinal))
            Require(range.StartsWith('[') && range.EndsWith(')'), $"{name} {range} has no upper bound");
        else
            Require(range == central[name], $"{name} {range} is not the central version {central[name]}");
    }

    if (!isCode)
    {
        foreach (string name in names.Where(name => name.EndsWith(".csproj", StringComparison.Ordinal)))
            Require(
                Text(package, name).Contains($"Version=\"{version}\"", StringComparison.Ordinal),
                $"{name} takes other packages"
            );
        Require(
            names.Count(name => name.EndsWith("/template.json", StringComparison.Ordinal)) == 2,
            "templates are missing"
        );
        return;
    }

    // Nothing of the machine, and sources that are found.
    using ZipArchive symbols = ZipFile.OpenRead(Path.ChangeExtension(file, ".snupkg"));
    byte[] pdb = Bytes(symbols, $"lib/net10.0/{assembly}.pdb");
    foreach (ZipArchiveEntry entry in package.Entries.Concat(symbols.Entries))
    {
        byte[] bytes = Bytes(entry.Archive!, entry.FullName);
        foreach (string path in paths)
            Require(
                bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(path)) < 0
                    && bytes.AsSpan().IndexOf(Encoding.Unicode.GetBytes(path)) < 0,
                $"{entry.FullName} has the path {path}"
            );
    }
    using MetadataReaderProvider provider = MetadataReaderProvider.FromPortablePdbStream(new MemoryStream(pdb));
    MetadataReader reader = provider.GetMetadataReader();
    string[] documents = [.. reader.Documents.Select(handle => reader.GetString(reader.GetDocument(handle).Name))];
    Require(
        documents.Length > 0 && documents.All(name => name.StartsWith("/_", StringComparison.Ordinal)),
        $"source paths are not neutral: {documents.FirstOrDefault(name => !name.StartsWith("/_", StringComparison.Ordinal))}"
    );
    var sourceLink = new Guid("cc110556-a091-4d38-9fec-25ab9a351a6a");
    string? map = reader
        .CustomDebugInformation.Select(reader.GetCustomDebugInformation)
        .Where(information => reader.GetGuid(information.Kind) == sourceLink)
        .Select(information => Encoding.UTF8.GetString(reader.GetBlobBytes(information.Value)))
        .SingleOrDefault();
    string raw = url.Replace("https://github.com/", "https://raw.githubusercontent.com/", StringComparison.Ordinal);
    Require(map?.Contains($"{raw}/{commit}/*", StringComparison.Ordinal) == true, $"SourceLink is {map ?? "missing"}");
}

static string IdOf(string project) =>
    Path.GetFileNameWithoutExtension(project.Replace('\\', '/'))
        .Replace("Microsoft.ML.Infomorphic", "Infomorphic.ML", StringComparison.Ordinal);

static string Attribute(XElement element, string name) => element.Attribute(name)?.Value ?? "";

static Stream Entry(ZipArchive archive, string name) =>
    archive.GetEntry(name)?.Open() ?? throw new FileNotFoundException($"{name} is not in the package.");

static byte[] Bytes(ZipArchive archive, string name)
{
    using Stream stream = Entry(archive, name);
    using var memory = new MemoryStream();
    stream.CopyTo(memory);
    return memory.ToArray();
}

static string Text(ZipArchive archive, string name) => new StreamReader(Entry(archive, name)).ReadToEnd();
