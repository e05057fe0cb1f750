using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;

namespace Microsoft.ML.Infomorphic.Tests.Insight;

[TestClass]
public sealed class RowContributionsTests
{
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
        float[] rows = Rows(3, 36);
        double[] errors = [.. new[] { 4, 64 }.Select(pieces => Error(network, rows, pieces))];
        Console.WriteLine($"{shape}: {errors[0]:E2} with 4 pieces, {errors[1]:E2} with 64");
    }

    private static double Error(InfomorphicNetwork network, float[] rows, int pieces)
    {
        float[] contributions = Calculate([network], rows, pieces);
        double error = 0;
        for (int row = 0; row < rows.Length / 36; row++)
        {
            double[][] expected = NaiveContributions.OfPath(
                [network],
                new float[36],
                rows[(row * 36)..((row + 1) * 36)],
                nodes: 48
            );
            for (int k = 0; k < 3; k++)
            for (int i = 0; i < 36; i++)
                error = Math.Max(error, Math.Abs(expected[k][i] - contributions[(row * 3 + k) * 36 + i]));
        }

        return error;
    }

    private static float[] Calculate(
        IReadOnlyList<InfomorphicNetwork> networks,
        float[] rows,
        int pieces = RowContributions.DefaultPieces,
        FeatureEncoding? encoding = null
    )
    {
        var settings = new ScoringSettings();
        encoding ??= FeatureEncoding.None(networks[0].FeatureCount);
        var scorer = new EnsembleScorer(networks, settings, encoding);
        var of = new RowContributions(networks, settings, encoding, scorer, pieces);
        int classes = of.ClassCount;
        int count = rows.Length / of.FeatureCount;
        float[] contributions = new float[count * classes * of.FeatureCount];
        of.Calculate(
            rows,
            [.. Enumerable.Range(0, classes)],
            of.NewWorkspace(),
            contributions,
            new float[count * classes]
        );
        return contributions;
    }

    private static float[] Rows(int count, int features)
    {
        var random = new Random(count);
        return [.. Enumerable.Range(0, count * features).Select(_ => random.Next(-32, 33) / 32f)];
    }

    // With weights of features that leave neurons room to differ.
    private static InfomorphicNetwork Gentle(InfomorphicNetwork network)
    {
        foreach (Projection projection in network.Layers.SelectMany(layer => layer.Sources).SelectMany(source => source.Projections))
            for (int i = 0; i < projection.Weights.Length; i++)
                projection.Weights[i] /= 4;
        return network;
    }
}
