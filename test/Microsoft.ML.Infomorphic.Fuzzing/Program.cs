// Tries damaged model files for a while; README.md says how, and what to do with what it finds.

using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.Infomorphic.Fuzzing;

var models = new Option<DirectoryInfo[]>("--models")
{
    Description = "Folders of whole model files, which are damaged beside small models of every kind of layer.",
    AllowMultipleArgumentsPerToken = true,
};
var minutes = new Option<double>("--minutes") { Description = "How long.", DefaultValueFactory = _ => 1 };
var seed = new Option<int>("--seed") { Description = "The seed.", DefaultValueFactory = _ => 1 };
var findings = new Option<DirectoryInfo>("--findings")
{
    Description = "The folder for cases that are findings.",
    DefaultValueFactory = _ => new DirectoryInfo("findings"),
};
var first = new Option<int>("--first") { Description = "The number of the first case." };
var again = new Option<FileInfo[]>("--again")
{
    Description = "Tries findings again, and nothing else.",
    AllowMultipleArgumentsPerToken = true,
};
var root = new RootCommand("Tries damaged model files.") { models, minutes, seed, findings, first, again };
root.SetAction(result =>
    result.GetValue(again) is { Length: > 0 } files
        ? Retry(files)
        : Fuzz(
            result.GetValue(models) ?? [],
            TimeSpan.FromMinutes(result.GetValue(minutes)),
            result.GetValue(seed),
            result.GetValue(findings)!,
            result.GetValue(first)
        )
);
return root.Parse(args).Invoke();

static int Retry(FileInfo[] files)
{
    bool isClean = true;
    foreach (FileInfo file in files)
    {
        Verdict verdict = ModelFuzzer.Case.Read(file.FullName).Try();
        Console.WriteLine($"{file.Name}: {verdict.Outcome}: {verdict.Description}");
        isClean &= verdict.Outcome != Outcome.Finding;
    }

    return isClean ? 0 : 1;
}

static ModelArchive[] Read(DirectoryInfo[] models) =>
    [
        .. models
            .SelectMany(folder => folder.EnumerateFiles("*.zip", SearchOption.AllDirectories))
            .Where(file => file.Directory!.Name != "corpus") // old findings
            .OrderBy(file => file.FullName, StringComparer.Ordinal)
            .Select(file => new ModelArchive(File.ReadAllBytes(file.FullName))),
        .. DeepModels.Names.Select(name => ModelArchive.Of(DeepModels.Of(name))),
        ModelArchive.Of(DeepModels.Encoded()),
    ];

static int Fuzz(DirectoryInfo[] models, TimeSpan duration, int seed, DirectoryInfo findings, int first)
{
    ModelArchive[] archives = Read(models);
    foreach (ModelArchive archive in archives)
    {
        Verdict whole = Trial.OfFile(archive.File);
        if (whole.Outcome != Outcome.Accepted)
        {
            Console.WriteLine($"A whole file is not accepted: {whole.Description}");
            return 1;
        }
    }

    var fuzzer = new ModelFuzzer(archives, seed);
    var counts = new Dictionary<Outcome, int>();
    var seen = new HashSet<string>();
    long start = Stopwatch.GetTimestamp();
    long slowest = 0;
    TimeSpan reported = TimeSpan.Zero;
    int number = first;
    int current = -1;
    using var watch = new Timer(
        _ =>
        {
            // The same case ten seconds later: it hangs. The process ends, and says where.
            int now = Volatile.Read(ref number);
            if (now == current)
            {
                Save(fuzzer.Make(now), now);
                Environment.FailFast($"Case {now} of seed {seed} hangs.");
            }
            current = now;
        },
        null,
        TimeSpan.FromSeconds(10),
        TimeSpan.FromSeconds(10)
    );

    for (; Stopwatch.GetElapsedTime(start) < duration; Volatile.Write(ref number, number + 1))
    {
        long caseStart = Stopwatch.GetTimestamp();
        ModelFuzzer.Case made = fuzzer.Make(number);
        Verdict verdict = made.Try();
        slowest = Math.Max(slowest, Stopwatch.GetTimestamp() - caseStart);
        counts[verdict.Outcome] = counts.GetValueOrDefault(verdict.Outcome) + 1;
        if (verdict.Outcome == Outcome.Finding && seen.Add(Kind(verdict.Description)))
        {
            string name = Save(made, number);
            Console.WriteLine($"{name}: {verdict.Description}");
        }
        if (Stopwatch.GetElapsedTime(start) > reported + TimeSpan.FromMinutes(1))
        {
            reported = Stopwatch.GetElapsedTime(start);
            Report();
        }
    }

    Report();
    return counts.ContainsKey(Outcome.Finding) ? 1 : 0;

    string Save(ModelFuzzer.Case made, int number)
    {
        findings.Create();
        string name = string.Create(CultureInfo.InvariantCulture, $"{seed}-{number}{made.Extension}");
        File.WriteAllBytes(Path.Combine(findings.FullName, name), made.Bytes);
        return name;
    }

    void Report() =>
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{Stopwatch.GetElapsedTime(start).TotalSeconds:F0} s, seed {seed}: {number - first} cases, {string.Join(", ", counts.OrderBy(pair => pair.Key).Select(pair => $"{pair.Key} {pair.Value}"))}; slowest {1000.0 * slowest / Stopwatch.Frequency:F0} ms; memory {Environment.WorkingSet >> 20} MiB"
            )
        );
}

// Findings that differ in numbers alone are one.
static string Kind(string description) => new([.. description.Where(c => !char.IsDigit(c))]);
