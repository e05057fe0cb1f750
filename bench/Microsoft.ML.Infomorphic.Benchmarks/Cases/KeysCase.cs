using Microsoft.ML.Data;

namespace Microsoft.ML.Infomorphic.Benchmarks.Cases;

/// <summary>A8: labels whose keys stand for other classes than those of the training rows must not be learned from or judged by.</summary>
internal static class KeysCase
{
    public static void Check(CaseShape shape)
    {
        var ml = new MLContext(1);
        CaseRow[] rows = [.. CaseGenerator.Clouds(shape with { Spread = 4 }, 600, 3)];
        var schema = SchemaDefinition.Create(typeof(CaseRow));
        schema[nameof(CaseRow.Features)].ColumnType = new VectorDataViewType(
            NumberDataViewType.Single,
            rows[0].Features.Length
        );
        IDataView train = View(rows.OrderBy(row => row.Label));
        IDataView permuted = View(rows.OrderByDescending(row => row.Label));
        var trainer = ml.MulticlassClassification.Trainers.Infomorphic();
        Say("validation rows with other keys are refused", Refuses(() => trainer.Fit(train, permuted)));

        // What the keys of the later rows stand for is told by their names: right as those of the earlier rows.
        InfomorphicPredictionTransformer earlier = trainer.Fit(train);
        bool goesOn =
            Refuses(() => trainer.Fit(permuted, earlier.Model))
            || Accuracy(trainer.Fit(permuted, earlier.Model)) > 0.99;
        Say("a model goes on with rows of other keys by their names, or refuses them", goesOn);

        IDataView View(IEnumerable<CaseRow> rows)
        {
            IDataView view = ml.Data.LoadFromEnumerable(rows.ToArray(), schema);
            return ml.Transforms.Conversion.MapValueToKey(nameof(CaseRow.Label)).Fit(view).Transform(view);
        }

        double Accuracy(InfomorphicPredictionTransformer model)
        {
            IDataView named = ml
                .Transforms.Conversion.MapKeyToValue("Predicted", "PredictedLabel")
                .Append(ml.Transforms.Conversion.MapKeyToValue("Truth", nameof(CaseRow.Label)))
                .Fit(model.Transform(train))
                .Transform(model.Transform(train));
            return named
                .GetColumn<ReadOnlyMemory<char>>("Predicted")
                .Zip(named.GetColumn<ReadOnlyMemory<char>>("Truth"))
                .Average(row => row.First.Span.SequenceEqual(row.Second.Span) ? 1 : 0);
        }
    }

    private static bool Refuses(Action fit)
    {
        try
        {
            fit();
            return false;
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            return e.Message.Contains("class", StringComparison.OrdinalIgnoreCase);
        }
    }

    private static void Say(string what, bool holds) =>
        Console.WriteLine($"| A8, {what} | infomorphic | 1 | {(holds ? "pass" : "**fail**")} | – | – | – | – | |");
}
