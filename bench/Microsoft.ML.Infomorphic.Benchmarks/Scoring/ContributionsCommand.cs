using System.CommandLine;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Benchmarks.Measuring;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Benchmarks.Scoring;

// Microsoft.ML.Command, a namespace, would hide it.
using Command = System.CommandLine.Command;

/// <summary>How many times as long as scores their contributions take, as columns and row by row.</summary>
internal static class ContributionsCommand
{
    private const int Rounds = 30;
    private const int TableFeatures = 20;
    private const int TableRows = 2_000;
    private const int SingleRows = 256;

    public static Command Create()
    {
        Option<int> seconds = MeasurementOptions.WholeNumber(
            "--seconds",
            "No further round of a model begins after so many seconds.",
            20
        );
        Option<string?> data = new MeasurementOptions().Data;
        var command = new Command(
            "contributions",
            "Measures contributions to rows against scoring the same rows; DOTNET_PROCESSOR_COUNT sets the number of threads."
        )
        {
            seconds,
            data,
        };
        command.SetAction(parsed =>
        {
            BenchmarkData images = BenchmarkData.Load(parsed.GetValue(data));
            var context = new MLContext(1);
            IDataView rows = context.Data.Cache(ScoredRow.View(context, images.Test, TableRows));
            Measure(
                $"{images.Name}, 784 features, 10 classes, N = 100",
                context,
                rows,
                new InfomorphicTrainer.Options
                {
                    NumberOfHiddenNeurons = 100,
                    Standardization = Standardization.Global,
                    Encoding = FeatureEncodingKind.None,
                },
                parsed.GetValue(seconds)
            );
            foreach (int classes in (int[])[2, 5])
                Measure(
                    $"table, {TableFeatures} features, {classes} classes, curves, 3 networks of N = 100",
                    context,
                    context.Data.Cache(context.Data.LoadFromEnumerable(Table(classes), Schema(classes))),
                    new InfomorphicTrainer.Options
                    {
                        NumberOfHiddenNeurons = 100,
                        NumberOfNetworks = 3,
                        Encoding = FeatureEncodingKind.PiecewiseLinear,
                    },
                    parsed.GetValue(seconds)
                );
            return 0;
        });
        return command;
    }

    private static void Measure(
        string name,
        MLContext context,
        IDataView rows,
        InfomorphicTrainer.Options options,
        int seconds
    )
    {
        options.NumberOfEpochs = 1;
        options.Seed = 1;
        options.Device = "cpu";
        InfomorphicPredictionTransformer model = context
            .MulticlassClassification.Trainers.Infomorphic(options)
            .Fit(rows);
        float[][] features = [.. rows.GetColumn<float[]>("Features").Take(SingleRows)];
        var scores = new Contender("scores", () => Read(model.Transform(rows), "Score"));
        var engine = new Contender(
            $"scores of {SingleRows} rows one by one",
            () =>
            {
                float[] probabilities = new float[model.Model.Network.ClassCount];
                foreach (float[] row in features)
                    model.Model.Scorer.Score(row, probabilities);
            }
        );
        Contender[] contributions =
        [
            .. Enum.GetValues<ContributionClasses>()
                .Where(classes => classes != ContributionClasses.True)
                .Select(classes => new Contender(
                    $"contributions, {classes}",
                    () => Read(model.Contributions(classes).Transform(rows), "FeatureContributions")
                )),
        ];
        var single = new Contender(
            $"ExplainRow, {SingleRows} rows, all classes",
            () =>
            {
                foreach (float[] row in features)
                    _ = model.Model.ExplainRow(row);
            }
        );
        Interleaving.Measure([scores, engine, .. contributions, single], Rounds, seconds);
        ConsoleTable.Write(
            $"{name}; {Environment.ProcessorCount} threads",
            ["", "ms (p10–p90)", "times as long as scoring (p10–p90)"],
            [
                Row(scores, scores),
                .. contributions.Select(contender => Row(contender, scores)),
                Row(engine, engine),
                Row(single, engine),
            ]
        );
    }

    private static string[] Row(Contender contender, Contender scoring) =>
        [
            contender.Name,
            ConsoleTable.Format(contender.Total.Milliseconds),
            ConsoleTable.Format(contender.Total.RatioTo(scoring.Total)),
        ];

    private static void Read(IDataView view, string column)
    {
        using DataViewRowCursor cursor = view.GetRowCursor([view.Schema[column]]);
        ValueGetter<VBuffer<float>> get = cursor.GetGetter<VBuffer<float>>(view.Schema[column]);
        VBuffer<float> values = default;
        while (cursor.MoveNext())
            get(ref values);
    }

    private static SchemaDefinition Schema(int classes)
    {
        var schema = SchemaDefinition.Create(typeof(TableRow));
        schema["Label"].ColumnType = new KeyDataViewType(typeof(uint), classes);
        return schema;
    }

    private static TableRow[] Table(int classes)
    {
        var random = new Random(1);
        return
        [
            .. Enumerable
                .Range(0, TableRows)
                .Select(i => new TableRow
                {
                    Label = (uint)(i % classes),
                    Features =
                    [
                        .. Enumerable
                            .Range(0, TableFeatures)
                            .Select(feature => random.NextSingle() + (feature % classes == i % classes ? 0.3f : 0)),
                    ],
                }),
        ];
    }

    private sealed class TableRow
    {
        [VectorType(TableFeatures)]
        public float[] Features { get; set; } = [];

        public uint Label { get; set; }
    }
}
