using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Tests.Training;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Root;

/// <summary>Networks of several layers, trained through the estimator and the trainer beneath it.</summary>
[TestClass]
public class DeepTrainingTests
{
    private static readonly LabeledRows s_rows = Problems.Blobs(600, features: DeepSetups.Features);

    [TestMethod]
    [DataRow(LayerOrder.Together)]
    [DataRow(LayerOrder.BottomUp)]
    public void Fields_of_an_image_column_are_trained_saved_and_gone_on_from(LayerOrder order)
    {
        var mlContext = new MLContext(1);
        IDataView data = View(mlContext, s_rows);
        InfomorphicTrainer trainer = mlContext.MulticlassClassification.Trainers.Infomorphic(Options(order));

        InfomorphicPredictionTransformer first = trainer.Fit(
            data,
            View(mlContext, Problems.Blobs(200, 2, features: 36))
        );
        InfomorphicPredictionTransformer next = trainer.Fit(data, first.Model);

        Assert.AreEqual(new ImageShape(6, 6), first.Model.TrainingSettings.Image);
        Assert.IsGreaterThan(0.9, mlContext.MulticlassClassification.Evaluate(next.Transform(data)).MicroAccuracy);
        using var file = new MemoryStream();
        mlContext.Model.Save(next, data.Schema, file);
        ITransformer loaded = new MLContext(2).Model.Load(file, out _);
        CollectionAssert.AreEqual(Scores(next.Transform(data)), Scores(loaded.Transform(data)));
    }

    // What the layers below put out is computed anew for each batch where it may not be kept.
    [TestMethod]
    public void Outputs_that_are_computed_anew_train_the_network_that_kept_ones_train()
    {
        TrainingSettings settings = DeepSetups.Settings(DeepSetups.Skips, epochs: 2) with
        {
            Order = LayerOrder.BottomUp,
        };
        float[] kept = Weights(settings, long.MaxValue);
        float[] computed = Weights(settings, keptBytes: 0);
        CollectionAssert.AreEqual(kept, computed);
    }

    [TestMethod]
    public void The_history_of_layers_trained_one_after_another_says_which_learned_when()
    {
        TrainingSettings settings = DeepSetups.Settings(DeepSetups.Stacked, epochs: 2) with
        {
            Order = LayerOrder.BottomUp,
        };
        TrainingHistory history = Problems.Train(s_rows, settings).History;
        Assert.HasCount(8, history.Epochs); // the output layer comes last
        for (int epoch = 0; epoch < 8; epoch++)
        {
            Assert.AreEqual(epoch + 1, history.Epochs[epoch].Epoch);
            for (int layer = 0; layer < 3; layer++)
                Assert.AreEqual(epoch / 2 != layer, double.IsNaN(history.Epochs[epoch].HiddenLayers[layer].Goal));
        }
    }

    // Learning is local: a layer that hears nothing from above does not know what those above it aim for.
    [TestMethod]
    [DataRow(LayerOrder.Together)]
    [DataRow(LayerOrder.BottomUp)]
    public void The_goal_of_a_layer_changes_no_weight_of_those_below(LayerOrder order)
    {
        TrainingSettings settings = DeepSetups.Settings(DeepSetups.Stacked, epochs: 2) with { Order = order };
        TrainingSettings other = settings with
        {
            HiddenLayers =
            [
                settings.HiddenLayers[0],
                settings.HiddenLayers[1] with
                {
                    Goal = GoalFunctions.Heuristic,
                },
                settings.HiddenLayers[2],
            ],
        };
        InfomorphicNetwork one = Problems.Train(s_rows, settings).Network;
        InfomorphicNetwork two = Problems.Train(s_rows, other).Network;
        CollectionAssert.AreEqual(WeightsOf(one.Layers[0]), WeightsOf(two.Layers[0]));
        CollectionAssert.AreNotEqual(WeightsOf(one.Layers[1]), WeightsOf(two.Layers[1]));
    }

    private static float[] Weights(TrainingSettings settings, long keptBytes) =>
        [
            .. NetworkTrainer
                .TrainMany(
                    s_rows,
                    null,
                    [new TrainingRequest(settings, new TrainingCallbacks())],
                    Microsoft.ML.Infomorphic.Training.Torch.ComputeDevice.Cpu,
                    keptBytes
                )[0]
                .GetResult()
                .Network.Layers.SelectMany(WeightsOf),
        ];

    private static float[] WeightsOf(InfomorphicLayer layer) =>
        [
            .. layer.Sources.SelectMany(source =>
                source.Projections.SelectMany(projection => projection.Weights).Concat(source.Biases)
            ),
        ];

    private static InfomorphicTrainer.Options Options(LayerOrder order) =>
        new()
        {
            HiddenLayers =
            [
                new HiddenLayerOptions
                {
                    NumberOfNeurons = 4,
                    Connections = new LocalFieldSettings(4, 4, 2, 2),
                    LearningRate = 0.02,
                    MaximumLateralConnections = int.MaxValue,
                },
                new HiddenLayerOptions
                {
                    NumberOfNeurons = 12,
                    LearningRate = 0.02,
                    MaximumLateralConnections = int.MaxValue,
                },
            ],
            OutputLayerInputs = [Signal.Layer(0), Signal.Layer(1)],
            OutputLearningRate = 0.03,
            LayerOrder = order,
            RestoreBestEpoch = false,
            NumberOfEpochs = 25,
            BatchSize = 100,
            Seed = 1,
        };

    private static IDataView View(MLContext mlContext, LabeledRows rows)
    {
        SchemaDefinition schema = SchemaDefinition.Create(typeof(Row));
        schema[nameof(Row.Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, 1, 6, 6);
        schema[nameof(Row.Label)].ColumnType = new KeyDataViewType(typeof(uint), 3);
        return mlContext.Data.LoadFromEnumerable(
            Enumerable
                .Range(0, rows.RowCount)
                .Select(i => new Row { Features = Problems.FeaturesOf(rows, i), Label = (uint)rows.Labels[i] })
                .ToArray(),
            schema
        );
    }

    private static float[] Scores(IDataView scored) =>
        [.. scored.GetColumn<float[]>("Score").SelectMany(scores => scores)];

    private sealed class Row
    {
        public float[] Features { get; set; } = [];

        public uint Label { get; set; }
    }
}
