using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Benchmarks.Measuring;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Learning;

namespace Microsoft.ML.Infomorphic.Benchmarks;

// Microsoft.ML.Command, a namespace, would hide it.
using Command = System.CommandLine.Command;

/// <summary>
/// How fast rows are scored: a cached view through its cursor, the same rows one by one, and a prediction engine. Scoring
/// takes all processors that the runtime sees: DOTNET_PROCESSOR_COUNT=1 measures one thread.
/// </summary>
internal static class ScoringCommand
{
    private const int Predictions = 20_000;

    public static Command Create()
    {
        Option<int[]> hidden = MeasurementOptions.WholeNumbers("--hidden", "Numbers of hidden neurons.", 100, 2000);
        var data = new Option<string?>("--data") { Description = "The folder of MNIST, or \"synthetic\"." };
        var output = new Option<string?>("--output") { Description = "The JSON file to write." };
        var seconds = new Option<double>("--seconds")
        {
            Description = "Time for each network.",
            DefaultValueFactory = _ => 10,
        };
        var command = new Command("scoring", "Measures how fast networks score rows.")
        {
            hidden,
            data,
            output,
            seconds,
        };
        command.SetAction(parsed =>
        {
            BenchmarkData rows = BenchmarkData.Load(parsed.GetValue(data));
            Measured[] measured =
            [
                .. parsed.GetRequiredValue(hidden).Select(neurons => Measure(neurons, rows, parsed.GetValue(seconds))),
            ];
            Machine machine = Machine.Describe("cpu", Environment.ProcessorCount, reproducibleProducts: false);
            if (parsed.GetValue(output) is string path)
                ReportFile.Write(
                    path,
                    new
                    {
                        machine,
                        data = rows.Name,
                        networks = measured,
                    }
                );
            return 0;
        });
        return command;
    }

    private static Measured Measure(int hidden, BenchmarkData data, double seconds)
    {
        var context = new MLContext(1);
        List<Row> rows = [.. Enumerable.Range(0, data.Test.RowCount).Select(i => ToRow(data.Test, i))];
        IDataView view = context.Data.Cache(context.Data.LoadFromEnumerable(rows));
        InfomorphicPredictionTransformer transformer = Untrained(context, hidden, data, view.Schema);
        IDataView scored = transformer.Transform(view);
        DataViewSchema.Column score = scored.Schema["Score"];
        var scorer = new NetworkScorer(transformer.Model.Network, transformer.Model.ScoringSettings);
        float[] probabilities = new float[BenchmarkData.Classes];

        var blocks = new Contender("Transform", () => Read(scored, score));
        var single = new Contender(
            "row by row",
            () =>
            {
                foreach (Row row in rows)
                    scorer.Score(row.Features, probabilities);
            }
        );
        Interleaving.Measure([blocks, single], rounds: 100, seconds);
        double bytes = blocks.AllocatedBytes(3) / rows.Count;
        (double median, double p99) = Predict(context, transformer, rows);
        var measured = new Measured(
            hidden,
            Environment.ProcessorCount,
            rows.Count / blocks.Total.Milliseconds.Median * 1000,
            rows.Count / single.Total.Milliseconds.Median * 1000,
            bytes,
            median,
            p99
        );
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"N = {hidden}, {measured.Processors} processors: Transform {measured.RowsPerSecond:N0} rows/s, row by row on one thread {measured.RowsPerSecondAlone:N0} rows/s, {bytes:F2} bytes a row with the cursor itself, Predict p50 {median:F1} µs, p99 {p99:F1} µs"
            )
        );
        return measured;
    }

    private static void Read(IDataView scored, DataViewSchema.Column score)
    {
        using DataViewRowCursor cursor = scored.GetRowCursor([score]);
        ValueGetter<VBuffer<float>> get = cursor.GetGetter<VBuffer<float>>(score);
        VBuffer<float> value = default;
        while (cursor.MoveNext())
            get(ref value);
    }

    private static (double Median, double P99) Predict(
        MLContext context,
        InfomorphicPredictionTransformer transformer,
        List<Row> rows
    )
    {
        using PredictionEngine<Row, Prediction> engine = context.Model.CreatePredictionEngine<Row, Prediction>(
            transformer
        );
        var prediction = new Prediction();
        double[] times = new double[Predictions];
        for (int i = -Predictions / 4; i < Predictions; i++)
        {
            long start = Stopwatch.GetTimestamp();
            engine.Predict(rows[Math.Abs(i) % rows.Count], ref prediction);
            if (i >= 0)
                times[i] = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        }

        Array.Sort(times);
        return (times[times.Length / 2], times[times.Length * 99 / 100]);
    }

    // Speed does not depend on what a network has learned.
    private static InfomorphicPredictionTransformer Untrained(
        MLContext context,
        int hidden,
        BenchmarkData data,
        DataViewSchema schema
    )
    {
        LearningSettings settings = Setup.Settings(hidden, Setup.LateralConnections(hidden));
        using NetworkState state = NetworkState.Create(settings, data.Scaling, BenchmarkData.Classes);
        InfomorphicNetwork network = state.ToNetwork([.. Enumerable.Repeat(1, BenchmarkData.Classes)]);
        var contents = new ModelContents(network, new TrainingHistory([], 0, 0, 0, 0), settings, new ScoringSettings());
        return new InfomorphicPredictionTransformer(
            context,
            new InfomorphicModelParameters(context, contents),
            schema,
            nameof(Row.Features),
            nameof(Row.Label)
        );
    }

    private static Row ToRow(LabeledRows rows, int index)
    {
        var row = new Row { Label = (uint)rows.Labels[index] + 1 };
        rows.Features.CopyRow(index, row.Features);
        return row;
    }

    private sealed record Measured(
        int Hidden,
        int Processors,
        double RowsPerSecond,
        double RowsPerSecondAlone,
        double BytesPerRow,
        double PredictMedianMicroseconds,
        double PredictP99Microseconds
    );

    /// <summary>A row as ML.NET reads it.</summary>
    internal sealed class Row
    {
        [VectorType(BenchmarkData.Features)]
        public float[] Features { get; set; } = new float[BenchmarkData.Features];

        [KeyType(BenchmarkData.Classes)]
        public uint Label { get; set; }
    }

    /// <summary>What is predicted.</summary>
    internal sealed class Prediction
    {
        [VectorType(BenchmarkData.Classes)]
        public float[] Score { get; set; } = new float[BenchmarkData.Classes];
    }
}
