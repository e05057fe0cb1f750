using System.Text.Json;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Hosting;

/// <summary>
/// Models/v1 to Models/v4 hold models as those versions of the format saved them, trained on <see cref="Samples.Rows"/>, each beside
/// the scores that it gave to the first of these rows.
/// </summary>
[TestClass]
public class ModelVersionsTests
{
    // Vector instructions of another width sum in another order.
    private const float Tolerance = 1e-5f;

    private readonly MLContext _context = new(1);

    [TestMethod]
    [DataRow("v1/mean-field")]
    [DataRow("v1/pipeline-sampled")]
    [DataRow("v2/feedback")]
    [DataRow("v2/lateral-only")]
    [DataRow("v2/random")]
    [DataRow("v3/feedback-of-3")]
    [DataRow("v4/local-fields")]
    [DataRow("v4/shared-fields")]
    public void A_model_of_every_version_scores_as_when_it_was_written(string name)
    {
        ITransformer model = _context.Model.Load(PathOf(name + ".zip"), out DataViewSchema schema);

        Assert.Contains("Features", schema.Select(column => column.Name));
        AssertScores(name, model);
    }

    // Of BinarySamples.Rows; two networks, encoded features, a threshold of ¼.
    [TestMethod]
    public void A_binary_model_scores_as_when_it_was_written()
    {
        ITransformer model = _context.Model.Load(PathOf("v4/binary.zip"), out _);
        BinarySamples.Prediction[] expected = JsonSerializer.Deserialize<BinarySamples.Prediction[]>(
            File.ReadAllText(PathOf("v4/binary.json"))
        )!;

        BinarySamples.Prediction[] actual = BinarySamples.Predictions(_context, model);

        Assert.IsInstanceOfType<BinaryPredictionTransformer<InfomorphicBinaryModelParameters>>(model);
        Assert.HasCount(12, expected);
        foreach ((BinarySamples.Prediction one, BinarySamples.Prediction other) in expected.Zip(actual))
        {
            Assert.AreEqual(one.Score, other.Score, 1e-4f); // ln p, where p is as near as Tolerance
            Assert.AreEqual(one.Probability, other.Probability, Tolerance);
            Assert.AreEqual(one.PredictedLabel, other.PredictedLabel);
        }
    }

    [TestMethod]
    [DataRow("v1/mean-field", 2)]
    [DataRow("v2/feedback", 2)]
    [DataRow("v2/random", 1)]
    [DataRow("v3/feedback-of-3", 3)]
    [DataRow("v4/local-fields", 3)]
    [DataRow("v4/shared-fields", 2)]
    public void A_model_presents_rows_as_often_as_when_it_was_written(string name, int presentations)
    {
        InfomorphicModelParameters parameters = ParametersOf(_context.Model.Load(PathOf(name + ".zip"), out _));

        Assert.AreEqual(presentations, parameters.Network.Presentations);
        Assert.AreEqual(Math.Max(presentations, 2), parameters.TrainingSettings.Presentations);
    }

    [TestMethod]
    [DataRow("v1/mean-field")]
    [DataRow("v1/pipeline-sampled")]
    public void A_model_of_version_1_is_of_the_set_up_that_there_was(string name)
    {
        InfomorphicModelParameters parameters = ParametersOf(_context.Model.Load(PathOf(name + ".zip"), out _));

        Assert.IsTrue(
            parameters.History.Epochs.All(epoch => double.IsNaN(epoch.HiddenLayers.Single().SelfCosineDistance))
        );
        LayerSettings hidden = parameters.TrainingSettings.HiddenLayers.Single();
        Assert.IsTrue(hidden.Learns);
        Assert.AreEqual(Signal.Label, hidden.Context);
        Assert.IsNotNull(hidden.LateralConnections);
    }

    [TestMethod]
    [DataRow("v1/mean-field")]
    [DataRow("v3/feedback-of-3")]
    public void A_model_that_was_saved_before_skipped_rows_were_counted_does_not_say_how_many(string name) =>
        Assert.IsNull(ParametersOf(_context.Model.Load(PathOf(name + ".zip"), out _)).History.SkippedRows);

    [TestMethod]
    public void A_model_of_version_4_has_the_layers_that_it_was_trained_with()
    {
        InfomorphicNetwork local = NetworkOf("v4/local-fields");
        InfomorphicNetwork shared = NetworkOf("v4/shared-fields");

        CollectionAssert.AreEqual(
            new[] { typeof(LocalFields), typeof(AllConnected), typeof(SubsetConnected), typeof(AllConnected) },
            local.Layers.Select(layer => layer.Sources[0].Projections[0].Connectivity.GetType()).ToArray()
        );
        Assert.AreEqual(Signal.Layer(3), local.Layers[1].Sources[1].Projections[0].Signal);
        Assert.IsInstanceOfType<DrawnConnected>(local.Layers[1].Sources[2].Projections[0].Connectivity);
        Assert.IsInstanceOfType<SharedFields>(shared.Layers[0].Sources[0].Projections[0].Connectivity);
        Assert.AreEqual(new Pooling(2, 1), shared.Layers[0].Pooling);
        Assert.IsNull(shared.Layers[2].Goal);
        Assert.HasCount(3, shared.OutputLayer.Sources[0].Projections);

        InfomorphicNetwork NetworkOf(string name) =>
            ParametersOf(_context.Model.Load(PathOf(name + ".zip"), out _)).Network;
    }

    [TestMethod]
    [DataRow("v1/mean-field")]
    [DataRow("v1/pipeline-sampled")]
    public void A_model_of_version_1_is_saved_in_the_version_of_today(string name)
    {
        ITransformer old = _context.Model.Load(PathOf(name + ".zip"), out DataViewSchema schema);
        using var stream = new MemoryStream();
        _context.Model.Save(old, schema, stream);
        stream.Position = 0;

        ITransformer model = _context.Model.Load(stream, out _);

        AssertScores(name, model);
        Assert.AreEqual(ParametersOf(old).TrainingSettings, ParametersOf(model).TrainingSettings);
    }

    private void AssertScores(string name, ITransformer model)
    {
        float[][] expected = JsonSerializer.Deserialize<float[][]>(File.ReadAllText(PathOf(name + ".json")))!;
        float[][] scores = Samples.Scores(model.Transform(Samples.View(_context)));
        Assert.IsGreaterThan(0, expected.Length);
        for (int i = 0; i < expected.Length; i++)
        for (int k = 0; k < Samples.ClassCount; k++)
            Assert.AreEqual(expected[i][k], scores[i][k], Tolerance, $"row {i}, class {k}");
    }

    private static InfomorphicModelParameters ParametersOf(ITransformer model) =>
        model is ISingleFeaturePredictionTransformer<InfomorphicModelParameters> transformer
            ? transformer.Model
            : ((TransformerChain<ITransformer>)model)
                .OfType<ISingleFeaturePredictionTransformer<InfomorphicModelParameters>>()
                .Single()
                .Model;

    private static string PathOf(string name) => Path.Combine(AppContext.BaseDirectory, "Models", name);
}
