using System.Numerics.Tensors;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Tests.Hosting;
using Microsoft.ML.Infomorphic.Tests.Training;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Root;

/// <summary>Several networks as one model.</summary>
[TestClass]
public class EnsembleTests
{
    private const int Networks = 3;

    private readonly MLContext _context = new(1);
    private readonly IDataView _data;

    public EnsembleTests() => _data = Samples.View(_context);

    [TestMethod]
    [DataRow(ScoringMode.MeanField, true)]
    [DataRow(ScoringMode.MeanField, false)]
    [DataRow(ScoringMode.Thresholded, true)]
    [DataRow(ScoringMode.Sampled, true)]
    public void Scores_are_the_mean_of_the_networks_calibrated_probabilities(ScoringMode mode, bool calibrate)
    {
        InfomorphicPredictionTransformer ensemble = Trainer()
            .Fit(_data)
            .WithScoring(mode, numberOfSamples: 3, seed: 5, calibrate);
        List<Samples.Row> rows = Samples.Rows(70, seed: 4);

        float[][] scores = Samples.Scores(ensemble.Transform(Samples.View(_context, rows)));

        NetworkScorer[] members =
        [
            .. ensemble.Model.Networks.Select(
                (network, i) =>
                    new NetworkScorer(network, new ScoringSettings(mode, 3, RandomStreams.SeedOf(5, i), calibrate))
            ),
        ];
        Assert.HasCount(Networks, members);
        float[] ofMember = new float[Samples.ClassCount];
        for (int i = 0; i < rows.Count; i++)
        {
            float[] sum = new float[Samples.ClassCount];
            foreach (NetworkScorer member in members)
            {
                member.Score(rows[i].Features, ofMember);
                TensorPrimitives.Add(sum, ofMember, sum);
            }

            TensorPrimitives.Divide(sum, Networks, sum);
            CollectionAssert.AreEqual(sum, scores[i]);
            Assert.AreEqual(1, scores[i].Sum(), 1e-6);
        }
    }

    [TestMethod]
    [DataRow(LayerOrder.Together)]
    [DataRow(LayerOrder.BottomUp)]
    public void The_first_network_is_the_one_there_is_without_the_others(LayerOrder order)
    {
        InfomorphicModelParameters alone = Trainer(options =>
            {
                options.NumberOfNetworks = 1;
                options.LayerOrder = order;
            })
            .Fit(_data)
            .Model;
        InfomorphicModelParameters ensemble = Trainer(options => options.LayerOrder = order).Fit(_data).Model;

        Assert.HasCount(1, alone.Networks);
        Assert.HasCount(Networks, ensemble.Networks);
        Assert.AreSame(ensemble.Networks[0], ensemble.Network);
        Assert.AreSame(ensemble.Histories[0], ensemble.History);
        CollectionAssert.AreEqual(Problems.WeightsOf(alone.Network), Problems.WeightsOf(ensemble.Network));
        CollectionAssert.AreEqual(
            alone.Network.Calibration.Slopes.ToArray(),
            ensemble.Network.Calibration.Slopes.ToArray()
        );
        CollectionAssert.AreEqual(
            alone.History.Epochs.Select(epoch => epoch.Goal).ToArray(),
            ensemble.History.Epochs.Select(epoch => epoch.Goal).ToArray()
        );
        Assert.AreEqual(Networks, ensemble.TrainingSettings.Networks);
        Assert.AreEqual(alone.TrainingSettings with { Networks = Networks }, ensemble.TrainingSettings);
    }

    [TestMethod]
    [DataRow(LayerOrder.Together)]
    [DataRow(LayerOrder.BottomUp)]
    public void Networks_differ_in_weights_and_drawn_connections(LayerOrder order)
    {
        InfomorphicModelParameters model = Trainer(options => options.LayerOrder = order).Fit(_data).Model;

        for (int i = 0; i < Networks; i++)
        for (int j = 0; j < i; j++)
        {
            CollectionAssert.AreNotEqual(Problems.WeightsOf(model.Networks[i]), Problems.WeightsOf(model.Networks[j]));
            Assert.IsFalse(LateralOf(i).IsSameAs(LateralOf(j)));
        }

        Connectivity LateralOf(int network) =>
            model.Networks[network].HiddenLayers[0].Sources[2].Projections[0].Connectivity;
    }

    // What is drawn in training, where everything else is the same: networks without drawn connections go on from one network.
    [TestMethod]
    public void Networks_draw_samples_of_their_own()
    {
        TrainingSettings settings = Problems.Settings(epochs: 1) with { Networks = 2 };
        InfomorphicNetwork start = Problems.Train(Problems.Blobs(200), settings).Network;

        float[][] weights =
        [
            .. new[] { 0, 0, 1 }.Select(network =>
                Problems.WeightsOf(
                    Problems.Train(Problems.Blobs(200), settings with { Network = network }, initial: start).Network
                )
            ),
        ];

        CollectionAssert.AreEqual(weights[0], weights[1]);
        CollectionAssert.AreNotEqual(weights[0], weights[2]);
    }

    [TestMethod]
    public void Seeds_of_networks_are_all_different()
    {
        ulong[] seeds =
        [
            .. from seed in Enumerable.Range(0, 20)
            from network in Enumerable.Range(0, 20)
            select RandomStreams.SeedOf((ulong)seed, network),
        ];
        CollectionAssert.AllItemsAreUnique(seeds);
        Assert.AreEqual(7ul, RandomStreams.SeedOf(7, 0));
    }

    [TestMethod]
    public void An_ensemble_is_the_same_to_the_bit_after_saving_and_loading()
    {
        InfomorphicPredictionTransformer ensemble = Trainer(options => options.EarlyStoppingRounds = 1)
            .Fit(_data, Samples.View(_context, Samples.Rows(30, seed: 2)));
        using var stream = new MemoryStream();
        _context.Model.Save(ensemble, _data.Schema, stream);
        stream.Position = 0;

        var loaded = (InfomorphicPredictionTransformer)new MLContext().Model.Load(stream, out _);

        Assert.HasCount(Networks, loaded.Model.Networks);
        Assert.AreEqual(ensemble.Model.TrainingSettings, loaded.Model.TrainingSettings);
        for (int i = 0; i < Networks; i++)
        {
            CollectionAssert.AreEqual(
                Problems.WeightsOf(ensemble.Model.Networks[i]),
                Problems.WeightsOf(loaded.Model.Networks[i])
            );
            Assert.AreEqual(ensemble.Model.Histories[i].BestEpoch, loaded.Model.Histories[i].BestEpoch);
            Assert.HasCount(ensemble.Model.Histories[i].Epochs.Count, loaded.Model.Histories[i].Epochs);
        }

        AssertSame(Samples.Scores(ensemble.Transform(_data)), Samples.Scores(loaded.Transform(_data)));
    }

    [TestMethod]
    [DataRow(ScoringMode.MeanField)]
    [DataRow(ScoringMode.Thresholded)]
    [DataRow(ScoringMode.Sampled)]
    public void Rows_alone_score_as_in_blocks_full_and_sparse(ScoringMode mode)
    {
        EnsembleScorer scorer = Scorer(mode);
        float[][] rows = Rows(75);
        rows[3][2] = float.NaN;
        rows[40][0] = float.PositiveInfinity;
        var full = new ScoringBlock(Samples.FeatureCount, Samples.ClassCount, rows.Length);
        var mixed = new ScoringBlock(Samples.FeatureCount, Samples.ClassCount, rows.Length);
        foreach (float[] row in rows)
        {
            full.Add(row);
            (int[] indices, float[] values) = Sparse(row);
            mixed.Add(indices, values);
        }

        scorer.Score(full);
        scorer.Score(mixed);

        float[] scores = new float[Samples.ClassCount];
        for (int i = 0; i < rows.Length; i++)
        {
            scorer.Score(rows[i], scores);
            Assert.AreEqual(i is 3 or 40, scores.All(float.IsNaN));
            CollectionAssert.AreEqual(scores, full.Probabilities(i).ToArray());
            CollectionAssert.AreEqual(scores, mixed.Probabilities(i).ToArray());
            (int[] indices, float[] values) = Sparse(rows[i]);
            scorer.Score(indices, values, scores);
            CollectionAssert.AreEqual(full.Probabilities(i).ToArray(), scores);
        }
    }

    [TestMethod]
    [DoNotParallelize] // collections that other tests cause empty the pools that scoring takes memory from
    [DataRow(ScoringMode.MeanField)]
    [DataRow(ScoringMode.Thresholded)]
    [DataRow(ScoringMode.Sampled)]
    public void Scoring_allocates_nothing(ScoringMode mode)
    {
        EnsembleScorer scorer = Scorer(mode);
        float[][] rows = Rows(64);
        (int[] Indices, float[] Values)[] sparse = [.. rows.Select(Sparse)];
        float[] scores = new float[Samples.ClassCount];
        var block = new ScoringBlock(Samples.FeatureCount, Samples.ClassCount, rows.Length);
        Score();
        Score();
        Assert.AreEqual(0, Allocations.Of(Score));

        void Score()
        {
            block.Clear();
            for (int i = 0; i < rows.Length; i++)
            {
                scorer.Score(rows[i], scores);
                scorer.Score(sparse[i].Indices, sparse[i].Values, scores);
                block.Add(rows[i]);
            }

            scorer.Score(block);
        }
    }

    [TestMethod]
    public void Networks_of_different_shapes_are_no_model()
    {
        InfomorphicNetwork one = Trainer().Fit(_data).Model.Network;
        InfomorphicNetwork other = Trainer(options => options.NumberOfHiddenNeurons = 6).Fit(_data).Model.Network;

        Assert.ThrowsExactly<ArgumentException>(() => new EnsembleScorer([one, other], new ScoringSettings()));
        Assert.IsTrue(one.IsShapedLike(one));
        Assert.IsFalse(one.IsShapedLike(other));
    }

    [TestMethod]
    public void All_networks_go_on()
    {
        InfomorphicTrainer trainer = Trainer();
        InfomorphicModelParameters earlier = trainer.Fit(_data).Model;

        InfomorphicModelParameters later = trainer.Fit(_data, earlier).Model;

        for (int i = 0; i < Networks; i++)
        {
            Connectivity before = earlier.Networks[i].HiddenLayers[0].Sources[2].Projections[0].Connectivity;
            Connectivity after = later.Networks[i].HiddenLayers[0].Sources[2].Projections[0].Connectivity;
            Assert.IsTrue(before.IsSameAs(after));
            CollectionAssert.AreNotEqual(
                Problems.WeightsOf(earlier.Networks[i]),
                Problems.WeightsOf(later.Networks[i])
            );
        }

        Assert.AreEqual(
            "The model to go on from has 3 networks, and NumberOfNetworks is 2.",
            Samples.Failure<InvalidOperationException>(() =>
                Trainer(options => options.NumberOfNetworks = 2).Fit(_data, earlier)
            )
        );
    }

    [TestMethod]
    public void Trainers_of_several_networks_are_fitted_together_as_alone()
    {
        InfomorphicTrainer[] trainers =
        [
            Trainer(),
            Trainer(options =>
            {
                options.NumberOfNetworks = 2;
                options.Goal = "heuristic";
            }),
            Trainer(options => options.NumberOfNetworks = 1),
        ];

        IReadOnlyList<FitOutcome> outcomes = InfomorphicTrainer.FitMany(trainers, _data);

        for (int i = 0; i < trainers.Length; i++)
        {
            IReadOnlyList<InfomorphicNetwork> expected = trainers[i].Fit(_data).Model.Networks;
            IReadOnlyList<InfomorphicNetwork> actual = outcomes[i].GetTransformer().Model.Networks;
            Assert.HasCount(3 - i, actual);
            foreach ((InfomorphicNetwork one, InfomorphicNetwork other) in expected.Zip(actual))
                CollectionAssert.AreEqual(Problems.WeightsOf(one), Problems.WeightsOf(other));
        }
    }

    [TestMethod]
    [DataRow(LayerOrder.Together)]
    [DataRow(LayerOrder.BottomUp)]
    public void Where_one_network_is_ended_all_are(LayerOrder order)
    {
        int polls = 0;
        InfomorphicTrainer fails = Trainer(options =>
        {
            options.LayerOrder = order;
            options.NumberOfEpochs = 1000;
            options.EpochEnded = _ => throw new TimeoutException("Enough.");
        });
        InfomorphicTrainer goesOn = Trainer(options =>
        {
            options.LayerOrder = order;
            options.EpochEnded = _ => polls++;
        });

        IReadOnlyList<FitOutcome> outcomes = InfomorphicTrainer.FitMany([fails, goesOn], _data);

        Assert.AreEqual("Enough.", Assert.ThrowsExactly<TimeoutException>(outcomes[0].GetTransformer).Message);
        Assert.HasCount(Networks, outcomes[1].GetTransformer().Model.Networks);
        Assert.AreEqual(outcomes[1].GetTransformer().Model.History.Epochs.Count, polls); // the first network's
        Assert.ThrowsExactly<TimeoutException>(() => fails.Fit(_data));
    }

    [TestMethod]
    public void The_log_counts_the_networks()
    {
        List<string> messages = Samples.Messages(_context, () => Trainer().Fit(_data));

        Assert.HasCount(
            1,
            messages.Where(message =>
                message.StartsWith(
                    "Info: Training 3 networks of 5 hidden neurons on 60 instances",
                    StringComparison.Ordinal
                )
            )
        );
        Assert.HasCount(
            1,
            messages.Where(message => message.Contains("Features are standardised", StringComparison.Ordinal))
        );
        Assert.HasCount(
            1,
            messages.Where(message => message.Contains("Scores are calibrated", StringComparison.Ordinal))
        );
        Assert.HasCount(
            1,
            messages.Where(message =>
                message.StartsWith("Info: Network 3 of 3: Trained 3 epochs in", StringComparison.Ordinal)
            )
        );
    }

    [TestMethod]
    public void Outputs_of_a_layer_are_those_of_all_networks()
    {
        InfomorphicPredictionTransformer ensemble = Trainer().Fit(_data);
        float[][] rows = [.. Samples.Rows().Select(row => row.Features)];

        IDataView outputs = ensemble.LayerOutputs(0, "Hidden").Transform(_data);

        float[][] actual = [.. outputs.GetColumn<float[]>("Hidden")];
        VBuffer<ReadOnlyMemory<char>> names = default;
        outputs.Schema["Hidden"].GetSlotNames(ref names);
        Assert.AreEqual("network 1, hidden 1: neuron 0", names.GetItemOrDefault(0).ToString());
        Assert.AreEqual("network 3, hidden 1: neuron 4", names.GetItemOrDefault(14).ToString());
        for (int network = 0; network < Networks; network++)
        {
            var scorer = new NetworkScorer(ensemble.Model.Networks[network], new ScoringSettings());
            float[] expected = new float[5];
            for (int i = 0; i < rows.Length; i++)
            {
                scorer.LayerOutputs(rows[i], 0, expected);
                CollectionAssert.AreEqual(expected, actual[i][(5 * network)..(5 * network + 5)]);
            }
        }
    }

    [TestMethod]
    public void Networks_are_explained_one_by_one()
    {
        InfomorphicModelParameters model = Trainer().Fit(_data).Model;

        for (int network = 0; network < Networks; network++)
        {
            var settings = new InsightSettings { Network = network, TypicalRows = 0 };
            NetworkInsight insight = model.Explain(_data, settings: settings);
            Assert.AreSame(model.Networks[network].HiddenLayers[0], insight.HiddenLayers[0].Layer);
        }

        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() =>
            model.Explain(_data, settings: new InsightSettings { Network = Networks })
        );
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() =>
            model.Explain(_data, settings: new InsightSettings { Network = -1 })
        );
    }

    private EnsembleScorer Scorer(ScoringMode mode) =>
        new(Trainer().Fit(_data).Model.Networks, new ScoringSettings(mode, 2, 3));

    private static float[][] Rows(int count)
    {
        var random = new Random(6);
        return
        [
            .. Enumerable
                .Range(0, count)
                .Select(_ =>
                    Enumerable
                        .Range(0, Samples.FeatureCount)
                        .Select(_ => random.Next(3) == 0 ? (float)random.NextDouble() : 0)
                        .ToArray()
                ),
        ];
    }

    private static (int[] Indices, float[] Values) Sparse(float[] row)
    {
        int[] indices = [.. Enumerable.Range(0, row.Length).Where(i => row[i] != 0)];
        return (indices, [.. indices.Select(i => row[i])]);
    }

    private static void AssertSame(float[][] expected, float[][] actual)
    {
        Assert.HasCount(expected.Length, actual);
        for (int i = 0; i < expected.Length; i++)
            CollectionAssert.AreEqual(expected[i], actual[i]);
    }

    // Each of five neurons hears two others, drawn at random.
    private InfomorphicTrainer Trainer(Action<InfomorphicTrainer.Options>? change = null)
    {
        InfomorphicTrainer.Options options = Samples.Options();
        options.NumberOfNetworks = Networks;
        options.MaximumLateralConnections = 2;
        change?.Invoke(options);
        return _context.MulticlassClassification.Trainers.Infomorphic(options);
    }
}
