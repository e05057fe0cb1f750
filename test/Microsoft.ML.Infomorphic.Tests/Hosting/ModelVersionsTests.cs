using System.Runtime.InteropServices;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Learning;

namespace Microsoft.ML.Infomorphic.Tests.Hosting;

/// <summary>
/// Models/version-1.zip was saved by version 1 of the format: the model of <see cref="Samples.Trainer"/>, beside the scores
/// that it gave to <see cref="Samples.Rows"/>.
/// </summary>
[TestClass]
public class ModelVersionsTests
{
    // Another processor adds up products in another order.
    private const float Precision = 1e-6f;

    private readonly MLContext _context = new(1);

    [TestMethod]
    public void A_model_of_version_1_scores_as_it_did()
    {
        ITransformer model = _context.Model.Load(PathOf("version-1.zip"), out _);

        AssertScores(model);
        InfomorphicModelParameters parameters = ParametersOf(model);
        Assert.IsTrue(parameters.History.Epochs.All(epoch => double.IsNaN(epoch.SelfCosineDistance)));
        Assert.AreEqual(HiddenLayerKind.Infomorphic, parameters.TrainingSettings.HiddenLayer);
        Assert.AreEqual(ContextSignal.Label, parameters.TrainingSettings.Context);
        Assert.IsTrue(parameters.TrainingSettings.LateralInput);
    }

    [TestMethod]
    public void A_model_of_version_1_is_saved_in_the_version_of_today()
    {
        ITransformer old = _context.Model.Load(PathOf("version-1.zip"), out DataViewSchema schema);
        using var stream = new MemoryStream();
        _context.Model.Save(old, schema, stream);
        stream.Position = 0;

        ITransformer model = _context.Model.Load(stream, out _);

        AssertScores(model);
        Assert.AreEqual(ParametersOf(old).TrainingSettings, ParametersOf(model).TrainingSettings);
    }

    private void AssertScores(ITransformer model)
    {
        float[] expected = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(PathOf("version-1.scores"))).ToArray();
        float[] scores = [.. Samples.Scores(model.Transform(Samples.View(_context))).SelectMany(row => row)];
        Assert.HasCount(expected.Length, scores);
        for (int i = 0; i < expected.Length; i++)
            Assert.AreEqual(expected[i], scores[i], Precision);
    }

    private static InfomorphicModelParameters ParametersOf(ITransformer model) =>
        model is ISingleFeaturePredictionTransformer<InfomorphicModelParameters> transformer
            ? transformer.Model
            : ((TransformerChain<ITransformer>)model)
                .OfType<ISingleFeaturePredictionTransformer<InfomorphicModelParameters>>()
                .Single()
                .Model;

    private static string PathOf(string name) => Path.Combine(AppContext.BaseDirectory, "Hosting", "Models", name);
}
