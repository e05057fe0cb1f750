using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Infomorphic.Training.Cpu;

namespace Microsoft.ML.Infomorphic.Tests.Training.Cpu;

// Gradients of a whole step are sums over rows of those of neurons, whose errors scale with Σ_β |c′_β| of the goal (see
// VectorizedGoalTests), and not with the gradient: a fresh neuron knows next to nothing and has small ones. The largest
// error met here was 1.6·10⁻⁸ of Σ_β |c′_β| times the largest input.
[TestClass]
public class CpuTrainingEngineTests
{
    private const double Precision = 5e-8;
    private const double LargestInput = 3; // standardised features

    [TestMethod]
    [DataRow(9, 100, 64, false)] // all to all
    [DataRow(9, 100, 61, true)]
    [DataRow(9, 3, 64, false)] // drawn connections
    [DataRow(20, 6, 150, true)] // more rows than a tile of the sparse products
    [DataRow(1, 1, 40, false)] // one neuron, no peers
    [DataRow(2, 1, 33, true)]
    public void A_step_is_that_of_the_naive_computation(int hidden, int lateral, int rows, bool weighted) =>
        Assert.IsTrue(AssertSteps(Problems.Settings(hidden).WithLateral(lateral) with { Threads = 2 }, rows, weighted));

    [TestMethod]
    [DataRow(Setups.Context, 100, 64, false)]
    [DataRow(Setups.Context, 100, 61, true)]
    [DataRow(Setups.Lateral, 100, 64, false)]
    [DataRow(Setups.Lateral, 3, 61, true)]
    [DataRow(Setups.Feedback, 100, 64, false)]
    [DataRow(Setups.Feedback, 3, 61, true)]
    [DataRow(Setups.BivariateFeedback, 100, 61, true)]
    [DataRow(Setups.ThreePresentations, 100, 64, false)]
    [DataRow(Setups.ThreePresentations, 3, 150, true)] // more rows than a tile of the sparse products
    [DataRow(Setups.FeedbackOfThree, 3, 61, true)]
    [DataRow(Setups.BivariateFeedbackOfFive, 100, 61, true)]
    [DataRow(Setups.Random, 100, 61, true)]
    [DataRow(Setups.Readout, 100, 61, true)]
    public void A_step_of_every_setup_is_that_of_the_naive_computation(
        string setup,
        int lateral,
        int rows,
        bool weighted
    ) =>
        Assert.IsTrue(
            AssertSteps(Setups.Settings(setup, hidden: 9).WithLateral(lateral) with { Threads = 2 }, rows, weighted)
        );

    // Where so many numbers are drawn, rounding may decide for one seed; not for all of five.
    [TestMethod]
    [DynamicData(nameof(DeepSetups.All), typeof(DeepSetups))]
    public void A_step_of_several_layers_is_that_of_the_naive_computation(string setup)
    {
        TrainingSettings settings = DeepSetups.Settings(setup) with
        {
            Threads = 2,
            Standardization = Standardization.Global,
        };
        Assert.IsTrue(Seeds().Any(seeded => AssertSteps(seeded, rows: 61, weighted: true, DeepSetups.Features)));
        Assert.IsTrue(Seeds().Any(seeded => AssertSteps(seeded, rows: 64, weighted: false, DeepSetups.Features)));

        IEnumerable<TrainingSettings> Seeds() =>
            Enumerable.Range(1, 5).Select(seed => settings with { Seed = (ulong)seed });
    }

    // Rows without their zeros, in full and stored sparse; with offsets, which leave no zeros, and without.
    [TestMethod]
    [DataRow(Setups.Full, Standardization.None, true)]
    [DataRow(Setups.Full, Standardization.None, false)]
    [DataRow(Setups.Full, Standardization.PerFeature, true)]
    [DataRow(Setups.Readout, Standardization.None, true)]
    [DataRow(Setups.Random, Standardization.PerFeature, false)]
    public void A_step_on_sparse_rows_is_that_of_the_naive_computation(string setup, Standardization kind, bool stored)
    {
        TrainingSettings settings = Setups.Settings(setup, hidden: 9) with { Threads = 2, Standardization = kind };
        LabeledRows dense = Problems.Blobs(200, seed: 3);
        float[][] rows = [.. Enumerable.Range(0, 200).Select(row => Problems.FeaturesOf(dense, row))];
        for (int row = 0; row < rows.Length; row++)
        for (int feature = 0; feature < rows[row].Length; feature++)
            if ((row + 2 * feature) % 5 < 3 || row % 7 == 0)
                rows[row][feature] = 0;
        FeatureMatrix features = stored
            ? new SparseFeatureMatrix(
                rows[0].Length,
                [.. rows.Select(row => Enumerable.Range(0, row.Length).Where(i => row[i] != 0).ToArray())],
                [.. rows.Select(row => row.Where(value => value != 0).ToArray())]
            )
            : new DenseFeatureMatrix(rows.Length, rows[0].Length, [.. rows.SelectMany(row => row)]);
        Assert.IsTrue(AssertSteps(settings, new BatchShape(70, IsSparse: true), dense with { Features = features }));
    }

    // Two steps; false where rounding may decide.
    private static bool AssertSteps(TrainingSettings settings, int rows, bool weighted, int features = 5) =>
        AssertSteps(settings, rows, Problems.Blobs(200, seed: 3, features: features, weighted: weighted));

    private static bool AssertSteps(TrainingSettings settings, BatchShape largest, LabeledRows data)
    {
        settings.Validate();
        int rows = largest.Rows;
        int[] batch = [.. Enumerable.Range(0, rows).Select(i => (i * 7 + 3) % 200)];
        FeatureScaling scaling = FeatureScalingEstimator.Estimate(
            data,
            settings.Standardization == Standardization.Auto ? Standardization.PerFeature : settings.Standardization
        );
        using NetworkState state = NetworkState.Create(settings, scaling, 3);
        using var engine = new CpuTrainingEngine(state, settings, largest);
        for (int step = 1; step <= 2; step++)
        {
            var expected = new NaiveStep(state, settings, data, batch, step);
            if (expected.Margin < 1e-6)
                return false;
            float[][] before = state.Snapshot();
            var statistics = new InformationStatistics(state);
            engine.Step(data, batch, statistics);

            AssertClose(expected, state);
            if (step == 1)
                AssertFirstStepOfAdam(state, before);

            // The atoms' weights c are up to 10 and redundancies are good to 10⁻⁶.
            foreach (LayerState layer in state.Layers)
                if (statistics.Layers[layer.Index] is LayerStatistics known)
                    Assert.AreEqual(expected.Goals[layer.Index], known.GoalOf(known.MeanAtoms()), 2e-5);
        }

        return true;
    }

    // The last batch of an epoch is smaller than the others.
    [TestMethod]
    public void Batches_of_changing_size_are_those_of_fresh_engines()
    {
        TrainingSettings settings = Problems.Settings(8).WithLateral(3);
        LabeledRows data = Problems.Blobs(200);
        FeatureScaling scaling = FeatureScalingEstimator.Estimate(data, Standardization.PerFeature);
        using NetworkState state = NetworkState.Create(settings, scaling, 3);
        using var engine = new CpuTrainingEngine(state, settings, 100);
        int step = 0;
        foreach (int rows in new[] { 100, 13, 100, 1, 13, 50 })
        {
            int[] batch = [.. Enumerable.Range(step, rows)];
            var expected = new NaiveStep(state, settings, data, batch, ++step);
            Assert.IsGreaterThan(1e-6, expected.Margin, "another seed is needed: rounding may decide");
            engine.Step(data, batch);
            AssertClose(expected, state);
        }
    }

    // A row of weight 2 is two rows. Peers are silenced, so that which random numbers a row gets does not matter to
    // hidden neurons.
    [TestMethod]
    public void A_row_of_weight_two_is_two_rows()
    {
        TrainingSettings settings = Problems.Settings(8);
        LabeledRows data = Problems.Blobs(60);
        float[] weights = [.. Enumerable.Range(0, 60).Select(i => i < 20 ? 2f : 1f)];
        float[][] repeated = Gradients(data, [.. Enumerable.Range(0, 60), .. Enumerable.Range(0, 20)]);
        float[][] weighted = Gradients(data with { Weights = weights }, [.. Enumerable.Range(0, 60)]);
        for (int i = 0; i < repeated.Length; i++)
        {
            for (int j = 0; j < repeated[i].Length; j++)
                Assert.AreEqual(
                    repeated[i][j],
                    weighted[i][j],
                    2 * Precision * LargestInput * WeightOf(settings.HiddenLayers[0].Goal!)
                );
        }

        float[][] Gradients(LabeledRows rows, int[] batch)
        {
            FeatureScaling scaling = FeatureScalingEstimator.Estimate(data, Standardization.PerFeature);
            using NetworkState state = NetworkState.Create(settings, scaling, 3);
            state.Hidden!.SourceOf('L').Weights.Value.CopyFrom(new float[64]);
            using var engine = new CpuTrainingEngine(state, settings, batch.Length);
            engine.Step(rows, batch);
            return
            [
                state.Hidden!.SourceOf('F').Weights.Gradient.ToArray(),
                state.Hidden!.SourceOf('C').Weights.Gradient.ToArray(),
                state.Hidden!.Biases.Gradient.ToArray(),
            ];
        }
    }

    // The same forward pass as scoring's, up to rounding: training folds the standardisation in only at its end.
    [TestMethod]
    [DataRow(Setups.Full, 100)]
    [DataRow(Setups.Full, 3)]
    [DataRow(Setups.Context, 100)]
    [DataRow(Setups.Lateral, 100)]
    [DataRow(Setups.Lateral, 3)]
    [DataRow(Setups.Feedback, 100)]
    [DataRow(Setups.BivariateFeedback, 100)]
    [DataRow(Setups.ThreePresentations, 3)]
    [DataRow(Setups.FeedbackOfThree, 100)]
    [DataRow(Setups.BivariateFeedbackOfFive, 100)]
    [DataRow(Setups.Random, 100)]
    [DataRow(Setups.Readout, 100)]
    public void Evaluation_is_the_mean_field_of_scoring(string setup, int lateral)
    {
        TrainingSettings settings = Setups.Settings(setup, hidden: 9).WithLateral(lateral);
        LabeledRows data = Problems.Blobs(70);
        FeatureScaling scaling = FeatureScalingEstimator.Estimate(data, Standardization.PerFeature);
        using NetworkState state = NetworkState.Create(settings, scaling, 3);
        using var engine = new CpuTrainingEngine(state, settings, 70);
        float[][] output = engine.Evaluate(data, [.. Enumerable.Range(0, 70)]);
        int[] signs = [1, -1, 1];
        InfomorphicNetwork network = state.ToNetwork(signs);
        for (int row = 0; row < 70; row++)
        {
            double[] expected = NaiveNetwork.Score(
                network,
                Problems.FeaturesOf(data, row),
                (theta, _, _) => 2 * theta - 1
            );
            double[] scores = [.. signs.Select((sign, k) => (double)sign * output[k][row])];
            double sum = scores.Sum(Math.Exp);
            for (int k = 0; k < 3; k++)
                Assert.AreEqual(expected[k], Math.Exp(scores[k]) / sum, 2e-6);
        }
    }

    // Gathering, kernels, products and optimiser, with batches of two sizes taking turns.
    [TestMethod]
    [DataRow(Setups.Full, 100)]
    [DataRow(Setups.Full, 3)]
    [DataRow(Setups.Context, 100)]
    [DataRow(Setups.Lateral, 3)]
    [DataRow(Setups.Feedback, 3)]
    [DataRow(Setups.FeedbackOfThree, 3)]
    [DataRow(Setups.Random, 100)]
    [DataRow(Setups.Readout, 100)]
    public void Steps_allocate_nothing(string setup, int lateral)
    {
        TrainingSettings settings = Setups.Settings(setup, hidden: 20).WithLateral(lateral) with { Threads = 2 };
        LabeledRows data = Problems.Blobs(200, weighted: true);
        FeatureScaling scaling = FeatureScalingEstimator.Estimate(data, Standardization.PerFeature);
        using NetworkState state = NetworkState.Create(settings, scaling, 3);
        using var engine = new CpuTrainingEngine(state, settings, 120);
        int[] full = [.. Enumerable.Range(0, 120)];
        int[] last = [.. Enumerable.Range(120, 80)];

        // Locks make their wait handle when a thread waits for the first time, whenever that is: what a step needs, it
        // needs in every round.
        long least = long.MaxValue;
        for (int round = 0; round < 5; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 20; i++)
            {
                engine.Step(data, full);
                engine.Step(data, last);
            }

            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.AreEqual(0, least);
    }

    private static void AssertClose(NaiveStep expected, NetworkState state)
    {
        foreach (LayerState layer in state.Layers)
        {
            double[][][] gradients = expected.Gradients[layer.Index];
            for (int i = 0; i < gradients.Length; i++)
            {
                double allowed = Precision * LargestInput * WeightOf(layer.Goal);
                Parameter parameter = layer.Parameters[i];
                for (int row = 0; row < gradients[i].Length; row++)
                for (int j = 0; j < gradients[i][row].Length; j++)
                    Assert.AreEqual(
                        gradients[i][row][j],
                        parameter.Gradient[row][j],
                        allowed,
                        $"layer {layer.Index}, parameter {i} [{row}, {j}]"
                    );
            }
        }
    }

    // A layer without a goal learns by a likelihood; its probabilities have roundings of their own.
    private static double WeightOf(GoalFunction? goal) =>
        goal is null ? 4 : goal.RedundancyCoefficients.Sum(Math.Abs) + Math.Abs(goal.ResidualWeight);

    // Adam's first step from the gradients that the engine has: η (g − λw) / (|g − λw| + ε). Weights of a layer that does
    // not learn stay as they are.
    private static void AssertFirstStepOfAdam(NetworkState state, float[][] before)
    {
        int i = 0;
        foreach (LayerState layer in state.Layers)
        foreach (Parameter parameter in layer.Parameters)
        {
            float[] gradients = parameter.Gradient.ToArray();
            float[] values = parameter.Value.ToArray();
            AdamSettings adam = layer.Optimizer;
            for (int j = 0; j < values.Length; j++)
            {
                if (!layer.Learns)
                {
                    Assert.AreEqual(before[i][j], values[j]);
                    continue;
                }

                double g = gradients[j] - adam.WeightDecay * before[i][j];
                double expected = before[i][j] + adam.LearningRate * g / (Math.Abs(g) + adam.Epsilon);
                // Where g cancels, single precision leaves 10⁻⁷ of its parts; ε is 10⁻⁸.
                double rounding = 1e-7 * Math.Abs(gradients[j]) / (Math.Abs(g) + adam.Epsilon);
                Assert.AreEqual(expected, values[j], adam.LearningRate * (1e-5 + 2 * rounding) + 1e-7);
            }

            i++;
        }
    }
}
