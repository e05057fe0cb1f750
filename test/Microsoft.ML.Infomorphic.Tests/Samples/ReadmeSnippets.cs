using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.SampleTests;

/// <summary>The code that README.md shows, compiled and run by <see cref="ReadmeTests"/>.</summary>
internal static class ReadmeSnippets
{
    public static MulticlassClassificationMetrics TrainSaveAndLoad()
    {
        #region pipeline
        var mlContext = new MLContext(seed: 1);
        IDataView data = mlContext.Data.LoadFromTextFile<Wine>(
            "data/tabular/wine.csv",
            separatorChar: ',',
            hasHeader: true
        );
        DataOperationsCatalog.TrainTestData split = mlContext.Data.TrainTestSplit(data, testFraction: 0.2);

        var pipeline = mlContext
            .Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.MulticlassClassification.Trainers.Infomorphic(numberOfHiddenNeurons: 100))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedCultivar", "PredictedLabel"));
        var model = pipeline.Fit(split.TrainSet);

        var metrics = mlContext.MulticlassClassification.Evaluate(model.Transform(split.TestSet));
        Console.WriteLine($"accuracy {metrics.MicroAccuracy:P1}, log-loss {metrics.LogLoss:F3}");
        #endregion

        #region save
        mlContext.Model.Save(model, data.Schema, "model.zip");

        // In any process that references the library, with or without libtorch:
        ITransformer loaded = new MLContext().Model.Load("model.zip", out _);
        #endregion

        Assert.AreEqual(
            metrics.LogLoss,
            mlContext.MulticlassClassification.Evaluate(loaded.Transform(split.TestSet)).LogLoss
        );
        return metrics;
    }

    public static InfomorphicModelParameters TrainWithOptions(
        MLContext mlContext,
        IDataView train,
        IDataView validation
    )
    {
        #region options
        InfomorphicTrainer trainer = mlContext.MulticlassClassification.Trainers.Infomorphic(
            new InfomorphicTrainer.Options
            {
                Goal = "0.33{F}{C}{L} + {F}{C} - {F}{L} - {FC}{FL}", // or a published one: "opt_1_100_tpe", "heuristic"
                NumberOfHiddenNeurons = 50,
                OutputLayer = OutputLayerKind.Infomorphic, // as in the paper; the default is softmax regression
                Device = "cpu",
                EpochEnded = epoch => Console.WriteLine($"{epoch.Epoch}: {epoch.ValidationAccuracy:P1}"),
            }
        );
        var transformer = trainer.Fit(train, validation);

        InfomorphicModelParameters parameters = transformer.Model;
        EpochRecord last = parameters.History.Epochs[^1];
        Console.WriteLine($"goal {parameters.Network.HiddenLayers[0].Goal}: {last.Goal:F3} bits");
        #endregion

        #region scoring
        var sampled = transformer.WithScoring(ScoringMode.Sampled, numberOfSamples: 1);
        #endregion

        Assert.AreEqual(ScoringMode.Sampled, sampled.Model.ScoringSettings.Mode);
        return parameters;
    }

    #region row
    private sealed class Wine
    {
        [LoadColumn(0, 12), VectorType(13)]
        public float[] Features { get; set; } = [];

        [LoadColumn(13)]
        public string Label { get; set; } = "";
    }
    #endregion
}
