using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Tests.Training;

namespace Microsoft.ML.Infomorphic.Tests.Insight;

[TestClass]
public sealed class FeatureRankerTests
{
    [TestMethod]
    [DataRow(DeepNetworks.LocalFields)]
    [DataRow(DeepNetworks.SharedFields)]
    [DataRow(DeepNetworks.Skips)]
    [DataRow(DeepNetworks.Feedback)]
    [DataRow(DeepNetworks.Readout)]
    [DataRow(DeepNetworks.Fixed)]
    public void Bits_are_what_a_naive_network_loses_with_the_values_of_other_rows(string shape)
    {
        InfomorphicNetwork network = DeepNetworks.Create(shape);
        LabeledRows rows = DeepNetworks.Rows(70, weighted: true); // more than are looked at together
        FeatureGroup[] groups = [new("a", [7]), new("b", [14, 15, 20]), new("c", [33])];
        var settings = new FeatureRankingSettings { Repeats = 2, Seed = 3 };

        FeatureRanking ranking = Rank([network], rows, groups, settings);

        (int[] order, int[][] donors) = Drawn(rows.RowCount, settings);
        double[] surprises = [.. order.Select(row => Surprise(network, Row(rows, row), rows.Labels[row]))];
        double[] weights = [.. order.Select(row => (double)rows.Weights![row])];
        Assert.AreEqual(
            surprises.Zip(weights, (surprise, weight) => surprise * weight).Sum() / weights.Sum(),
            ranking.CrossEntropy,
            1e-4
        );
        foreach (FeatureGroup group in groups)
        {
            FeatureInformation feature = ranking.Features.Single(feature => feature.Name == group.Name);
            double[] losses = new double[order.Length];
            for (int i = 0; i < order.Length; i++)
                foreach (int[] lenders in donors)
                {
                    float[] changed = Row(rows, order[i]);
                    float[] lender = Row(rows, order[lenders[i]]);
                    foreach (int slot in group.Slots)
                        changed[slot] = lender[slot];
                    losses[i] += (Surprise(network, changed, rows.Labels[order[i]]) - surprises[i]) / donors.Length;
                }

            AssertMean(feature.Information, _ => true);
            for (int k = 0; k < 3; k++)
                AssertMean(feature.ByClass[k], row => rows.Labels[row] == k);

            void AssertMean(InformationEstimate estimate, Func<int, bool> counts)
            {
                double sum = 0;
                double weight = 0;
                for (int i = 0; i < order.Length; i++)
                    if (counts(order[i]))
                    {
                        sum += weights[i] * losses[i];
                        weight += weights[i];
                    }

                Assert.AreEqual(sum / weight, estimate.Bits, 1e-4);
                Assert.AreEqual(estimate.Bits != 0, estimate.Margin > 0);
            }
        }
    }

    [TestMethod]
    public void Neurons_lose_the_information_about_the_class_that_their_outputs_had()
    {
        InfomorphicNetwork network = DeepNetworks.Create(DeepNetworks.Readout);
        LabeledRows rows = DeepNetworks.Rows(70, weighted: true);
        var settings = new FeatureRankingSettings { Repeats = 3, Seed = 5 };
        FeatureInformation feature = Rank([network], rows, [new("a", [7])], settings).Features[0];
        (int[] order, int[][] donors) = Drawn(rows.RowCount, settings);
        int[] same = [.. Enumerable.Range(0, order.Length)];
        for (int neuron = 0; neuron < 6; neuron++)
            Assert.AreEqual(
                Information([same], neuron) - Information(donors, neuron),
                feature.ByNeuron[0][neuron],
                1e-5
            );

        // I(Y : class) = H(θ) − Σ p(class) H(θ of the class), θ the mean over rows and donors.
        double Information(int[][] lenders, int neuron)
        {
            double[] theta = new double[3];
            double[] weight = new double[3];
            foreach (int[] of in lenders)
                for (int i = 0; i < order.Length; i++)
                {
                    float[] row = Row(rows, order[i]);
                    row[7] = Row(rows, order[of[i]])[7];
                    double y = NaiveNetwork.Outputs(network, row, 0, (theta, _, _) => 2 * theta - 1)[neuron];
                    theta[rows.Labels[order[i]]] += rows.Weights![order[i]] * (1 + y) / 2;
                    weight[rows.Labels[order[i]]] += rows.Weights![order[i]];
                }

            double all = weight.Sum();
            return Entropy(theta.Sum() / all)
                - Enumerable.Range(0, 3).Sum(k => weight[k] / all * Entropy(theta[k] / weight[k]));
        }

        static double Entropy(double p) => -p * Math.Log2(p) - (1 - p) * Math.Log2(1 - p);
    }

    [TestMethod]
    public void Layers_lose_what_they_alone_hear()
    {
        // Only the output layer has weights of feature 0, and only the hidden layer of feature 1.
        InfomorphicNetwork network = DeepNetworks.Create(DeepNetworks.Readout);
        foreach ((int layer, int feature) in new[] { (0, 0), (1, 0), (1, 1), (3, 1) })
        foreach (
            Projection projection in network
                .Layers[layer]
                .Sources[0]
                .Projections.Where(projection => projection.Signal == Signal.Features)
        )
            for (int neuron = 0; neuron < projection.Connectivity.NeuronCount; neuron++)
            {
                // Neurons that share their weights hear both where the field's first points are.
                int start = neuron * projection.Connectivity.ConnectionsPerNeuron;
                if (projection.Connectivity is SharedFields)
                    projection.Weights.AsSpan(start, projection.Connectivity.ConnectionsPerNeuron).Clear();
                else
                    projection.Weights[start + feature] = 0;
            }

        FeatureRanking ranking = Rank([network], DeepNetworks.Rows(80, false), [new("0", [0]), new("1", [1])], new());
        CollectionAssert.AreEqual(new[] { "hidden 1", "hidden 2", "output" }, ranking.LayerNames.ToArray());
        FeatureInformation ofOutput = ranking.Features.Single(feature => feature.Name == "0");
        FeatureInformation ofHidden = ranking.Features.Single(feature => feature.Name == "1");
        Assert.AreEqual(0, ofOutput.ByLayer[0].Bits);
        Assert.AreEqual(0, ofOutput.ByLayer[1].Bits);
        Assert.AreEqual(ofOutput.Information.Bits, ofOutput.ByLayer[2].Bits);
        Assert.AreEqual(ofHidden.Information.Bits, ofHidden.ByLayer[0].Bits);
        Assert.AreEqual(0, ofHidden.ByLayer[2].Bits);
        Assert.AreNotEqual(0, ofHidden.Information.Bits);
        Assert.AreNotEqual(0, ofOutput.Information.Bits);
    }

    [TestMethod]
    public void Both_of_an_exclusive_or_come_before_what_says_nothing_and_zero_is_in_the_intervals_of_the_rest()
    {
        // Neurons and an output layer that compute the exclusive or of features 0 and 1, and let the others disturb a little.
        const int Features = 30;
        var random = new Random(1);
        float[] weights = [.. Enumerable.Range(0, 2 * Features).Select(_ => (random.NextSingle() - 0.5f) / 4)];
        (weights[0], weights[1], weights[Features], weights[Features + 1]) = (8, 8, 8, 8);
        var hidden = new InfomorphicLayer(
            [
                new Source('F', [new Projection(Signal.Features, new AllConnected(2, Features), weights)], [-4, -12]),
                new Source('C', [new Projection(Signal.Label, new AllConnected(2, 2), new float[4])], new float[2]),
                new Source('L', [new Projection(Signal.Layer(0), new AllConnected(2, 2), new float[4])], new float[2]),
            ],
            GoalFunctions.OptimizedTpe1,
            new ModulatedActivation(),
            new Binning()
        );
        var output = new InfomorphicLayer(
            [
                new Source('F', [new Projection(Signal.Layer(0), new AllConnected(2, 2), [-2, 2, 2, -2])], [2, -2]),
                Source.OfOwnLabel('C', 2),
            ],
            GoalFunctions.Output,
            new FeedforwardActivation(),
            Binning.PaperOutputLayer
        );
        var network = new InfomorphicNetwork(
            [hidden],
            output,
            new FeatureScaling(Standardization.None, new float[Features], [.. Enumerable.Repeat(1f, Features)])
        );
        float[] values = new float[600 * Features];
        int[] labels = new int[600];
        for (int row = 0; row < labels.Length; row++)
        {
            for (int i = 0; i < Features; i++)
                values[row * Features + i] = i < 2 ? random.Next(2) : 2 * random.NextSingle() - 1;
            labels[row] = values[row * Features] != values[row * Features + 1] ? 1 : 0;
        }

        var rows = new LabeledRows(new DenseFeatureMatrix(600, Features, values), labels, null, 2);
        FeatureGroup[] groups = [.. Enumerable.Range(0, Features).Select(i => new FeatureGroup($"{i}", [i]))];
        IReadOnlyList<FeatureInformation> ranked = Rank([network], rows, groups, new()).Features;
        CollectionAssert.AreEquivalent(new[] { "0", "1" }, ranked.Take(2).Select(feature => feature.Name).ToArray());
        Assert.IsTrue(ranked.Take(2).All(feature => feature.Information.Low > 0.5));
        foreach (FeatureInformation noise in ranked.Skip(2))
        {
            Assert.AreNotEqual(0, noise.Information.Bits);
            Assert.IsTrue(noise.Information.Low <= 0 && noise.Information.High >= 0, noise.ToString());
        }
    }

    [TestMethod]
    public void The_result_does_not_depend_on_threads()
    {
        InfomorphicNetwork[] networks = [DeepNetworks.Create(DeepNetworks.Skips)];
        LabeledRows rows = DeepNetworks.Rows(100, false);
        FeatureGroup[] groups = [.. Enumerable.Range(0, 36).Select(i => new FeatureGroup($"{i}", [i]))];
        FeatureRanking one = Rank(networks, rows, groups, new() { Threads = 1 });
        FeatureRanking four = Rank(networks, rows, groups, new() { Threads = 4 });
        CollectionAssert.AreEqual(
            one.Features.Select(feature => (feature.Name, feature.Information)).ToArray(),
            four.Features.Select(feature => (feature.Name, feature.Information)).ToArray()
        );
    }

    [TestMethod]
    public void Every_row_lends_its_values_to_one_other_each_time()
    {
        int[][] donors = FeatureRanker.Donors(20, 30, new RandomStream(1, 0));
        Assert.HasCount(19, donors); // there are no more others
        foreach (int[] of in donors)
        {
            CollectionAssert.AreEquivalent(Enumerable.Range(0, 20).ToArray(), of);
            Assert.IsTrue(of.Select((donor, row) => donor != row).All(differs => differs));
        }

        for (int row = 0; row < 20; row++)
            CollectionAssert.AllItemsAreUnique(donors.Select(of => of[row]).ToArray());
    }

    [TestMethod]
    public void Settings_that_make_no_sense_are_refused()
    {
        foreach (
            FeatureRankingSettings settings in new FeatureRankingSettings[]
            {
                new() { Repeats = 0 },
                new() { MaximumRows = 1 },
                new() { Confidence = 1 },
                new() { Confidence = double.NaN },
                new() { Network = 1 },
                new() { Network = -1 },
                new() { Threads = 0 },
            }
        )
            Assert.Throws<ArgumentOutOfRangeException>(() => settings.Validate(networks: 1));
    }

    private static FeatureRanking Rank(
        InfomorphicNetwork[] networks,
        LabeledRows rows,
        FeatureGroup[] groups,
        FeatureRankingSettings settings
    ) =>
        FeatureRanker.Rank(
            networks,
            calibrate: true,
            FeatureEncoding.None(networks[0].FeatureCount),
            rows,
            groups,
            [.. Enumerable.Range(0, networks[0].ClassCount).Select(k => $"{k}")],
            settings
        );

    // The order of rows, and who lends to whom.
    private static (int[] Order, int[][] Donors) Drawn(int rows, FeatureRankingSettings settings)
    {
        var random = new RandomStream(settings.Seed, RandomStreams.Insight);
        int[] order = [.. Enumerable.Range(0, rows)];
        random.Shuffle(order);
        return (order, FeatureRanker.Donors(rows, settings.Repeats, random));
    }

    private static float[] Row(LabeledRows rows, int row)
    {
        float[] features = new float[rows.Features.FeatureCount];
        rows.Features.CopyRow(row, features);
        return features;
    }

    private static double Surprise(InfomorphicNetwork network, float[] row, int label) =>
        -Math.Log2(NaiveNetwork.Score(network, row, (theta, _, _) => 2 * theta - 1)[label]);
}
