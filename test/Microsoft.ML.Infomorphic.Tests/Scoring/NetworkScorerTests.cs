using System.IO.Hashing;
using System.Runtime.InteropServices;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Tests.Training;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Scoring;

// Single precision: sums of 40 products of order 1, so that scores are off by some 10⁻⁶, and probabilities by a quarter
// of that, at most; 2·10⁻⁶ is allowed.
[TestClass]
public class NetworkScorerTests
{
    private const double Precision = 2e-6;

    [TestMethod]
    [DataRow(40, 100)]
    [DataRow(40, 7)]
    [DataRow(1, 1)]
    [DataRow(17, 16)]
    public void Mean_field_scores_are_those_of_the_naive_forward_pass(int hidden, int lateral)
    {
        InfomorphicNetwork network = Network(hidden, lateral);
        var scorer = new NetworkScorer(network, new ScoringSettings());
        foreach (float[] row in RandomRows(50))
            AssertClose(NaiveNetwork.Score(network, row, (theta, _, _) => 2 * theta - 1), Score(scorer, row));
    }

    [TestMethod]
    public void Thresholded_scores_are_those_of_the_naive_forward_pass()
    {
        InfomorphicNetwork network = Network(40, 7);
        var scorer = new NetworkScorer(network, new ScoringSettings(ScoringMode.Thresholded));
        foreach (float[] row in RandomRows(50))
            AssertClose(NaiveNetwork.Score(network, row, (theta, _, _) => theta >= 0.5 ? 1 : -1), Score(scorer, row));
    }

    // The numbers drawn follow from the row: neuron j of n takes word j/q of counter j mod q with q = ⌈n/4⌉.
    [TestMethod]
    [DataRow(1)]
    [DataRow(5)]
    public void Sampled_scores_are_those_of_the_naive_forward_pass(int samples)
    {
        const int Hidden = 38;
        InfomorphicNetwork network = Network(Hidden, 7);
        var scorer = new NetworkScorer(network, new ScoringSettings(ScoringMode.Sampled, samples, Seed: 3));
        foreach (float[] row in RandomRows(20))
        {
            ulong key = XxHash3.HashToUInt64(MemoryMarshal.AsBytes<float>(row), 3);
            double[] expected = new double[3];
            for (int sample = 0; sample < samples; sample++)
            {
                double[] drawn = NaiveNetwork.Score(
                    network,
                    row,
                    (theta, stream, neuron) => Uniform(key, sample, stream, neuron, Hidden) < theta ? 1 : -1
                );
                expected = [.. expected.Zip(drawn, (sum, p) => sum + p / samples)];
            }

            AssertClose(expected, Score(scorer, row));
        }
    }

    [TestMethod]
    [DynamicData(nameof(Setups.All), typeof(Setups))]
    public void Every_setup_scores_in_every_mode_as_the_naive_forward_pass_does(string setup)
    {
        const int Hidden = 10;
        LabeledRows data = Problems.Blobs(20);
        TrainingSettings settings = Setups.Settings(setup, Hidden).WithLateral(4);
        FeatureScaling scaling = FeatureScalingEstimator.Estimate(data, Standardization.PerFeature);
        using NetworkState state = NetworkState.Create(settings, scaling, 3);
        InfomorphicNetwork network = state.ToNetwork([1, -1, 1]);
        var meanField = new NetworkScorer(network, new ScoringSettings());
        var thresholded = new NetworkScorer(network, new ScoringSettings(ScoringMode.Thresholded));
        var sampled = new NetworkScorer(network, new ScoringSettings(ScoringMode.Sampled, 1, Seed: 3));
        for (int i = 0; i < 20; i++)
        {
            float[] row = Problems.FeaturesOf(data, i);
            ulong key = XxHash3.HashToUInt64(MemoryMarshal.AsBytes<float>(row), 3);
            AssertClose(NaiveNetwork.Score(network, row, (theta, _, _) => 2 * theta - 1), Score(meanField, row));
            AssertClose(
                NaiveNetwork.Score(network, row, (theta, _, _) => theta >= 0.5 ? 1 : -1),
                Score(thresholded, row)
            );
            AssertClose(
                NaiveNetwork.Score(
                    network,
                    row,
                    (theta, stream, neuron) =>
                        Uniform(key, 0, stream, neuron, stream > 0 && stream % 2 == 0 ? 3 : Hidden) < theta ? 1 : -1
                ),
                Score(sampled, row)
            );
        }
    }

    [TestMethod]
    [DataRow(ScoringMode.MeanField)]
    [DataRow(ScoringMode.Thresholded)]
    [DataRow(ScoringMode.Sampled)]
    public void Sparse_rows_score_like_dense_ones_to_the_bit(ScoringMode mode)
    {
        var scorer = new NetworkScorer(Network(20, 5), new ScoringSettings(mode, 4));
        var random = new Random(1);
        foreach (float[] row in RandomRows(30))
        {
            for (int i = 0; i < row.Length; i++)
                if (random.Next(2) == 0)
                    row[i] = 0;
            int[] indices = [.. Enumerable.Range(0, row.Length).Where(i => row[i] != 0)];
            float[] sparse = new float[3];
            scorer.Score(indices, [.. indices.Select(i => row[i])], sparse);
            CollectionAssert.AreEqual(Score(scorer, row), sparse);
        }
    }

    [TestMethod]
    public void Sampled_scores_depend_on_the_row_and_the_seed_alone()
    {
        InfomorphicNetwork network = Network(20, 5);
        float[][] rows = RandomRows(20);
        float[][] Scores(IEnumerable<float[]> order, ulong seed)
        {
            var scorer = new NetworkScorer(network, new ScoringSettings(ScoringMode.Sampled, 3, seed));
            return [.. order.Select(row => Score(scorer, row))];
        }

        float[][] forward = Scores(rows, 1);
        float[][] backward = [.. Scores(rows.Reverse(), 1).Reverse()];
        float[][] otherSeed = Scores(rows, 2);
        for (int i = 0; i < rows.Length; i++)
        {
            CollectionAssert.AreEqual(forward[i], backward[i]);
            CollectionAssert.AreNotEqual(forward[i], otherSeed[i]);
        }
    }

    // A probability is in [0, 1], so that the mean of 4,000 samples deviates from its expectation by a standard deviation of
    // 0.5/√4,000 = 0.008 at most; five of them. The expectation is over all outputs of 5 neurons in 2 presentations.
    [TestMethod]
    public void The_mean_of_many_samples_is_the_expectation_over_all_outputs()
    {
        const double Precision = 5 * 0.008;
        InfomorphicNetwork network = Network(5, 4);

        // Of some rows, one whose expectation is told from other modes.
        var meanField = new NetworkScorer(network, new ScoringSettings());
        (float[] row, double[] expected) = RandomRows(12)
            .Select(row => (Row: row, Expected: Expectation(network, row)))
            .MaxBy(pair => Distance(pair.Expected, Score(meanField, pair.Row)));
        Assert.IsGreaterThan(2 * Precision, Distance(expected, Score(meanField, row)));
        foreach (ulong seed in (ulong[])[1, 2])
        {
            float[] sampled = Score(
                new NetworkScorer(network, new ScoringSettings(ScoringMode.Sampled, 4000, seed)),
                row
            );
            for (int label = 0; label < expected.Length; label++)
                Assert.AreEqual(expected[label], sampled[label], Precision);
        }

        static double Distance(double[] expected, float[] actual) =>
            expected.Zip(actual, (one, other) => Math.Abs(one - other)).Max();
    }

    // A softmax in single precision: three roundings.
    [TestMethod]
    [DataRow(ScoringMode.MeanField)]
    [DataRow(ScoringMode.Thresholded)]
    [DataRow(ScoringMode.Sampled)]
    public void Probabilities_sum_to_one(ScoringMode mode)
    {
        var scorer = new NetworkScorer(Network(20, 5), new ScoringSettings(mode));
        foreach (float[] row in RandomRows(20).Concat([new float[6], [1e30f, -1e30f, 0, 1, 1, 1]]))
        {
            float[] probabilities = Score(scorer, row);
            Assert.AreEqual(1, probabilities.Sum(p => (double)p), 1e-6);
            Assert.IsTrue(probabilities.All(p => p is >= 0 and <= 1));
        }
    }

    [TestMethod]
    [DataRow(ScoringMode.MeanField)]
    [DataRow(ScoringMode.Thresholded)]
    [DataRow(ScoringMode.Sampled)]
    public void A_row_with_a_feature_that_is_not_a_number_scores_NaN(ScoringMode mode)
    {
        var scorer = new NetworkScorer(Network(20, 5), new ScoringSettings(mode));
        float[] row = RandomRows(1)[0];
        float[] before = Score(scorer, row);
        row[2] = float.NaN;
        Assert.IsTrue(Score(scorer, row).All(float.IsNaN));
        CollectionAssert.AreEqual(before, Score(scorer, RandomRows(1)[0]), "it leaves nothing behind");
    }

    [TestMethod]
    public void Rows_and_results_of_another_size_are_refused()
    {
        var scorer = new NetworkScorer(Network(20, 5), new ScoringSettings());
        Assert.ThrowsExactly<ArgumentException>(() => scorer.Score(new float[5], new float[3]));
        Assert.ThrowsExactly<ArgumentException>(() => scorer.Score(new float[6], new float[2]));
        Assert.ThrowsExactly<ArgumentException>(() => scorer.Score([6], [1f], new float[3]));
        Assert.ThrowsExactly<ArgumentException>(() => scorer.Score([-1], [1f], new float[3]));
        Assert.ThrowsExactly<ArgumentException>(() => scorer.Score([0, 1], [1f], new float[3]));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() =>
            new NetworkScorer(Network(20, 5), new ScoringSettings(ScoringMode.Sampled, 0))
        );
    }

    [TestMethod]
    public void Scoring_allocates_nothing_and_may_run_in_parallel()
    {
        var scorer = new NetworkScorer(Network(20, 5), new ScoringSettings(ScoringMode.Sampled, 2));
        float[][] rows = RandomRows(64);
        float[] probabilities = new float[3];
        for (int i = 0; i < 10; i++)
            scorer.Score(rows[i], probabilities);
        long before = GC.GetAllocatedBytesForCurrentThread();
        foreach (float[] row in rows)
            scorer.Score(row, probabilities);
        Assert.AreEqual(0, GC.GetAllocatedBytesForCurrentThread() - before);

        float[][] alone = [.. rows.Select(row => Score(scorer, row))];
        float[][] together = new float[64][];
        Parallel.For(0, 64, i => together[i] = Score(scorer, rows[i]));
        for (int i = 0; i < 64; i++)
            CollectionAssert.AreEqual(alone[i], together[i]);
    }

    private static float Uniform(ulong key, int sample, int stream, int neuron, int neurons)
    {
        int quarter = (neurons + 3) / 4;
        (uint w0, uint w1, uint w2, uint w3) = Philox.Generate(
            (uint)(neuron % quarter),
            (uint)stream,
            (uint)sample,
            0,
            key
        );
        return Philox.ToUniform(
            (neuron / quarter) switch
            {
                0 => w0,
                1 => w1,
                2 => w2,
                _ => w3,
            }
        );
    }

    private static void AssertClose(double[] expected, float[] actual)
    {
        for (int i = 0; i < expected.Length; i++)
            Assert.AreEqual(expected[i], actual[i], Precision);
    }

    // The mean of the scores, by how probable outputs are: neuron n in stream s fires where bit s·N + n is set.
    private static double[] Expectation(InfomorphicNetwork network, float[] row)
    {
        int neurons = network.HiddenLayers[0].NeuronCount;
        double[] sum = new double[network.ClassCount];
        double total = 0;
        for (int outputs = 0; outputs < 1 << 2 * neurons; outputs++)
        {
            double probability = 1;
            double[] scores = NaiveNetwork.Score(network, row, Output);
            total += probability;
            for (int label = 0; label < sum.Length; label++)
                sum[label] += probability * scores[label];

            double Output(double theta, int stream, int neuron)
            {
                // What the output layer passes on is heard by no one.
                if (stream > 1)
                    return 0;
                bool fires = (outputs >> (stream * neurons + neuron) & 1) != 0;
                probability *= fires ? theta : 1 - theta;
                return fires ? 1 : -1;
            }
        }

        Assert.AreEqual(1, total, 1e-9);
        return sum;
    }

    private static float[] Score(NetworkScorer scorer, float[] row)
    {
        float[] probabilities = new float[scorer.Network.ClassCount];
        scorer.Score(row, probabilities);
        return probabilities;
    }

    private static float[][] RandomRows(int count)
    {
        var random = new Random(5);
        return
        [
            .. Enumerable
                .Range(0, count)
                .Select(_ => Enumerable.Range(0, 6).Select(_ => 4 * random.NextSingle() - 2).ToArray()),
        ];
    }

    private static InfomorphicNetwork Network(int hidden, int lateral)
    {
        TrainingSettings settings = Problems.Settings(hidden);
        var random = new Random(hidden);
        float[] Draw(int count) => [.. Enumerable.Range(0, count).Select(_ => 2 * random.NextSingle() - 1)];
        Source Of(char symbol, Signal signal, Connectivity connectivity) =>
            new(
                symbol,
                [new Projection(signal, connectivity, Draw(connectivity.NeuronCount * connectivity.InputCount))],
                Draw(connectivity.NeuronCount)
            );
        Connectivity lateralConnections =
            lateral >= hidden - 1
                ? new AllConnected(hidden, hidden)
                : new DrawnConnected(
                    hidden,
                    hidden,
                    [
                        .. Enumerable
                            .Range(0, hidden)
                            .SelectMany(neuron => Enumerable.Range(1, lateral).Select(i => (neuron + i) % hidden)),
                    ]
                );
        float[] lateralWeights = Draw(hidden * lateralConnections.ConnectionsPerNeuron);
        if (lateralConnections is AllConnected)
            for (int neuron = 0; neuron < hidden; neuron++)
                lateralWeights[neuron * (hidden + 1)] = 0;
        return new InfomorphicNetwork(
            [
                new InfomorphicLayer(
                    [
                        Of('F', Signal.Features, new AllConnected(hidden, 6)),
                        Of('C', Signal.Label, new AllConnected(hidden, 3)),
                        new Source(
                            'L',
                            [new Projection(Signal.Layer(0), lateralConnections, lateralWeights)],
                            Draw(hidden)
                        ),
                    ],
                    settings.HiddenLayers[0].Goal,
                    settings.HiddenLayers[0].Activation,
                    settings.HiddenLayers[0].Binning
                ),
            ],
            new InfomorphicLayer(
                [Of('F', Signal.Layer(0), new AllConnected(3, hidden)), Source.OfOwnLabel('C', 3)],
                settings.Output.Goal,
                new FeedforwardActivation(),
                Binning.PaperOutputLayer
            ),
            new FeatureScaling(Standardization.None, new float[6], [.. Enumerable.Repeat(1f, 6)])
        );
    }
}
