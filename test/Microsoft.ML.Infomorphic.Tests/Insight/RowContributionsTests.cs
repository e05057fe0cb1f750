using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;

namespace Microsoft.ML.Infomorphic.Tests.Insight;

[TestClass]
public sealed class RowContributionsTests
{
    private const int Classes = 3;

    [TestMethod]
    [DataRow(DeepNetworks.LocalFields, 2)]
    [DataRow(DeepNetworks.SharedFields, 3)]
    [DataRow(DeepNetworks.Skips, 2)]
    [DataRow(DeepNetworks.Feedback, 3)]
    [DataRow(DeepNetworks.Readout, 2)]
    [DataRow(DeepNetworks.TwoFaced, 2)]
    public void Contributions_are_the_integral_of_slopes_on_the_way_from_the_base(string shape, int presentations)
    {
        InfomorphicNetwork network = Gentle(DeepNetworks.Create(shape, presentations));
        float[] rows = Rows(1, 36);
        double[][] expected = Expected([network], new float[36], rows, nodes: 16);
        double largest = expected.SelectMany(row => row).Max(Math.Abs);

        // The rule's error falls with the square of the number of pieces, down to what single precision resolves.
        double rounding = 1e-4 * largest + 3e-6;
        double two = Error(expected, Calculate([network], rows, pieces: 2));
        double eight = Error(expected, Calculate([network], rows, pieces: 8));
        Assert.IsLessThan(3e-3 * largest, two);
        Assert.IsLessThan(two / 8 + rounding, eight);
        Assert.IsLessThan(rounding, Error(expected, Calculate([network], rows, pieces: 32)));
    }

    [TestMethod]
    public void Contributions_are_the_limit_of_what_parts_of_features_add_in_all_orders()
    {
        InfomorphicNetwork network = Small(new Random(1), features: 3, neurons: 4);
        float[] row = [0.9f, -1.3f, 0.6f];
        double[][] few = NaiveContributions.ShapleyOfParts([network], new float[3], row, parts: 4);
        double[][] many = NaiveContributions.ShapleyOfParts([network], new float[3], row, parts: 12);
        double[] contributions = [.. Calculate([network], row, pieces: 32).Select(value => (double)value)];
        double errorOfFew = Error(few, contributions);
        double errorOfMany = Error(many, contributions);

        // Features are cut into parts: what is off falls as they become smaller.
        Assert.IsGreaterThan(1e-3, errorOfFew);
        Assert.IsLessThan(errorOfFew / 2, errorOfMany);
        Assert.IsLessThan(0.01 * contributions.Max(Math.Abs), errorOfMany);
    }

    [TestMethod]
    public void Contributions_of_several_networks_are_those_of_their_mean_probabilities()
    {
        var random = new Random(4);
        InfomorphicNetwork[] networks = [.. Enumerable.Range(0, 3).Select(_ => Small(random, 4, 5))];
        float[] rows = Rows(2, 4);
        double[][] expected = Expected(networks, new float[4], rows, nodes: 64);
        Assert.IsLessThan(1e-4, Error(expected, Calculate(networks, rows, pieces: 32)));
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(5)]
    public void Base_and_contributions_add_up_to_the_log_odds_of_the_score(int pieces)
    {
        var random = new Random(pieces);
        foreach (int networks in new[] { 1, 3 })
        {
            InfomorphicNetwork[] model = [.. Enumerable.Range(0, networks).Select(_ => Small(random, 6, 7, scale: 2))];
            (RowContributions of, EnsembleScorer scorer) = Prepare(model, pieces);
            float[] rows = Rows(70, 6, scale: 2);
            float[] contributions = Calculate(model, rows, pieces);
            float[] scores = new float[Classes];
            for (int row = 0; row < 70; row++)
            {
                scorer.Score(rows.AsSpan(row * 6, 6), scores);
                for (int k = 0; k < Classes; k++)
                {
                    double sum = of.Base[k];
                    for (int i = 0; i < 6; i++)
                        sum += contributions[(row * Classes + k) * 6 + i];
                    Assert.AreEqual(Math.Log(scores[k]) - Math.Log(scores.Where((_, j) => j != k).Sum()), sum, 1e-4);
                }
            }
        }
    }

    [TestMethod]
    public void A_row_has_the_same_contributions_alone_and_among_others()
    {
        InfomorphicNetwork network = Small(new Random(2), 5, 6);
        float[] rows = Rows(40, 5);
        float[] together = Calculate([network], rows);
        for (int row = 0; row < 40; row++)
        {
            float[] alone = Calculate([network], rows[(row * 5)..((row + 1) * 5)]);
            for (int i = 0; i < alone.Length; i++)
                Assert.AreEqual(alone[i], together[row * alone.Length + i], 1e-5);
        }
    }

    [TestMethod]
    public void Of_the_predicted_class_contributions_are_those_of_that_class()
    {
        InfomorphicNetwork network = Small(new Random(3), 5, 6);
        (RowContributions of, _) = Prepare([network], 2);
        float[] rows = Rows(40, 5);
        float[] all = Calculate([network], rows, pieces: 2);
        float[] predicted = new float[rows.Length];
        float[] scores = new float[40 * Classes];
        of.Calculate(rows, classes: null, predicted, scores);
        for (int row = 0; row < 40; row++)
        {
            float[] ofRow = scores[(row * Classes)..((row + 1) * Classes)];
            int label = Array.IndexOf(ofRow, ofRow.Max());
            for (int i = 0; i < 5; i++)
                Assert.AreEqual(all[(row * Classes + label) * 5 + i], predicted[row * 5 + i], 1e-5);
        }
    }

    [TestMethod]
    public void What_the_network_does_not_use_or_what_is_as_in_the_base_contributes_exactly_nothing()
    {
        InfomorphicNetwork network = Small(new Random(5), 4, 5);
        foreach (Projection projection in OfFeatures(network))
            for (int i = 1; i < projection.Weights.Length; i += 4)
                projection.Weights[i] = 0;
        float[] contributions = Calculate([network], [0.5f, 0.75f, 0f, -1f]);
        for (int k = 0; k < Classes; k++)
        {
            Assert.AreEqual(0f, contributions[k * 4 + 1]);
            Assert.AreEqual(0f, contributions[k * 4 + 2]);
            Assert.AreNotEqual(0f, contributions[k * 4]);
        }
    }

    [TestMethod]
    public void Features_that_are_used_alike_contribute_alike()
    {
        InfomorphicNetwork network = Small(new Random(6), 4, 5);
        foreach (Projection projection in OfFeatures(network))
            for (int i = 0; i < projection.Weights.Length; i += 4)
                projection.Weights[i + 2] = projection.Weights[i];
        float[] contributions = Calculate([network], [0.5f, 0.75f, 0.5f, -1f]);
        for (int k = 0; k < Classes; k++)
            Assert.AreEqual(contributions[k * 4], contributions[k * 4 + 2]);
    }

    [TestMethod]
    public void Components_of_a_curve_and_indicators_count_for_their_feature()
    {
        var encoding = new FeatureEncoding(
            [
                [-1f, 0f, 1f],
                [],
                [0f, 0.5f],
            ],
            [0.25f, 0f, 0f],
            [1]
        );
        InfomorphicNetwork network = Small(new Random(7), encoding.EncodedCount, 5);
        float[] row = [0.3f, float.NaN, 0.8f];
        float[] encoded = new float[encoding.EncodedCount];
        encoding.Encode(row, encoded);
        double[][] ofNumbers = Expected([network], new float[encoded.Length], encoded, nodes: 64);
        int[] featureOf = [0, 1, 2, 0, 0, 2, 1];
        double[][] expected = [.. ofNumbers.Select(numbers => new double[3])];
        for (int k = 0; k < Classes; k++)
        for (int i = 0; i < encoded.Length; i++)
            expected[k][featureOf[i]] += ofNumbers[k][i];
        Assert.IsLessThan(1e-4, Error(expected, Calculate([network], row, 32, encoding)));
    }

    [TestMethod]
    public void A_row_without_scores_has_no_contributions_and_its_neighbours_keep_theirs()
    {
        InfomorphicNetwork network = Small(new Random(8), 3, 5);
        float[] contributions = Calculate([network], [0.5f, -0.5f, 1, float.NaN, 0, 0, 0.5f, -0.5f, 1]);
        Assert.IsTrue(contributions[9..18].All(float.IsNaN));
        Assert.IsTrue(contributions[..9].All(float.IsFinite));
        CollectionAssert.AreEqual(contributions[..9], contributions[18..]);
    }

    [TestMethod]
    public void Models_whose_scores_jump_have_no_contributions()
    {
        InfomorphicNetwork steps = DeepNetworks.Create(DeepNetworks.Fixed);
        Assert.Contains("step", Assert.ThrowsExactly<InvalidOperationException>(() => Prepare([steps], 2)).Message);
        var settings = new ScoringSettings(ScoringMode.Thresholded);
        InfomorphicNetwork network = Small(new Random(9), 3, 5);
        FeatureEncoding encoding = FeatureEncoding.None(3);
        Assert.Contains(
            "Thresholded",
            Assert
                .ThrowsExactly<InvalidOperationException>(() =>
                    new RowContributions(
                        [network],
                        settings,
                        encoding,
                        new EnsembleScorer([network], settings, encoding)
                    )
                )
                .Message
        );
    }

    // Classes × numbers of each row, one row after another.
    private static double[][] Expected(
        IReadOnlyList<InfomorphicNetwork> networks,
        float[] from,
        float[] rows,
        int nodes
    ) => [.. rows.Chunk(from.Length).SelectMany(row => NaiveContributions.OfPath(networks, from, row, nodes))];

    private static double Error(double[][] expected, float[] contributions) =>
        Error(expected, Array.ConvertAll(contributions, value => (double)value));

    private static double Error(double[][] expected, double[] contributions)
    {
        double[] all = [.. expected.SelectMany(row => row)];
        Assert.HasCount(all.Length, contributions);
        return all.Zip(contributions, (a, b) => Math.Abs(a - b)).Max();
    }

    private static (RowContributions Of, EnsembleScorer Scorer) Prepare(
        IReadOnlyList<InfomorphicNetwork> networks,
        int pieces,
        FeatureEncoding? encoding = null
    )
    {
        var settings = new ScoringSettings();
        encoding ??= FeatureEncoding.None(networks[0].FeatureCount);
        var scorer = new EnsembleScorer(networks, settings, encoding);
        return (new RowContributions(networks, settings, encoding, scorer, pieces), scorer);
    }

    private static float[] Calculate(
        IReadOnlyList<InfomorphicNetwork> networks,
        float[] rows,
        int pieces = RowContributions.DefaultPieces,
        FeatureEncoding? encoding = null
    )
    {
        (RowContributions of, _) = Prepare(networks, pieces, encoding);
        int count = rows.Length / of.FeatureCount;
        float[] contributions = new float[rows.Length * of.ClassCount];
        of.Calculate(rows, [.. Enumerable.Range(0, of.ClassCount)], contributions, new float[count * of.ClassCount]);
        return contributions;
    }

    private static float[] Rows(int count, int features, float scale = 1)
    {
        var random = new Random(count);
        return [.. Enumerable.Range(0, count * features).Select(_ => scale * random.Next(-32, 33) / 32f)];
    }

    // Weights that leave neurons room to differ.
    private static InfomorphicNetwork Gentle(InfomorphicNetwork network)
    {
        foreach (
            Projection projection in network
                .Layers.SelectMany(layer => layer.Sources)
                .SelectMany(source => source.Projections)
        )
            for (int i = 0; i < projection.Weights.Length; i++)
                projection.Weights[i] /= 2;
        return network;
    }

    private static IEnumerable<Projection> OfFeatures(InfomorphicNetwork network) =>
        network
            .Layers.SelectMany(layer => layer.Sources)
            .SelectMany(source => source.Projections)
            .Where(projection => projection.Signal == Signal.Features);

    // One hidden layer whose neurons hear each other, and a calibrated output layer that reads the features, too.
    private static InfomorphicNetwork Small(Random random, int features, int neurons, float scale = 1)
    {
        var hidden = new InfomorphicLayer(
            [
                Draw('F', Signal.Features, neurons, features),
                Draw('C', Signal.Label, neurons, Classes),
                Draw('L', Signal.Layer(0), neurons, neurons),
            ],
            GoalFunctions.OptimizedTpe1,
            new ModulatedActivation(0.3, 0.4),
            new Binning()
        );
        var output = new InfomorphicLayer(
            [
                new Source(
                    'F',
                    [Connect(Signal.Layer(0), Classes, neurons), Connect(Signal.Features, Classes, features)],
                    Numbers(Classes)
                ),
                Source.OfOwnLabel('C', Classes),
            ],
            GoalFunctions.Output,
            new FeedforwardActivation(),
            Binning.PaperOutputLayer
        );
        return new InfomorphicNetwork(
            [hidden],
            output,
            new FeatureScaling(Standardization.None, new float[features], [.. Enumerable.Repeat(1f, features)]),
            new ScoreCalibration([1.5f, 0.75f, 1.25f], [0.5f, 0f, -0.25f])
        );

        Source Draw(char symbol, Signal signal, int count, int inputs) =>
            new(symbol, [Connect(signal, count, inputs)], Numbers(count));

        Projection Connect(Signal signal, int count, int inputs) =>
            new(signal, new AllConnected(count, inputs), Numbers(count * inputs));

        float[] Numbers(int count) =>
            [.. Enumerable.Range(0, count).Select(_ => scale * (2 * random.NextSingle() - 1))];
    }
}
