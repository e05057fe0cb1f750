using Microsoft.ML.Infomorphic.Benchmarks.Measuring;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Infomorphic.Training.Torch;
using TorchSharp;

namespace Microsoft.ML.Infomorphic.Tests.Training.Torch;

/// <summary>
/// How many operations a training step asks a device for: each is a launch, and a small network's step takes as long as its
/// launches do.
/// </summary>
[TestClass]
[DoNotParallelize] // Only one counter counts at a time.
[OSCondition(OperatingSystems.Linux)]
public class OperationsTests
{
    // 87, when this was written; and 269 while the goals of each layer were computed by themselves.
    private const int Most = 89;

    [TestMethod]
    [DataRow(100, 1, false)]
    [DataRow(10, 1, false)]
    [DataRow(100, 3, false)]
    [DataRow(100, 1, true)]
    [DataRow(100, 3, true)]
    public void A_step_is_few_operations(int hidden, int networks, bool softmax)
    {
        IReadOnlyDictionary<string, int> counts = CountStep(hidden, networks, softmax);

        // Products of several networks with their own outputs are added to the biases one by one.
        int most = Most + (networks > 1 ? 8 : 0);
        Assert.IsLessThanOrEqualTo(
            most,
            counts.Values.Sum(),
            string.Join(", ", counts.Select(of => $"{of.Key} {of.Value}"))
        );
        Assert.IsGreaterThanOrEqualTo(30, counts.Values.Sum());
    }

    [TestMethod]
    public void Operations_are_counted_once_and_views_are_not()
    {
        using torch.Tensor ones = torch.ones(4, 4);
        using var counter = new OperationCounter();

        using torch.Tensor view = ones.t().narrow(0, 1, 2);
        using torch.Tensor copy = view.contiguous();
        using torch.Tensor sum = copy + copy;
        using torch.Tensor first = sum[0];
        CollectionAssert.AreEquivalent(
            new Dictionary<string, int> { ["aten::add"] = 1, ["aten::copy_"] = 1 },
            counter.Counts.ToDictionary()
        );
    }

    private static IReadOnlyDictionary<string, int> CountStep(int hidden, int networks, bool softmax)
    {
        LabeledRows rows = Problems.Blobs(300);
        TrainingSettings settings = Problems.Settings(hidden).WithLateral(int.MaxValue);
        if (softmax)
            settings = settings with { Output = settings.Output with { Goal = null } };
        NetworkState[] states =
        [
            .. Enumerable
                .Range(0, networks)
                .Select(_ =>
                    NetworkState.Create(
                        settings,
                        FeatureScalingEstimator.Estimate(rows, settings.Standardization),
                        rows.ClassCount
                    )
                ),
        ];
        using var engine = new TensorTrainingEngine(states, settings, 100, torch.CPU);
        int[] order = [.. Enumerable.Range(0, 300)];
        engine.Announce(order);

        // Random numbers are drawn, and memory is taken, for several steps at once.
        engine.Step(rows, order.AsSpan(0, 100));
        using var counter = new OperationCounter();
        engine.Step(rows, order.AsSpan(100, 100));
        foreach (NetworkState state in states)
            state.Dispose();
        return counter.Counts;
    }
}
