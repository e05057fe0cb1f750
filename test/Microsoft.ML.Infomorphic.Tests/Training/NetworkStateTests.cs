using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Training;

[TestClass]
public class NetworkStateTests
{
    private static readonly FeatureScaling s_scaling = new(
        Standardization.PerFeature,
        [1, -2, 0.5f, 100],
        [2, 0.1f, 1, 30]
    );

    // nn.Linear's default: uniform in ±1/√fan_in, weights and biases. Of 400 numbers the largest is within 5 % of the
    // bound, but for one seed in a billion (0.95⁴⁰⁰).
    [TestMethod]
    [DataRow(100)]
    [DataRow(7)] // sparse: the bound is still that of the whole layer
    public void Fresh_weights_are_uniform_within_the_bound_of_their_layer(int lateral)
    {
        using NetworkState state = Create(hidden: 100, lateral);
        AssertUniform(state.Hidden!.SourceOf('F').Weights, 1 / Math.Sqrt(4));
        AssertUniform(state.Hidden!.SourceOf('C').Weights, 1 / Math.Sqrt(6));
        AssertUniform(state.Hidden!.SourceOf('L').Weights, 1 / Math.Sqrt(100));
        AssertUniform(state.Output.SourceOf('F').Weights, 1 / Math.Sqrt(100));
        for (int neuron = 0; neuron < 100; neuron++)
        {
            Assert.IsLessThanOrEqualTo(0.5f, Math.Abs(state.Hidden!.Biases.Value[neuron][0]));
            Assert.IsLessThanOrEqualTo(0.4083f, Math.Abs(state.Hidden!.Biases.Value[neuron][1]));
            Assert.IsLessThanOrEqualTo(0.1f, Math.Abs(state.Hidden!.Biases.Value[neuron][2]));
        }

        static void AssertUniform(Parameter parameter, double bound)
        {
            float[] weights = parameter.Value.ToArray();
            double largest = weights.Max(Math.Abs);
            Assert.IsTrue(largest <= bound * (1 + 1e-6) && largest > 0.95 * bound, $"{largest} of {bound}");
            // Mean of n uniform numbers: 0 ± bound/√(3n); five standard deviations.
            Assert.AreEqual(0, weights.Average(), 5 * bound / Math.Sqrt(3 * weights.Length));
        }
    }

    // 12 features with 3 components each and, two of them, with an indicator: 50 numbers, and so 12 for three features.
    [TestMethod]
    public void Random_subsets_are_of_features_with_all_that_encodes_them()
    {
        const int Features = 12;
        const int Subsets = 40;
        var encoding = new FeatureEncoding(
            [.. Enumerable.Repeat<IReadOnlyList<float>>([0, 1, 2, 3], Features)],
            new float[Features],
            [2, 7]
        );
        var scaling = new FeatureScaling(
            Standardization.None,
            new float[encoding.EncodedCount],
            [.. Enumerable.Repeat(1f, encoding.EncodedCount)]
        );
        TrainingSettings settings = Settings(2, 1, seed: 1);
        settings = settings with
        {
            HiddenLayers = [settings.HiddenLayers[0] with { Connections = new RandomSubsetSettings(Subsets, 3) }],
        };

        using NetworkState state = NetworkState.Create(settings, scaling, classes: 6, encoding);
        var connectivity = (SubsetConnected)state.Hidden!.SourceOf('F').Projections[0].Connectivity;

        Assert.AreEqual(12, connectivity.ConnectionsPerNeuron);
        var counts = new int[Features];
        for (int subset = 0; subset < Subsets; subset++)
        {
            int[] inputs = [.. connectivity.OfGroup(subset)];
            CollectionAssert.AreEqual(inputs.Distinct().Order().ToArray(), inputs);
            int[] whole =
            [
                .. Enumerable.Range(0, Features).Where(feature => encoding.InputsOf(feature).All(inputs.Contains)),
            ];
            foreach (int feature in whole)
                counts[feature]++;
            int cut = inputs.Except(whole.SelectMany(encoding.InputsOf)).Select(FeatureOf).Distinct().Count();
            Assert.IsTrue(whole.Length is 2 or 3 && cut <= 1, string.Join(' ', inputs));
        }

        Assert.IsGreaterThan(0, counts.Min());

        int FeatureOf(int input) =>
            Enumerable.Range(0, Features).Single(feature => encoding.InputsOf(feature).Contains(input));
    }

    [TestMethod]
    [DataRow(Setups.Full, 1, "The network presents a row 2 to 16 times, and 1 presentations were asked for.")]
    [DataRow(
        Setups.BivariateFeedback,
        17,
        "The network presents a row 2 to 16 times, and 17 presentations were asked for."
    )]
    [DataRow(Setups.Context, 2, "The network presents a row once, and 2 presentations were asked for.")]
    public void A_network_refuses_a_number_of_presentations(string setup, int presentations, string sentence)
    {
        using NetworkState state = NetworkState.Create(Setups.Settings(setup), s_scaling, 3);
        InfomorphicNetwork network = state.ToNetwork([1, 1, 1]);

        var failure = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() =>
            new InfomorphicNetwork(
                network.HiddenLayers,
                network.OutputLayer,
                network.FeatureScaling,
                presentations: presentations
            )
        );
        StringAssert.StartsWith(failure.Message, sentence);
    }

    [TestMethod]
    public void All_are_connected_but_to_themselves_where_there_are_few()
    {
        using NetworkState state = Create(hidden: 20, lateral: 19);
        Assert.IsNull(state.Hidden!.SourceOf('L').Connections);
        Assert.AreEqual(20, state.Hidden!.SourceOf('L').ConnectionCount); // to itself with a weight of 0
        for (int neuron = 0; neuron < 20; neuron++)
        for (int peer = 0; peer < 20; peer++)
            Assert.AreEqual(neuron == peer, state.Hidden!.SourceOf('L').Weights.Value[neuron][peer] == 0);
    }

    [TestMethod]
    [DataRow(20, 18)]
    [DataRow(20, 1)]
    [DataRow(300, 100)]
    public void Drawn_connections_are_distinct_sorted_and_to_others(int hidden, int lateral)
    {
        using NetworkState state = Create(hidden, lateral);
        Assert.AreEqual(lateral, state.Hidden!.SourceOf('L').ConnectionCount);
        int[] heard = new int[hidden];
        for (int neuron = 0; neuron < hidden; neuron++)
        {
            int[] peers = state.Hidden!.SourceOf('L').Connections![(neuron * lateral)..((neuron + 1) * lateral)];
            CollectionAssert.AreEqual(peers.Distinct().Order().ToArray(), peers);
            CollectionAssert.DoesNotContain(peers, neuron);
            Assert.IsTrue(peers.All(peer => peer >= 0 && peer < hidden));
            foreach (int peer in peers)
                heard[peer]++;
        }

        // Every neuron is heard by as many as it hears on average, with a binomial deviation √lateral; six of them.
        Assert.IsTrue(heard.All(count => Math.Abs(count - lateral) <= 6 * Math.Sqrt(lateral)));
    }

    [TestMethod]
    public void Seeds_decide_weights_and_connections()
    {
        using NetworkState first = Create(20, 5);
        using NetworkState same = Create(20, 5);
        using NetworkState other = Create(20, 5, seed: 2);
        CollectionAssert.AreEqual(first.Hidden!.SourceOf('L').Connections, same.Hidden!.SourceOf('L').Connections);
        CollectionAssert.AreNotEqual(first.Hidden!.SourceOf('L').Connections, other.Hidden!.SourceOf('L').Connections);
        CollectionAssert.AreEqual(
            first.Hidden!.SourceOf('F').Weights.Value.ToArray(),
            same.Hidden!.SourceOf('F').Weights.Value.ToArray()
        );
        CollectionAssert.AreNotEqual(
            first.Hidden!.SourceOf('F').Weights.Value.ToArray(),
            other.Hidden!.SourceOf('F').Weights.Value.ToArray()
        );
    }

    // Folding divides, unfolding multiplies: two roundings of 6·10⁻⁸, and offsets of 100/30 in sums of 4 for biases.
    [TestMethod]
    [DataRow(5)]
    [DataRow(100)]
    public void A_network_becomes_the_state_that_it_came_from(int lateral)
    {
        using NetworkState state = Create(20, lateral);
        InfomorphicNetwork network = state.ToNetwork([1, 1, 1, 1, 1, 1]);
        using NetworkState back = NetworkState.From(network, Settings(20, lateral, seed: 9));
        CollectionAssert.AreEqual(state.Hidden!.SourceOf('L').Connections, back.Hidden!.SourceOf('L').Connections);
        AssertClose(state.Hidden!.SourceOf('F').Weights, back.Hidden!.SourceOf('F').Weights, 2e-7);
        AssertClose(state.Hidden!.Biases, back.Hidden!.Biases, 1e-5);
        AssertClose(state.Hidden!.SourceOf('C').Weights, back.Hidden!.SourceOf('C').Weights, 0);
        AssertClose(state.Hidden!.SourceOf('L').Weights, back.Hidden!.SourceOf('L').Weights, 0);
        AssertClose(state.Output.SourceOf('F').Weights, back.Output.SourceOf('F').Weights, 0);
        AssertClose(state.Output.Biases, back.Output.Biases, 0);

        static void AssertClose(Parameter expected, Parameter actual, double allowed)
        {
            float[] a = expected.Value.ToArray();
            float[] b = actual.Value.ToArray();
            for (int i = 0; i < a.Length; i++)
                Assert.AreEqual(a[i], b[i], allowed);
        }
    }

    [TestMethod]
    public void Standardisation_is_folded_into_weights_and_bias()
    {
        using NetworkState state = Create(3, 2);
        Source features = state.ToNetwork([1, 1, 1, 1, 1, 1]).HiddenLayers[0].Sources[0];
        float[] x = [3, -1.5f, 7, 60];
        for (int neuron = 0; neuron < 3; neuron++)
        {
            double standardised = state.Hidden!.Biases.Value[neuron][0];
            double raw = features.Biases[neuron];
            for (int i = 0; i < 4; i++)
            {
                standardised +=
                    state.Hidden!.SourceOf('F').Weights.Value[neuron][i]
                    * ((double)x[i] - s_scaling.Offsets[i])
                    / s_scaling.Scales[i];
                raw += (double)features.Weights[neuron * 4 + i] * x[i];
            }

            Assert.AreEqual(standardised, raw, 1e-5);
        }
    }

    [TestMethod]
    public void Signs_are_folded_into_the_output_layer()
    {
        using NetworkState state = Create(4, 3);
        Source output = state.ToNetwork([1, -1, 0, 1, -1, 1]).OutputLayer.Sources[0];
        for (int i = 0; i < 4; i++)
        {
            Assert.AreEqual(state.Output.SourceOf('F').Weights.Value[0][i], output.Weights[i]);
            Assert.AreEqual(-state.Output.SourceOf('F').Weights.Value[1][i], output.Weights[4 + i]);
            Assert.AreEqual(0, output.Weights[8 + i]);
        }

        Assert.AreEqual(-state.Output.Biases.Value[1][0], output.Biases[1]);
        Assert.AreEqual(NetworkState.AbsentClassScore, output.Biases[2]);
    }

    // An inverted output is fed back inverted; that of a class without rows, which then never fires, is not heard.
    [TestMethod]
    public void Signs_are_folded_into_the_weights_of_feedback()
    {
        using NetworkState state = NetworkState.Create(
            Setups.Settings(Setups.Feedback, hidden: 4),
            s_scaling,
            classes: 3
        );
        Source context = state.ToNetwork([1, -1, 0]).HiddenLayers[0].Sources[1];
        Assert.AreEqual(Signal.Layer(1), context.Signal);
        for (int neuron = 0; neuron < 4; neuron++)
        {
            ReadOnlySpan<float> weights = state.Hidden!.SourceOf('C').Weights.Value[neuron];
            Assert.AreEqual(weights[0], context.Weights[3 * neuron]);
            Assert.AreEqual(-weights[1], context.Weights[3 * neuron + 1]);
            Assert.AreEqual(0, context.Weights[3 * neuron + 2]);
        }
    }

    [TestMethod]
    [DynamicData(nameof(Setups.All), typeof(Setups))]
    public void A_network_of_every_setup_becomes_the_state_that_it_came_from(string setup)
    {
        TrainingSettings settings = Setups.Settings(setup, hidden: 8);
        settings.Validate();
        using NetworkState state = NetworkState.Create(settings, s_scaling, classes: 3);
        using NetworkState back = NetworkState.From(state.ToNetwork([1, 1, 1]), settings with { Seed = 9 });
        float[][] expected = state.Snapshot();
        float[][] actual = back.Snapshot();
        for (int i = 0; i < expected.Length; i++)
        for (int j = 0; j < expected[i].Length; j++)
            Assert.AreEqual(expected[i][j], actual[i][j], 1e-5);
    }

    [TestMethod]
    public void Going_on_needs_a_network_of_the_same_setup()
    {
        using NetworkState state = NetworkState.Create(Setups.Settings(Setups.Context), s_scaling, classes: 3);
        InfomorphicNetwork network = state.ToNetwork([1, 1, 1]);
        Refused(
            Setups.Full,
            "The model to go on from has the sources F (features), C (label) in its hidden layer 1, and the options ask for F (features), C (label), L (layer 0)."
        );
        Refused(
            Setups.Readout,
            "The model to go on from has one hidden layer, and the options ask for no hidden layer."
        );

        void Refused(string setup, string message) =>
            Assert.AreEqual(
                message,
                Assert
                    .ThrowsExactly<ArgumentException>(() => NetworkState.From(network, Setups.Settings(setup)))
                    .Message
            );
    }

    [TestMethod]
    public void A_snapshot_is_a_copy_and_can_be_put_back()
    {
        using NetworkState state = Create(6, 3);
        float[] before = state.Hidden!.SourceOf('L').Weights.Value.ToArray();
        float[][] snapshot = state.Snapshot();
        state.Hidden!.SourceOf('L').Weights.Value[2][1] = 5;
        state.Output.Biases.Value[0][0] = 7;
        state.Restore(snapshot);
        CollectionAssert.AreEqual(before, state.Hidden!.SourceOf('L').Weights.Value.ToArray());
        Assert.AreNotEqual(7, state.Output.Biases.Value[0][0]);
    }

    [TestMethod]
    public void Going_on_needs_a_network_of_the_same_size()
    {
        using NetworkState state = Create(6, 3);
        InfomorphicNetwork network = state.ToNetwork([1, 1, 1, 1, 1, 1]);
        ArgumentException exception = Assert.ThrowsExactly<ArgumentException>(() =>
            NetworkState.From(network, Settings(7, 3, seed: 1))
        );
        Assert.AreEqual(
            "The model to go on from has 6 neurons in its hidden layer 1, and the options ask for 7.",
            exception.Message
        );
    }

    private static NetworkState Create(int hidden, int lateral, ulong seed = 1) =>
        NetworkState.Create(Settings(hidden, lateral, seed), s_scaling, classes: 6);

    private static TrainingSettings Settings(int hidden, int lateral, ulong seed) =>
        Problems.Settings(hidden).WithLateral(lateral) with
        {
            Seed = seed,
        };
}
