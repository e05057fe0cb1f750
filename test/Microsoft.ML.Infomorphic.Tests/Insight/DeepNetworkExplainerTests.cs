using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Tests.Training;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Insight;

[TestClass]
public class DeepNetworkExplainerTests
{
    [TestMethod]
    [DataRow(DeepNetworks.LocalFields, 2, false)]
    [DataRow(DeepNetworks.LocalFields, 3, true)]
    [DataRow(DeepNetworks.SharedFields, 2, false)]
    [DataRow(DeepNetworks.SharedFields, 3, true)]
    [DataRow(DeepNetworks.SharedFields, 2, false, 0, 1)]
    [DataRow(DeepNetworks.Skips, 2, false)]
    [DataRow(DeepNetworks.Skips, 4, true, 0)]
    [DataRow(DeepNetworks.Feedback, 2, false)]
    [DataRow(DeepNetworks.Feedback, 3, false)]
    [DataRow(DeepNetworks.Feedback, 3, true)]
    [DataRow(DeepNetworks.Feedback, 3, false, 0, 1, 2)]
    [DataRow(DeepNetworks.Readout, 2, false)]
    [DataRow(DeepNetworks.Readout, 3, false, 1, 2)]
    [DataRow(DeepNetworks.TwoFaced, 3, false)]
    [DataRow(DeepNetworks.TwoFaced, 3, false, 1)]
    [DataRow(DeepNetworks.Fixed, 2, false)]
    [DataRow(DeepNetworks.Fixed, 3, true, 1)]
    public void Every_neuron_of_every_layer_is_explained_as_by_a_naive_forward_pass(
        string shape,
        int presentations,
        bool meanField,
        params int[] passMeans
    )
    {
        InfomorphicNetwork network = DeepNetworks.Create(shape, presentations);
        LabeledRows rows = DeepNetworks.Rows(110, weighted: true);
        var settings = new InsightSettings
        {
            BatchSize = 60,
            MeanField = meanField,
            Seed = 7,
            TypicalRows = 110,
        };
        NetworkInsight insight = NetworkExplainer.Explain(network, rows, settings, passMeans: passMeans);

        int[] order = [.. Enumerable.Range(0, rows.RowCount)];
        new RandomStream(7, RandomStreams.Insight).Shuffle(order);
        new NaiveExplanation(network, rows, [order[..60], order[60..]], 7, meanField, passMeans).AssertSame(insight);
    }

    // Layers that pass on means, and hear nothing of themselves, come to the same in every step: no sample is drawn, and what
    // training counts in its only step is what is explained. One after another, layers sample for their output layers alone.
    [TestMethod]
    [DataRow(LayerOrder.Together)]
    [DataRow(LayerOrder.BottomUp)]
    public void What_training_learned_from_is_what_is_explained(LayerOrder order)
    {
        LabeledRows rows = DeepNetworks.Rows(150, weighted: false);
        LayerSettings layer = new()
        {
            Neurons = 4,
            LateralConnections = null,
            Goal = GoalFunctions.ContextHeuristic,
            Activation = new BivariateActivation(),
            PassesOn = PassedOutputs.Mean,
            Optimizer = new AdamSettings(1e-9, 0),
        };
        TrainingSettings settings = new()
        {
            HiddenLayers =
            [
                layer with
                {
                    Connections = new LocalFieldSettings(3, 3, 1, 1, SharesWeights: true, new Pooling(2, 3)),
                },
                layer with
                {
                    Connections = new LocalFieldSettings(2, 2, 1, 1),
                },
                layer,
            ],
            Output = new OutputLayerSettings
            {
                Inputs = [Signal.Layer(0), Signal.Layer(2)],
                Goal = GoalFunctions.Output,
                Optimizer = new AdamSettings(1e-9, 0),
            },
            Order = order,
            Image = new ImageShape(6, 6),
            Standardization = Standardization.Global,
            Epochs = 1,
            BatchSize = 150,
            Seed = 5,
        };
        TrainingResult trained = Problems.Train(rows, settings);
        LayerInsight[] layers =
        [
            .. NetworkExplainer
                .Explain(
                    trained.Network,
                    rows,
                    new InsightSettings { WholeSet = true },
                    passMeans: settings.LayersThatPassOnMeans
                )
                .Layers,
        ];
        int compared = order == LayerOrder.Together ? 4 : 3;
        for (int i = 0; i < compared; i++)
        {
            LayerInsight explained = layers[i];
            LayerProgress learned = trained
                .History.Epochs.Select(epoch => epoch.Layers.ElementAt(i))
                .Single(progress => progress.Atoms.Count > 0);
            double[] known = [.. explained.Mean.Atoms, explained.Mean.ResidualEntropy];
            Assert.HasCount(known.Length, learned.Atoms);
            for (int atom = 0; atom < known.Length; atom++)
                Assert.AreEqual(learned.Atoms[atom], known[atom], 1e-5, explained.Name);
        }
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void The_number_of_threads_changes_no_bit(bool meanField)
    {
        string[] texts =
        [
            .. new[] { 1, 3 }.Select(threads =>
                Describe(
                    NetworkExplainer.Explain(
                        DeepNetworks.Create(DeepNetworks.Feedback, 3),
                        DeepNetworks.Rows(100, weighted: true),
                        new InsightSettings
                        {
                            BatchSize = 40,
                            MeanField = meanField,
                            Threads = threads,
                        },
                        passMeans: [1]
                    )
                )
            ),
        ];
        Assert.AreEqual(texts[0], texts[1]);

        static string Describe(NetworkInsight insight) =>
            string.Join(
                '\n',
                insight
                    .Layers.SelectMany(layer => layer.Neurons)
                    .Select(neuron =>
                        string.Join(
                            ' ',
                            [
                                .. neuron.Information.Atoms,
                                neuron.Information.Entropy,
                                .. neuron.ClassResponses,
                                .. neuron.MostTypical.Select(row => row.Theta),
                                .. neuron.LeastTypical.Select(row => (double)row.Row),
                            ]
                        )
                    )
            );
    }

    [TestMethod]
    public void Layers_have_names_and_say_what_drives_them()
    {
        LayerInsight[] local = Explain(DeepNetworks.LocalFields);
        CollectionAssert.AreEqual(
            new[] { "hidden 1", "hidden 2", "hidden 3", "output" },
            local.Select(layer => layer.Name).ToArray()
        );
        var image = new ImageShape(6, 6);
        var grid = new FieldGrid(image, 2, 2, 2, 2);
        var outputs = new ImageShape(3, 3, 2, Interleaved: true);
        Assert.AreEqual(new LayerInput("features", Signal.Features, 36, image, grid, false), local[0].Inputs.Single());
        Assert.AreEqual(
            new LayerInput("hidden 1", Signal.Layer(0), 18, outputs, new FieldGrid(outputs, 2, 2, 1, 1), false),
            local[1].Inputs.Single()
        );
        Assert.AreEqual(
            new LayerInput("hidden 2", Signal.Layer(1), 12, new ImageShape(2, 2, 3, true), null, false),
            local[2].Inputs.Single()
        );
        Assert.AreEqual(new LayerInput("hidden 3", Signal.Layer(2), 5, null, null, false), local[3].Inputs.Single());

        LayerInsight[] shared = Explain(DeepNetworks.SharedFields);
        var kernels = new FieldGrid(image, 3, 3, 1, 1);
        var pooled = new ImageShape(2, 2, 3, Interleaved: true);
        Assert.AreEqual(
            new LayerInput("features", Signal.Features, 9, new ImageShape(3, 3, 1, true), kernels, true),
            shared[0].Inputs.Single()
        );
        Assert.AreEqual(
            new LayerInput(
                "hidden 1",
                Signal.Layer(0),
                6,
                new ImageShape(2, 1, 3, true),
                new FieldGrid(pooled, 2, 1, 1, 1),
                true
            ),
            shared[1].Inputs.Single()
        );
        Assert.AreEqual(
            new LayerInput("hidden 2", Signal.Layer(1), 8, new ImageShape(1, 2, 4, true), null, false),
            shared[2].Inputs.Single()
        );

        // The features are an image for all layers where they are one for some layer.
        CollectionAssert.AreEqual(
            new[]
            {
                new LayerInput("features", Signal.Features, 36, image, null, false),
                new LayerInput("hidden 1", Signal.Layer(0), 6, null, null, false),
                new LayerInput("hidden 2", Signal.Layer(1), 8, new ImageShape(2, 2, 2, true), null, false),
                new LayerInput("hidden 3", Signal.Layer(2), 5, null, null, false),
            },
            Explain(DeepNetworks.Readout)[3].Inputs.ToArray()
        );
    }

    [TestMethod]
    public void A_receptive_field_is_the_weights_of_a_part()
    {
        LayerInsight local = Explain(DeepNetworks.LocalFields)[0];
        float[] weights = local.Layer.Sources[0].Projections[0].Weights;

        // The second neuron of the fifth of 3 × 3 fields, which are 2 × 2 pixels of 6 × 6.
        float[] expected = new float[36];
        (int Pixel, int Weight)[] places = [(14, 36), (15, 37), (20, 38), (21, 39)];
        foreach ((int pixel, int weight) in places)
            expected[pixel] = weights[weight];
        CollectionAssert.AreEqual(expected, local.ReceptiveField(9));

        LayerInsight skipping = Explain(DeepNetworks.Skips)[1];
        Assert.HasCount(2, skipping.Inputs);
        for (int part = 0; part < 2; part++)
        {
            Projection projection = skipping.Layer.Sources[0].Projections[part];
            int size = skipping.Inputs[part].Size;
            CollectionAssert.AreEqual(projection.Weights[(3 * size)..(4 * size)], skipping.ReceptiveField(3, part));
        }

        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => skipping.ReceptiveField(3, 2));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => skipping.ReceptiveField(4));
    }

    [TestMethod]
    public void Layers_that_pass_on_means_are_named()
    {
        InfomorphicNetwork network = DeepNetworks.Create(DeepNetworks.Skips);
        LabeledRows rows = DeepNetworks.Rows(30, weighted: false);
        Assert.DoesNotContain("withheld", NetworkExplainer.Explain(network, rows).Method);
        Assert.Contains(
            "those of hidden 1 and hidden 3 their mean output with the label withheld",
            NetworkExplainer.Explain(network, rows, passMeans: [0, 2]).Method
        );
        foreach (int none in (int[])[-1, 3])
            Assert.Contains(
                $"none at {none}",
                Assert
                    .ThrowsExactly<ArgumentException>(() => NetworkExplainer.Explain(network, rows, passMeans: [none]))
                    .Message
            );
    }

    [TestMethod]
    public void From_the_bottom_up_all_hidden_layers_pass_on_means()
    {
        TrainingSettings settings = Problems.Settings();
        LayerSettings layer = settings.HiddenLayers[0];
        settings = settings with { HiddenLayers = [layer, layer, layer with { PassesOn = PassedOutputs.Mean }] };
        CollectionAssert.AreEqual(new[] { 2 }, settings.LayersThatPassOnMeans);
        CollectionAssert.AreEqual(
            new[] { 0, 1, 2 },
            (settings with { Order = LayerOrder.BottomUp }).LayersThatPassOnMeans
        );
    }

    private static LayerInsight[] Explain(string shape) =>
        [.. NetworkExplainer.Explain(DeepNetworks.Create(shape), DeepNetworks.Rows(20, weighted: false)).Layers];
}
