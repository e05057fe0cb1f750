using System.CommandLine;
using System.Runtime.Intrinsics;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Benchmarks;

// Microsoft.ML.Command, a namespace, would hide it.
using Command = System.CommandLine.Command;

/// <summary>
/// Records to the bit what trainings and scores come to, a line a case: before a change that must not change them, and
/// after it. Lines can be compared where they come from processors with the same vector instructions.
/// </summary>
internal sealed class RecordCommand
{
    private const int MnistRows = 2000;
    private const int TestRows = 100;

    private readonly string? _only;
    private readonly Lazy<(RecordRows Train, RecordRows Test)> _mnist = new(ReadMnist);

    private RecordCommand(string? only) => _only = only;

    public static Command Create()
    {
        Option<string?> only = new("--only")
        {
            Description = "Record only the cases that have this in their names.",
            HelpName = "TEXT",
        };
        var command = new Command(
            "record",
            "Writes hashes of what small trainings and their scores come to, to compare before and after a change."
        )
        {
            only,
        };
        command.SetAction(parsed => new RecordCommand(parsed.GetValue(only)).Run());
        return command;
    }

    private int Run()
    {
        Console.Error.WriteLine(
            $"AVX-512: {Vector512.IsHardwareAccelerated}, 256 bits: {Vector256.IsHardwareAccelerated}"
        );
        foreach (RecordCase recorded in RecordCases.All(() => _mnist.Value))
            RecordTraining(recorded);
        foreach ((string name, Func<int, IReadOnlyList<TrainingResult>> train) in RecordTensorCases.All())
            ForThreads(name, (name, threads) => RecordResults(name, train(threads)));
        foreach ((string name, string file) in ModelFiles())
            if (IsWanted(name))
                RecordFile(name, file);
        return 0;
    }

    private void RecordTraining(RecordCase recorded) =>
        ForThreads(
            recorded.Name,
            (name, threads) =>
            {
                var context = new MLContext(1);
                bool says = recorded.Says is null;
                context.Log += (_, log) =>
                    says |= log.RawMessage.Contains(recorded.Says ?? "", StringComparison.Ordinal);
                IReadOnlyList<InfomorphicPredictionTransformer> models = recorded.Fit(context, threads);
                if (!says)
                    throw new InvalidOperationException($"The log of {name} does not say \"{recorded.Says}\".");
                for (int i = 0; i < models.Count; i++)
                {
                    string of = models.Count == 1 ? name : $"{name}/{i + 1}";
                    Write(of + "/history", RecordHashes.HashHistory(models[i].Model.History));
                    RecordModel(of, context, models[i], recorded.Test());
                }
            }
        );

    private void ForThreads(string name, Action<string, int> record)
    {
        foreach (int threads in (int[])[1, 2])
            if (IsWanted($"{name}/threads={threads}"))
                record($"{name}/threads={threads}", threads);
    }

    private bool IsWanted(string name) => _only is null || name.Contains(_only, StringComparison.Ordinal);

    private static void RecordResults(string name, IReadOnlyList<TrainingResult> results)
    {
        for (int i = 0; i < results.Count; i++)
        {
            string of = results.Count == 1 ? name : $"{name}/{i + 1}";
            Write(of + "/history", RecordHashes.HashHistory(results[i].History));
            Write(of + "/network", RecordHashes.HashNetwork(results[i].Network));
        }
    }

    private static void RecordFile(string name, string file)
    {
        var context = new MLContext(1);
        ITransformer model = context.Model.Load(file, out _);
        var transformer = (model as IEnumerable<ITransformer> ?? [model])
            .OfType<ISingleFeaturePredictionTransformer<InfomorphicModelParameters>>()
            .Single();
        var rows = RecordRows.MakeUp(
            TestRows,
            transformer.Model.Network.FeatureCount,
            transformer.Model.Network.ClassCount,
            seed: 10
        );
        Write(name + "/history", RecordHashes.HashHistory(transformer.Model.History));
        Write(name + "/as-saved", HashTransformed(context, transformer, rows));
        RecordModel(name, context, transformer, rows);
    }

    private static void RecordModel(
        string name,
        MLContext context,
        ISingleFeaturePredictionTransformer<InfomorphicModelParameters> transformer,
        RecordRows test
    )
    {
        Write(name + "/network", RecordHashes.HashNetwork(transformer.Model.Network));
        Write(name + "/insight", RecordHashes.HashInsight(transformer.Model.Explain(test.View(context))));
        (string Name, RecordRows Rows)[] kinds = [("full", test.WithOddOnes()), ("sparse", test.Sparse())];
        foreach (ScoringMode mode in Enum.GetValues<ScoringMode>())
        foreach (bool calibrate in (bool[])[true, false])
        {
            InfomorphicPredictionTransformer scorer = transformer.WithScoring(mode, 3, seed: 7, calibrate);
            foreach ((string kind, RecordRows rows) in kinds)
            {
                string of = $"{name}/{mode}{(calibrate ? "" : "-uncalibrated")}/{kind}";
                Write(of + "/rows", HashRowByRow(context, scorer, rows));
                Write(of + "/view", HashTransformed(context, scorer, rows));
            }
        }

        Write(name + "/labels", HashLabels(context, transformer, test.WithOddOnes()));
        var reloaded = Reload(context, transformer, test);
        Write(name + "/reloaded/network", RecordHashes.HashNetwork(reloaded.Model.Network));
        Write(name + "/reloaded/view", HashTransformed(context, reloaded, test));
    }

    // By a prediction engine.
    private static string HashRowByRow(MLContext context, ITransformer transformer, RecordRows rows)
    {
        var hash = new RecordHashes.BitHash();
        using PredictionEngine<RecordRow, ScoredRow> engine = context.Model.CreatePredictionEngine<
            RecordRow,
            ScoredRow
        >(transformer, inputSchemaDefinition: rows.Schema);
        foreach (RecordRow row in rows.Rows)
            hash.Add<float>(engine.Predict(row).Score);
        return hash.ToString();
    }

    private static string HashTransformed(MLContext context, ITransformer transformer, RecordRows rows)
    {
        var hash = new RecordHashes.BitHash();
        IDataView scored = transformer.Transform(rows.View(context));
        foreach (float[] scores in scored.GetColumn<float[]>(nameof(ScoredRow.Score)))
            hash.Add<float>(scores);
        return hash.ToString();
    }

    // The predicted ones.
    private static string HashLabels(MLContext context, ITransformer transformer, RecordRows rows)
    {
        var hash = new RecordHashes.BitHash();
        hash.Add<uint>([.. transformer.Transform(rows.View(context)).GetColumn<uint>("PredictedLabel")]);
        return hash.ToString();
    }

    // Saves a model and loads it.
    private static ISingleFeaturePredictionTransformer<InfomorphicModelParameters> Reload(
        MLContext context,
        ITransformer transformer,
        RecordRows rows
    )
    {
        using var stream = new MemoryStream();
        context.Model.Save(transformer, rows.View(context).Schema, stream);
        stream.Position = 0;
        return (ISingleFeaturePredictionTransformer<InfomorphicModelParameters>)context.Model.Load(stream, out _);
    }

    private static void Write(string name, string hash) => Console.WriteLine($"{name} {hash}");

    private static (RecordRows Train, RecordRows Test) ReadMnist()
    {
        BenchmarkData data = BenchmarkData.Load(Find("data/mnist"));
        return (Take(data.Train, MnistRows), Take(data.Test, TestRows));

        static RecordRows Take(LabeledRows rows, int count) =>
            new(
                BenchmarkData.Features,
                BenchmarkData.Classes,
                [
                    .. Enumerable
                        .Range(0, count)
                        .Select(i =>
                        {
                            float[] values = new float[BenchmarkData.Features];
                            rows.Features.CopyRow(i, values);
                            return new RecordRow
                            {
                                Label = (uint)rows.Labels[i],
                                Features = new VBuffer<float>(values.Length, values),
                            };
                        }),
                ]
            );
    }

    // Those of the scoring samples, and one of every version of the format.
    private static IEnumerable<(string Name, string File)> ModelFiles() =>
        ((string[])["test/Models", "test/Microsoft.ML.Infomorphic.Tests/Models"]).SelectMany(folder =>
        {
            string root = Find(folder);
            return Directory
                .EnumerateFiles(root, "*.zip", SearchOption.AllDirectories)
                .Select(file => (Name: Path.GetRelativePath(root, file).Replace('\\', '/'), File: file))
                .Where(model => !model.Name.StartsWith("corpus/", StringComparison.Ordinal)) // damaged ones
                .OrderBy(model => model.Name, StringComparer.Ordinal)
                .Select(model => ("file/" + model.Name, model.File));
        });

    // In the current directory or above.
    private static string Find(string folder)
    {
        for (DirectoryInfo? above = new(Directory.GetCurrentDirectory()); above is not null; above = above.Parent)
            if (Directory.Exists(Path.Combine(above.FullName, folder)))
                return Path.Combine(above.FullName, folder);
        throw new InvalidOperationException($"There is no {folder} here or above: run from within the repository.");
    }

    private sealed class ScoredRow
    {
        public float[] Score { get; set; } = [];
    }
}
