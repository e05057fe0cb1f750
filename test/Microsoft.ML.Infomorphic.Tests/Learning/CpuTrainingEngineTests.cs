using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Learning;

namespace Microsoft.ML.Infomorphic.Tests.Learning;

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
    public void A_step_is_that_of_the_naive_computation(int hidden, int lateral, int rows, bool weighted)
    {
        LearningSettings settings = Problems.Settings(hidden) with { MaximumLateralConnections = lateral, Threads = 2 };
        LabeledRows data = Problems.Blobs(200, seed: 3, weighted: weighted);
        int[] batch = [.. Enumerable.Range(0, rows).Select(i => (i * 7 + 3) % 200)];
        FeatureScaling scaling = FeatureScalingEstimator.Estimate(data, Standardization.PerFeature);
        using NetworkState state = NetworkState.Create(settings, scaling, 3);
        using var engine = new CpuTrainingEngine(state, settings, rows);
        for (int step = 1; step <= 2; step++)
        {
            var expected = new NaiveStep(state, settings, data, batch, step);
            Assert.IsGreaterThan(1e-6, expected.Margin, "another seed is needed: rounding may decide");
            float[][] before = state.Snapshot();
            var statistics = new InformationStatistics(state, settings);
            engine.Step(data, batch, statistics);

            AssertClose(expected.FeatureWeights, state.FeatureWeights, settings.Goal);
            AssertClose(expected.LabelWeights, state.LabelWeights, settings.Goal);
            AssertClose(expected.LateralWeights, state.LateralWeights, settings.Goal);
            AssertClose(expected.HiddenBiases, state.HiddenBiases, settings.Goal);
            AssertClose(expected.OutputWeights, state.OutputWeights, settings.OutputGoal);
            AssertClose(expected.OutputBiases, state.OutputBiases, settings.OutputGoal);
            if (step == 1)
                AssertFirstStepOfAdam(state, before, settings);
            Assert.AreEqual(expected.Goal, GoalOf(settings.Goal, statistics.Hidden), 2e-5);
            Assert.AreEqual(expected.OutputGoal, GoalOf(settings.OutputGoal, statistics.Output), 2e-5);
        }

        // The atoms' weights c are up to 10 and redundancies are good to 10⁻⁶.
        static double GoalOf(GoalFunction goal, LayerStatistics statistics) =>
            LayerStatistics.GoalOf(goal, statistics.MeanAtoms());
    }

    // The last batch of an epoch is smaller than the others.
    [TestMethod]
    public void Batches_of_changing_size_are_those_of_fresh_engines()
    {
        LearningSettings settings = Problems.Settings(8) with { MaximumLateralConnections = 3 };
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
            engine.Step(data, batch, null);
            AssertClose(expected.FeatureWeights, state.FeatureWeights, settings.Goal);
            AssertClose(expected.LateralWeights, state.LateralWeights, settings.Goal);
            AssertClose(expected.OutputWeights, state.OutputWeights, settings.OutputGoal);
        }
    }

    // A row of weight 2 is two rows. Peers are silenced, so that which random numbers a row gets does not matter to
    // hidden neurons.
    [TestMethod]
    public void A_row_of_weight_two_is_two_rows()
    {
        LearningSettings settings = Problems.Settings(8);
        LabeledRows data = Problems.Blobs(60);
        float[] weights = [.. Enumerable.Range(0, 60).Select(i => i < 20 ? 2f : 1f)];
        float[][] repeated = Gradients(data, [.. Enumerable.Range(0, 60), .. Enumerable.Range(0, 20)]);
        float[][] weighted = Gradients(data with { Weights = weights }, [.. Enumerable.Range(0, 60)]);
        for (int i = 0; i < repeated.Length; i++)
        {
            for (int j = 0; j < repeated[i].Length; j++)
                Assert.AreEqual(repeated[i][j], weighted[i][j], 2 * Precision * LargestInput * WeightOf(settings.Goal));
        }

        float[][] Gradients(LabeledRows rows, int[] batch)
        {
            FeatureScaling scaling = FeatureScalingEstimator.Estimate(data, Standardization.PerFeature);
            using NetworkState state = NetworkState.Create(settings, scaling, 3);
            state.LateralWeights.Value.CopyFrom(new float[64]);
            using var engine = new CpuTrainingEngine(state, settings, batch.Length);
            engine.Step(rows, batch, null);
            return
            [
                state.FeatureWeights.Gradient.ToArray(),
                state.LabelWeights.Gradient.ToArray(),
                state.HiddenBiases.Gradient.ToArray(),
            ];
        }
    }

    // The same forward pass as scoring's, up to rounding: training folds the standardisation in only at its end.
    [TestMethod]
    [DataRow(100)]
    [DataRow(3)]
    public void Evaluation_is_the_mean_field_of_scoring(int lateral)
    {
        LearningSettings settings = Problems.Settings(9) with { MaximumLateralConnections = lateral };
        LabeledRows data = Problems.Blobs(70);
        FeatureScaling scaling = FeatureScalingEstimator.Estimate(data, Standardization.PerFeature);
        using NetworkState state = NetworkState.Create(settings, scaling, 3);
        using var engine = new CpuTrainingEngine(state, settings, 70);
        TensorMatrix output = engine.Evaluate(data, [.. Enumerable.Range(0, 70)]);
        InfomorphicNetwork network = state.ToNetwork([1, 1, 1]);
        for (int row = 0; row < 70; row++)
        {
            double[] expected = NaiveNetwork.Score(
                network,
                Problems.FeaturesOf(data, row),
                (theta, _, _) => 2 * theta - 1
            );
            double[] scores = [output[0][row], output[1][row], output[2][row]];
            double sum = scores.Sum(Math.Exp);
            for (int k = 0; k < 3; k++)
                Assert.AreEqual(expected[k], Math.Exp(scores[k]) / sum, 2e-6);
        }
    }

    // Gathering, kernels, products and optimiser, with batches of two sizes taking turns.
    [TestMethod]
    [DataRow(100)]
    [DataRow(3)]
    public void Steps_allocate_nothing(int lateral)
    {
        LearningSettings settings = Problems.Settings(20) with { MaximumLateralConnections = lateral, Threads = 2 };
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
                engine.Step(data, full, null);
                engine.Step(data, last, null);
            }

            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.AreEqual(0, least);
    }

    private static void AssertClose(double[][] expected, Parameter actual, GoalFunction goal)
    {
        double allowed = Precision * LargestInput * WeightOf(goal);
        for (int row = 0; row < expected.Length; row++)
        for (int i = 0; i < expected[row].Length; i++)
            Assert.AreEqual(expected[row][i], actual.Gradient[row][i], allowed, $"[{row}, {i}]");
    }

    private static double WeightOf(GoalFunction goal) =>
        goal.RedundancyCoefficients.Sum(Math.Abs) + Math.Abs(goal.ResidualWeight);

    // Adam's first step from the gradients that the engine has: η (g − λw) / (|g − λw| + ε).
    private static void AssertFirstStepOfAdam(NetworkState state, float[][] before, LearningSettings settings)
    {
        (Parameter Parameter, AdamSettings Settings)[] parameters =
        [
            (state.FeatureWeights, settings.HiddenOptimizer),
            (state.LabelWeights, settings.HiddenOptimizer),
            (state.LateralWeights, settings.HiddenOptimizer),
            (state.HiddenBiases, settings.HiddenOptimizer),
            (state.OutputWeights, settings.OutputOptimizer),
            (state.OutputBiases, settings.OutputOptimizer),
        ];
        for (int i = 0; i < parameters.Length; i++)
        {
            (Parameter parameter, AdamSettings adam) = parameters[i];
            float[] gradients = parameter.Gradient.ToArray();
            float[] values = parameter.Value.ToArray();
            for (int j = 0; j < values.Length; j++)
            {
                double g = gradients[j] - adam.WeightDecay * before[i][j];
                double expected = before[i][j] + adam.LearningRate * g / (Math.Abs(g) + adam.Epsilon);
                // Where g cancels, single precision leaves 10⁻⁷ of its parts; ε is 10⁻⁸.
                double rounding = 1e-7 * Math.Abs(gradients[j]) / (Math.Abs(g) + adam.Epsilon);
                Assert.AreEqual(expected, values[j], adam.LearningRate * (1e-5 + 2 * rounding) + 1e-7);
            }
        }
    }
}
