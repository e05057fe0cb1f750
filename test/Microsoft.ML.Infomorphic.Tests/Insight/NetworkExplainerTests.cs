using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Tests.Training;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Insight;

// Features and weights are multiples of 1/16 and sampled outputs ±1, so that every aggregated input is exact in single
// precision in whatever order it is summed, and a neuron's bins and θ are known bit for bit.
[TestClass]
public class NetworkExplainerTests
{
    private const int Features = 6;
    private const int Classes = 3;
    private const int Hidden = 9;
    private const double Precision = 1e-9;

    [TestMethod]
    [DataRow(Hidden - 1, 2, true)]
    [DataRow(4, 2, true)]
    [DataRow(4, 2, false)]
    [DataRow(4, 3, false)]
    public void Every_neuron_has_the_decomposition_of_its_binned_data(int lateral, int presentations, bool wholeSet)
    {
        InfomorphicNetwork network = Network(lateral, presentations);
        LabeledRows rows = Rows(250, weighted: true);
        var settings = new InsightSettings
        {
            BatchSize = 100,
            WholeSet = wholeSet,
            Seed = 7,
        };
        NetworkInsight insight = NetworkExplainer.Explain(network, rows, settings);

        int[] order = [.. Enumerable.Range(0, rows.RowCount)];
        new RandomStream(7, RandomStreams.Insight).Shuffle(order);
        int[][] batches = wholeSet ? [order] : [order[..100], order[100..200], order[200..]];
        new NaiveExplanation(network, rows, batches, seed: 7).AssertSame(insight);
    }

    [TestMethod]
    public void Responses_and_typical_rows_are_those_of_scoring()
    {
        InfomorphicNetwork network = Network(4);
        LabeledRows rows = Rows(60, weighted: false);
        NetworkInsight insight = NetworkExplainer.Explain(network, rows, new InsightSettings { TypicalRows = 5 });

        float[][] features = [.. Enumerable.Range(0, rows.RowCount).Select(row => Row(rows, row))];
        for (int neuron = 0; neuron < Hidden; neuron++)
        {
            NeuronInsight explained = insight.HiddenLayers[0].Neurons[neuron];
            double[] theta = [.. features.Select(row => ThetaInScoring(network, row, neuron))];
            for (int label = 0; label < Classes; label++)
                Assert.AreEqual(
                    theta.Where((_, row) => rows.Labels[row] == label).Average(),
                    explained.ClassResponses[label],
                    2e-6 // single precision
                );
            CollectionAssert.AreEqual(
                Enumerable.Range(0, 60).OrderByDescending(row => theta[row]).Take(5).ToArray(),
                explained.MostTypical.Select(row => (int)row.Row).ToArray()
            );
            CollectionAssert.AreEqual(
                Enumerable.Range(0, 60).OrderBy(row => theta[row]).Take(5).ToArray(),
                explained.LeastTypical.Select(row => (int)row.Row).ToArray()
            );
        }
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void The_number_of_threads_changes_nothing(bool meanField)
    {
        var settings = new InsightSettings { MeanField = meanField, BatchSize = 64 };
        string[] texts =
        [
            .. new[] { 1, 3 }.Select(threads =>
                Describe(
                    NetworkExplainer.Explain(
                        Network(4),
                        Rows(150, weighted: false),
                        settings with
                        {
                            Threads = threads,
                        }
                    )
                )
            ),
        ];
        Assert.AreEqual(texts[0], texts[1]);

        static string Describe(NetworkInsight insight) =>
            string.Join(
                ' ',
                insight.Layers.SelectMany(layer => layer.Neurons).SelectMany(neuron => neuron.Information.Atoms)
            );
    }

    // All rows are typical ones, and θ of the output neurons gives back what the scorer makes of a row.
    [TestMethod]
    [DynamicData(nameof(Setups.All), typeof(Setups))]
    public void Every_set_up_is_explained_as_it_is_scored(string setup)
    {
        LabeledRows rows = Problems.Blobs(120);
        InfomorphicNetwork network = Problems.Train(rows, Setups.Settings(setup, epochs: 2)).Network;
        NetworkInsight insight = NetworkExplainer.Explain(network, rows, new InsightSettings { TypicalRows = 120 });
        var scorer = new NetworkScorer(network, new ScoringSettings(Calibrate: false));
        float[] features = new float[rows.Features.FeatureCount];
        float[] expected = new float[rows.ClassCount];
        for (int row = 0; row < rows.RowCount; row++)
        {
            rows.Features.CopyRow(row, features);
            scorer.Score(features, expected);
            double[] odds =
            [
                .. insight.OutputLayer.Neurons.Select(neuron =>
                {
                    double theta = neuron.MostTypical.Single(typical => typical.Row == row).Theta;
                    return theta / (1 - theta);
                }),
            ];
            for (int label = 0; label < expected.Length; label++)
                Assert.AreEqual(expected[label], odds[label] / odds.Sum(), 1e-4); // 1 − θ is off by 10⁻⁷ of single precision
        }

        foreach (LayerInsight layer in insight.Layers)
        {
            Assert.AreEqual(layer.Layer.Goal is null, layer.Mean.Goal is null);
            Assert.AreEqual(layer.Mean.Atoms.Sum(), layer.Mean.MutualInformation, Precision);
            Assert.AreEqual(layer.Mean.Entropy, layer.Mean.MutualInformation + layer.Mean.ResidualEntropy, Precision);
        }
        Assert.HasCount(setup == Setups.Readout ? 0 : 1, insight.HiddenLayers);
    }

    [TestMethod]
    public void Mean_and_spread_are_over_the_neurons()
    {
        LayerInsight layer = NetworkExplainer.Explain(Network(4), Rows(150, weighted: false)).HiddenLayers[0];
        double[] first = [.. layer.Neurons.Select(neuron => neuron.Information.Atoms[0])];
        Assert.AreEqual(first.Average(), layer.Mean.Atoms[0], 1e-12);
        double variance = first.Average(value => value * value) - first.Average() * first.Average();
        Assert.AreEqual(Math.Sqrt(variance), layer.StandardDeviation.Atoms[0], 1e-9);
        Assert.AreEqual("{F}{C}{L}", layer.AtomNames[0]);
    }

    [TestMethod]
    public void A_receptive_field_is_the_weights_of_the_features()
    {
        InfomorphicNetwork network = Network(4);
        LayerInsight layer = NetworkExplainer.Explain(network, Rows(10, weighted: false)).HiddenLayers[0];
        CollectionAssert.AreEqual(
            network.HiddenLayers[0].Sources[0].Projections[0].Weights[Features..(2 * Features)],
            layer.ReceptiveField(1)
        );
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => layer.ReceptiveField(Hidden));
    }

    [TestMethod]
    public void Rows_that_do_not_fit_are_refused()
    {
        InfomorphicNetwork network = Network(4);
        var narrow = new LabeledRows(new DenseFeatureMatrix(1, 2, new float[2]), [0], null, Classes);
        var empty = new LabeledRows(new DenseFeatureMatrix(0, Features, []), [], null, Classes);
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => NetworkExplainer.Explain(network, narrow)).Message,
            "6 features and the rows have 2"
        );
        Assert.ThrowsExactly<ArgumentException>(() => NetworkExplainer.Explain(network, empty));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() =>
            NetworkExplainer.Explain(network, Rows(5, false), new InsightSettings { BatchSize = 1 })
        );
    }

    private static double ThetaInScoring(InfomorphicNetwork network, float[] row, int neuron)
    {
        InfomorphicLayer hidden = network.HiddenLayers[0];
        var activation = (ModulatedActivation)hidden.Activation;
        double[] f = [.. Enumerable.Range(0, Hidden).Select(i => (double)Aggregate(hidden.Sources[0], i, row))];
        float[] y =
        [
            .. f.Select(
                (drive, i) =>
                    (float)(
                        2
                            * ScalarActivation
                                .Of(activation, drive, hidden.Sources[1].Biases[i], hidden.Sources[2].Biases[i])
                                .Theta
                        - 1
                    )
            ),
        ];
        double l = Aggregate(hidden.Sources[2], neuron, y);
        return ScalarActivation.Of(activation, f[neuron], hidden.Sources[1].Biases[neuron], l).Theta;
    }

    private static float Aggregate(Source source, int neuron, float[] inputs) =>
        source.Biases[neuron]
        + source
            .Projections[0]
            .Connectivity.InputsOf(neuron)
            .Select((input, i) => source.Projections[0].WeightsOf(neuron)[i] * inputs[input])
            .Sum();

    private static float[] Row(LabeledRows rows, int row)
    {
        float[] features = new float[Features];
        rows.Features.CopyRow(row, features);
        return features;
    }

    private static LabeledRows Rows(int count, bool weighted)
    {
        var random = new Random(count);
        return new LabeledRows(
            new DenseFeatureMatrix(
                count,
                Features,
                [.. Enumerable.Range(0, count * Features).Select(_ => DrawOne(random))]
            ),
            [.. Enumerable.Range(0, count).Select(_ => random.Next(Classes))],
            weighted ? [.. Enumerable.Range(0, count).Select(_ => 1 + random.Next(4) / 2f)] : null,
            Classes
        );
    }

    private static float DrawOne(Random random) => random.Next(-32, 33) / 16f;

    private static InfomorphicNetwork Network(int lateral, int presentations = 2)
    {
        TrainingSettings settings = Problems.Settings(Hidden);
        var random = new Random(lateral);
        float[] DrawMany(int count) => [.. Enumerable.Range(0, count).Select(_ => DrawOne(random))];
        int[]? connections =
            lateral == Hidden - 1
                ? null
                :
                [
                    .. Enumerable
                        .Range(0, Hidden)
                        .SelectMany(neuron => Enumerable.Range(1, lateral).Select(i => (neuron + i) % Hidden)),
                ];
        Connectivity among = connections is null
            ? new AllConnected(Hidden, Hidden)
            : new DrawnConnected(Hidden, Hidden, connections);
        Source f = Draw('F', Signal.Features, new AllConnected(Hidden, Features));
        Source c = Draw('C', Signal.Label, new AllConnected(Hidden, Classes));
        Source l = Draw('L', Signal.Layer(0), among);
        if (connections is null)
            for (int neuron = 0; neuron < Hidden; neuron++)
                l.Projections[0].Weights[neuron * (Hidden + 1)] = 0;
        Source readout = Draw('F', Signal.Layer(0), new AllConnected(Classes, Hidden));
        LayerSettings layer = settings.HiddenLayers[0];
        return new InfomorphicNetwork(
            [new InfomorphicLayer([f, c, l], layer.Goal, layer.Activation, layer.Binning)],
            new InfomorphicLayer(
                [readout, Source.OfOwnLabel('C', Classes)],
                settings.Output.Goal,
                new FeedforwardActivation(),
                Binning.PaperOutputLayer
            ),
            new FeatureScaling(Standardization.None, new float[Features], [.. Enumerable.Repeat(1f, Features)]),
            presentations: presentations
        );

        Source Draw(char symbol, Signal signal, Connectivity connectivity) =>
            new(
                symbol,
                [
                    new Projection(
                        signal,
                        connectivity,
                        DrawMany(connectivity.NeuronCount * connectivity.ConnectionsPerNeuron)
                    ),
                ],
                DrawMany(connectivity.NeuronCount)
            );
    }
}
