using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Trainers;
using Microsoft.ML.Trainers.LightGbm;

namespace Microsoft.ML.Infomorphic.Benchmarks.Scoring;

/// <summary>
/// The models that are measured, as files in a folder that goes with this object. They are trained for a moment only: the
/// time that scoring takes does not depend on what they have learned.
/// </summary>
internal sealed class ScoringModels : IDisposable
{
    /// <summary>What is measured besides.</summary>
    public const string MaximumEntropy = "LbfgsMaximumEntropy";
    public const string LightGbm = "LightGbm";

    private const int OtherRows = 6_000;
    private const int Trees = 100;
    private const int Leaves = 31;

    private readonly string _folder = Directory.CreateTempSubdirectory("infomorphic-scoring-").FullName;

    /// <summary>Trains.</summary>
    public ScoringModels(BenchmarkData data, IEnumerable<int> hidden)
    {
        foreach (int neurons in hidden)
        {
            var context = new MLContext(1);
            IDataView rows = ScoredRow.View(context, data.Train, int.MaxValue);
            InfomorphicPredictionTransformer model = context
                .MulticlassClassification.Trainers.Infomorphic(
                    new InfomorphicTrainer.Options
                    {
                        NumberOfHiddenNeurons = neurons,
                        MaximumLateralConnections = Setup.LateralConnections(neurons),
                        NumberOfEpochs = 1,
                        Standardization = Standardization.Global,
                        Encoding = FeatureEncodingKind.None,
                        Seed = 1,
                        Device = "cpu",
                    }
                )
                .Fit(rows);
            context.Model.Save(model, rows.Schema, InfomorphicPath(_folder, neurons));
            model.SaveAsOnnx(OnnxPath(_folder, neurons));
        }

        Save(
            MaximumEntropy,
            trainers =>
                trainers.LbfgsMaximumEntropy(
                    new LbfgsMaximumEntropyMulticlassTrainer.Options { MaximumNumberOfIterations = 5 }
                )
        );
        Save(
            LightGbm,
            trainers =>
                trainers.LightGbm(
                    new LightGbmMulticlassTrainer.Options
                    {
                        NumberOfIterations = Trees,
                        NumberOfLeaves = Leaves,
                        Silent = true,
                    }
                )
        );

        void Save<TModel>(
            string name,
            Func<
                MulticlassClassificationCatalog.MulticlassClassificationTrainers,
                IEstimator<MulticlassPredictionTransformer<TModel>>
            > trainer
        )
            where TModel : class
        {
            var context = new MLContext(1);
            IDataView rows = ScoredRow.View(context, data.Train, OtherRows);
            ITransformer model = trainer(context.MulticlassClassification.Trainers).Fit(rows);
            context.Model.Save(model, rows.Schema, OtherPath(_folder, name));
        }
    }

    public string Folder => _folder;

    /// <summary>How the others were trained.</summary>
    public static string Others =>
        $"{MaximumEntropy}: weights of 784 features; {LightGbm}: {Trees} trees of up to {Leaves} leaves a class; both on {OtherRows} rows";

    public static string InfomorphicPath(string folder, int hidden) =>
        Path.Combine(folder, $"infomorphic-{hidden}.zip");

    public static string OnnxPath(string folder, int hidden) => Path.Combine(folder, $"infomorphic-{hidden}.onnx");

    public static string OtherPath(string folder, string name) => Path.Combine(folder, $"{name}.zip");

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
