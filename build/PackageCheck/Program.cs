// The whole program of build/check-package.sh: what somebody writes who has just installed the package. Without arguments
// it trains, evaluates and saves; with the name of a saved model it only loads and scores.
using Microsoft.ML;
using Microsoft.ML.Data;

// Two features, three classes that lie in different directions from the origin.
var random = new Random(1);
Row[] rows =
[
    .. Enumerable
        .Range(0, 600)
        .Select(i =>
        {
            double angle = 2 * Math.PI * (i % 3 + random.NextDouble() * 0.8) / 3;
            return new Row { Label = $"class {i % 3}", Features = [(float)Math.Cos(angle), (float)Math.Sin(angle)] };
        }),
];
var context = new MLContext(seed: 1);
IDataView data = context.Data.LoadFromEnumerable(rows);

ITransformer model;
if (args is [string saved])
{
    model = context.Model.Load(saved, out _);
}
else
{
    model = context
        .Transforms.Conversion.MapValueToKey("Label")
        .Append(
            context.MulticlassClassification.Trainers.Infomorphic(
                numberOfHiddenNeurons: 20,
                numberOfEpochs: 60,
                batchSize: 100
            )
        )
        .Append(context.Transforms.Conversion.MapKeyToValue("PredictedLabel"))
        .Fit(data);
    context.Model.Save(model, data.Schema, "model.zip");
}

double accuracy = context.MulticlassClassification.Evaluate(model.Transform(data)).MicroAccuracy;
Console.WriteLine($"Accuracy: {accuracy:F3}");
if (accuracy < 0.9)
    throw new InvalidOperationException("The network has learned too little.");

Prediction prediction = context.Model.CreatePredictionEngine<Row, Prediction>(model).Predict(rows[0]);
Console.WriteLine($"Scores: {string.Join(' ', prediction.Score)}, {prediction.PredictedLabel}");
Console.WriteLine("The package works.");

internal sealed class Row
{
    public string Label { get; set; } = "";

    [VectorType(2)]
    public float[] Features { get; set; } = [];
}

internal sealed class Prediction
{
    public string PredictedLabel { get; set; } = "";
    public float[] Score { get; set; } = [];
}
