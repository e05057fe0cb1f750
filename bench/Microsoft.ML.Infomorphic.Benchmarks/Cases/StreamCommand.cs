using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Tabular;

namespace Microsoft.ML.Infomorphic.Benchmarks.Cases;

// Microsoft.ML.Command, a namespace, would hide it.
using Command = System.CommandLine.Command;

/// <summary>The time and the memory of a fit on rows that are made as they are read, more than the memory budget holds.</summary>
internal static class StreamCommand
{
    private const int Classes = 5;

    public static Command Create()
    {
        Option<int> rows = MeasurementOptions.WholeNumber("--rows", "Rows to train on.", 1_000_000, minimum: 100);
        Option<int> features = MeasurementOptions.WholeNumber("--features", "Features of a row.", 50, minimum: 2);
        Option<int> budget = MeasurementOptions.WholeNumber("--budget", "The trainer's MemoryBudget, in MiB.", 64);
        Option<int> threads = MeasurementOptions.WholeNumber("--threads", "Threads.", 1);
        var command = new Command("stream", "Measures the time and the memory of a fit on streamed rows.")
        {
            rows,
            features,
            budget,
            threads,
        };
        command.SetAction(parsed =>
            Run(parsed.GetValue(rows), parsed.GetValue(features), parsed.GetValue(budget), parsed.GetValue(threads))
        );
        return command;
    }

    private static int Run(int rows, int features, int budget, int threads)
    {
        var context = new MLContext(1);
        context.Log += (_, log) =>
        {
            if (log.Source.Contains("Infomorphic", StringComparison.Ordinal) && log.Kind != ChannelMessageKind.Trace)
                Console.WriteLine(log.RawMessage);
        };
        IDataView train = View(rows, seed: 1);
        IDataView test = context.Data.Cache(View(5_000, seed: 2));
        double before = PeakMemory();
        long start = Stopwatch.GetTimestamp();
        InfomorphicPredictionTransformer model = context
            .MulticlassClassification.Trainers.Infomorphic(
                new InfomorphicTrainer.Options { MemoryBudget = budget, NumberOfThreads = threads }
            )
            .Fit(train);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        double after = PeakMemory();
        var metrics = Metrics.Of(model.Transform(test));
        Console.WriteLine(
            "| rows | features | budget, MiB | seconds | peak before, MiB | peak after, MiB | accuracy | log-loss |"
        );
        Console.WriteLine("|---:|---:|---:|---:|---:|---:|---:|---:|");
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"| {rows:N0} | {features} | {budget} | {seconds:F0} | {before:F0} | {after:F0} | {metrics.Accuracy:F4} | {metrics.LogLoss:F4} |"
            )
        );
        return 0;

        IDataView View(int count, int seed)
        {
            var schema = SchemaDefinition.Create(typeof(Streamed));
            schema[nameof(Streamed.Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, features);
            return context.Data.LoadFromEnumerable(Rows(count, features, seed), schema);
        }
    }

    // The class is the fifth that a noisy sum of a straight and a crooked term is in.
    private static IEnumerable<Streamed> Rows(int count, int features, int seed)
    {
        var random = new Random(seed);
        for (int row = 0; row < count; row++)
        {
            float[] x = new float[features];
            for (int i = 0; i < features; i++)
                x[i] = random.NextSingle();
            double sum = 0.6 * x[0] + 0.4 * Math.Abs(2 * x[1] - 1) + 0.1 * (random.NextDouble() - 0.5);
            yield return new Streamed { Features = x, Label = (uint)Math.Clamp(Classes * sum, 0, Classes - 1) };
        }
    }

    // "VmHWM:    123456 kB", in MiB; where the system has no such file, what the process has now.
    private static double PeakMemory()
    {
        const string Status = "/proc/self/status";
        if (!File.Exists(Status))
            return Environment.WorkingSet / 1048576.0;
        string line = File.ReadLines(Status).First(line => line.StartsWith("VmHWM", StringComparison.Ordinal));
        return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture)
            / 1024;
    }

    private sealed class Streamed
    {
        public float[] Features { get; init; } = [];

        // From 0: ML.NET's keys are one more.
        [KeyType(Classes)]
        public uint Label { get; init; }
    }
}
