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
        (List<Sum> hidden, List<Sum> output) = Decompose(network, rows, batches, seed: 7);
        AssertEqual(network.HiddenLayers[0].Goal!, hidden, insight.HiddenLayers[0]);
        AssertEqual(network.OutputLayer.Goal!, output, insight.OutputLayer);
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
            network.HiddenLayers[0].Sources[0].Weights[Features..(2 * Features)],
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

    private static void AssertEqual(GoalFunction goal, List<Sum> expected, LayerInsight layer)
    {
        Assert.HasCount(expected.Count, layer.Neurons);
        for (int neuron = 0; neuron < expected.Count; neuron++)
        {
            NeuronInformation information = layer.Neurons[neuron].Information;
            Sum sum = expected[neuron];
            for (int atom = 0; atom < sum.Atoms.Length; atom++)
                Assert.AreEqual(sum.Atoms[atom] / sum.Mass, information.Atoms[atom], Precision, $"{neuron}, {atom}");
            Assert.AreEqual(sum.Entropy / sum.Mass, information.Entropy, Precision);
            double mutual = sum.Atoms.Sum() / sum.Mass;
            Assert.AreEqual(mutual, information.MutualInformation, Precision);
            Assert.AreEqual(sum.Entropy / sum.Mass - mutual, information.ResidualEntropy, Precision);
            double value = goal.ResidualWeight * information.ResidualEntropy;
            for (int atom = 0; atom < sum.Atoms.Length; atom++)
                value += goal.Gamma[atom] * sum.Atoms[atom] / sum.Mass;
            Assert.AreEqual(value, information.Goal!.Value, Precision);
        }
    }

    // Slow and obvious: one neuron and one row at a time, decomposed by the Information room.
    private static (List<Sum> Hidden, List<Sum> Output) Decompose(
        InfomorphicNetwork network,
        LabeledRows rows,
        int[][] batches,
        ulong seed
    )
    {
        InfomorphicLayer hidden = network.HiddenLayers[0];
        InfomorphicLayer output = network.OutputLayer;
        var hiddenSums = Enumerable.Range(0, Hidden).Select(_ => new Sum(18)).ToList();
        var outputSums = Enumerable.Range(0, Classes).Select(_ => new Sum(4)).ToList();
        for (int batch = 0; batch < batches.Length; batch++)
        {
            int[] chosen = batches[batch];
            int[] labels = [.. chosen.Select(row => rows.Labels[row])];
            float[] mass = [.. chosen.Select(row => rows.Weights![row])];
            float[][] features = [.. chosen.Select(row => Row(rows, row))];
            float[][] oneHot = [.. labels.Select(label => OneHot(label))];
            float[][] outputs = [.. chosen.Select(_ => new float[Hidden])]; // no activity before the first presentation
            for (int presentation = 0; presentation < network.Presentations; presentation++)
            {
                float[][] heard = outputs;
                outputs = [.. chosen.Select(_ => new float[Hidden])];
                for (int neuron = 0; neuron < Hidden; neuron++)
                {
                    float[][] sources =
                    [
                        Aggregate(hidden.Sources[0], neuron, features),
                        Aggregate(hidden.Sources[1], neuron, oneHot),
                        Aggregate(hidden.Sources[2], neuron, heard),
                    ];
                    float[] theta = new float[chosen.Length];
                    float[] complement = new float[chosen.Length];
                    VectorizedActivation.Fire(
                        (ModulatedActivation)hidden.Activation,
                        sources[0],
                        sources[1],
                        sources[2],
                        theta,
                        complement
                    );
                    float[] y = new float[chosen.Length];
                    Philox.Sample(theta, y, (uint)neuron, (ulong)(network.Presentations * batch + presentation), seed);
                    for (int i = 0; i < y.Length; i++)
                        outputs[i][neuron] = y[i];
                    if (presentation == network.Presentations - 1)
                        hiddenSums[neuron].Add(hidden.Binning, "FCL", sources, theta, complement, mass);
                }
            }

            for (int neuron = 0; neuron < Classes; neuron++)
            {
                float[] f = Aggregate(output.Sources[0], neuron, outputs);
                float[] theta = new float[chosen.Length];
                float[] complement = new float[chosen.Length];
                VectorizedActivation.Fire(f, theta, complement);
                float[] own = [.. labels.Select(label => label == neuron ? 1f : 0f)];
                outputSums[neuron].Add(output.Binning, "FC", [f, own], theta, complement, mass);
            }
        }

        return (hiddenSums, outputSums);
    }

    private static double ThetaInScoring(InfomorphicNetwork network, float[] row, int neuron)
    {
        InfomorphicLayer hidden = network.HiddenLayers[0];
        var activation = (ModulatedActivation)hidden.Activation;
        double[] f = [.. Enumerable.Range(0, Hidden).Select(i => (double)Aggregate(hidden.Sources[0], i, [row])[0])];
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
        double l = Aggregate(hidden.Sources[2], neuron, [y])[0];
        return ScalarActivation.Of(activation, f[neuron], hidden.Sources[1].Biases[neuron], l).Theta;
    }

    private static float[] Aggregate(Source source, int neuron, float[][] inputs)
    {
        int count = source.ConnectionsPerNeuron;
        int[]? connections = source.Connections;
        return
        [
            .. inputs.Select(row =>
                source.Biases[neuron]
                + Enumerable
                    .Range(0, count)
                    .Sum(i =>
                        source.Weights[neuron * count + i]
                        * row[connections is null ? i : connections[neuron * count + i]]
                    )
            ),
        ];
    }

    private static float[] OneHot(int label) =>
        [.. Enumerable.Range(0, Classes).Select(index => index == label ? 1f : 0f)];

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
                [.. Enumerable.Range(0, count * Features).Select(_ => Draw(random))]
            ),
            [.. Enumerable.Range(0, count).Select(_ => random.Next(Classes))],
            weighted ? [.. Enumerable.Range(0, count).Select(_ => 1 + random.Next(4) / 2f)] : null,
            Classes
        );
    }

    private static float Draw(Random random) => random.Next(-32, 33) / 16f;

    private static InfomorphicNetwork Network(int lateral, int presentations = 2)
    {
        TrainingSettings settings = Problems.Settings(Hidden);
        var random = new Random(lateral);
        float[] DrawMany(int count) => [.. Enumerable.Range(0, count).Select(_ => Draw(random))];
        int[]? connections =
            lateral == Hidden - 1
                ? null
                :
                [
                    .. Enumerable
                        .Range(0, Hidden)
                        .SelectMany(neuron => Enumerable.Range(1, lateral).Select(i => (neuron + i) % Hidden)),
                ];
        float[] lateralWeights = DrawMany(Hidden * (connections is null ? Hidden : lateral));
        if (connections is null)
            for (int neuron = 0; neuron < Hidden; neuron++)
                lateralWeights[neuron * (Hidden + 1)] = 0;
        return new InfomorphicNetwork(
            [
                new InfomorphicLayer(
                    [
                        Legacy.NewSource(
                            'F',
                            SourceKind.Features,
                            Hidden,
                            Features,
                            DrawMany(Hidden * Features),
                            DrawMany(Hidden)
                        ),
                        Legacy.NewSource(
                            'C',
                            SourceKind.Label,
                            Hidden,
                            Classes,
                            DrawMany(Hidden * Classes),
                            DrawMany(Hidden)
                        ),
                        Legacy.NewSource(
                            'L',
                            SourceKind.Lateral,
                            Hidden,
                            Hidden,
                            lateralWeights,
                            DrawMany(Hidden),
                            connections
                        ),
                    ],
                    settings.HiddenLayers[0].Goal,
                    settings.HiddenLayers[0].Activation,
                    settings.HiddenLayers[0].Binning
                ),
            ],
            new InfomorphicLayer(
                [
                    Legacy.NewSource(
                        'F',
                        SourceKind.HiddenLayer,
                        Classes,
                        Hidden,
                        DrawMany(Classes * Hidden),
                        DrawMany(Classes)
                    ),
                    Legacy.NewSource('C', SourceKind.OwnLabel, Classes, Classes, [], []),
                ],
                settings.Output.Goal,
                new FeedforwardActivation(),
                Binning.PaperOutputLayer
            ),
            new FeatureScaling(Standardization.None, new float[Features], [.. Enumerable.Repeat(1f, Features)]),
            presentations: presentations
        );
    }

    private sealed class Sum(int atoms)
    {
        public double[] Atoms { get; } = new double[atoms];

        public double Entropy { get; private set; }

        public double Mass { get; private set; }

        public void Add(
            Binning binning,
            string letters,
            float[][] sources,
            float[] theta,
            float[] complement,
            float[] mass
        )
        {
            float[] divisors = [.. sources.Select(source => Binning.DivisorOf(source))];
            int[][] bins =
            [
                .. theta.Select(
                    (_, row) => sources.Select((source, i) => binning.IndexOf(source[row], divisors[i])).ToArray()
                ),
            ];
            var decomposition = new PartialInformationDecomposition(
                JointDistribution.FromSamples(
                    bins.SelectMany(
                        (values, row) =>
                            new[]
                            {
                                (values, 1, (double)mass[row] * theta[row]),
                                (values, -1, (double)mass[row] * complement[row]),
                            }
                    )
                ),
                letters
            );
            double weight = mass.Sum(value => (double)value);
            for (int atom = 0; atom < Atoms.Length; atom++)
                Atoms[atom] += weight * decomposition.Atoms[atom];
            Entropy += weight * decomposition.TargetEntropy;
            Mass += weight;
        }
    }
}
