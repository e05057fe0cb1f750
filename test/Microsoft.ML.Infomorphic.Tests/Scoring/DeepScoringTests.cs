using System.IO.Hashing;
using System.Runtime.InteropServices;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Tests.Training;

namespace Microsoft.ML.Infomorphic.Tests.Scoring;

// Single precision through up to four layers and five presentations: sums of up to 70 products of order 1 are off by some
// 10⁻⁶, and each layer and presentation adds as much; 2·10⁻⁵ is allowed.
[TestClass]
public class DeepScoringTests
{
    private const double Precision = 2e-5;
    private const ulong Seed = 3;

    [TestMethod]
    public void Scores_are_those_of_the_naive_forward_pass()
    {
        foreach ((string name, InfomorphicNetwork network) in DeepNetworks.All)
        foreach (ScoringMode mode in Enum.GetValues<ScoringMode>())
        {
            const int Samples = 3;
            var scorer = new NetworkScorer(network, new ScoringSettings(mode, Samples, Seed, Calibrate: false));
            foreach (float[] row in Rows(25, density: 0.6))
            {
                float[] scores = new float[DeepNetworks.ClassCount];
                scorer.Score(row, scores);
                double[] expected = mode switch
                {
                    ScoringMode.MeanField => NaiveNetwork.Score(network, row, Mean),
                    ScoringMode.Thresholded => NaiveNetwork.Score(network, row, (theta, _, _) => theta >= 0.5 ? 1 : -1),
                    _ => MeanOf(Samples, sample => NaiveNetwork.Score(network, row, Drawing(network, row, sample))),
                };
                AssertClose(expected, scores, $"{name}, {mode}");
            }
        }
    }

    [TestMethod]
    public void Outputs_of_layers_are_the_means_of_the_naive_forward_pass()
    {
        foreach ((string name, InfomorphicNetwork network) in DeepNetworks.All)
        {
            // Whatever neurons pass on in scoring.
            var scorer = new NetworkScorer(network, new ScoringSettings(ScoringMode.Sampled));
            for (int layer = 0; layer < network.Layers.Count; layer++)
                foreach (float[] row in Rows(10, density: 0.6))
                {
                    float[] outputs = new float[network.Layers[layer].OutputCount];
                    scorer.LayerOutputs(row, layer, outputs);
                    AssertClose(NaiveNetwork.Outputs(network, row, layer, Mean), outputs, $"{name}, layer {layer}");
                }
        }
    }

    [TestMethod]
    public void Blocks_and_rows_without_their_zeros_have_the_bits_of_rows()
    {
        foreach ((string name, InfomorphicNetwork network) in DeepNetworks.All)
        foreach (ScoringMode mode in Enum.GetValues<ScoringMode>())
        foreach (double density in new[] { 0.02, 0.3, 1 })
        {
            var scorer = new NetworkScorer(network, new ScoringSettings(mode, Samples: 2, Seed));
            float[][] rows = Rows(44, density); // more than a tile
            rows[5][1] = float.NaN;
            rows[6][35] = float.PositiveInfinity;
            Array.Fill(rows[40], float.MaxValue);
            var block = new ScoringBlock(DeepNetworks.FeatureCount, DeepNetworks.ClassCount, rows.Length);
            float[] expected = new float[DeepNetworks.ClassCount];
            float[] sparse = new float[DeepNetworks.ClassCount];
            Fill(block, rows);
            scorer.Score(block);
            for (int i = 0; i < rows.Length; i++)
            {
                (int[] indices, float[] values) = WithoutZeros(rows[i]);
                scorer.Score(rows[i], expected);
                scorer.Score(indices, values, sparse);
                Assert.AreEqual(i is 5 or 6 || float.IsNaN(expected[0]), expected.All(float.IsNaN), $"{name}, row {i}");
                CollectionAssert.AreEqual(expected, sparse, $"{name}, {mode}, row {i} without zeros");
                CollectionAssert.AreEqual(
                    expected,
                    block.Probabilities(i).ToArray(),
                    $"{name}, {mode}, density {density}, row {i} in a block"
                );
            }
        }
    }

    [TestMethod]
    public void Outputs_of_layers_have_the_bits_of_rows_in_blocks()
    {
        foreach ((string name, InfomorphicNetwork network) in DeepNetworks.All)
        foreach (double density in new[] { 0.02, 1 })
        {
            var scorer = new NetworkScorer(network, new ScoringSettings());
            float[][] rows = Rows(40, density);
            rows[5][1] = float.NaN;
            var block = new ScoringBlock(DeepNetworks.FeatureCount, DeepNetworks.ClassCount, rows.Length);
            for (int layer = 0; layer < network.Layers.Count; layer++)
            {
                int count = network.Layers[layer].OutputCount;
                float[] expected = new float[count];
                float[] outputs = new float[rows.Length * (count + 1)];
                Fill(block, rows);
                scorer.LayerOutputs(block, layer, outputs, count + 1);
                for (int i = 0; i < rows.Length; i++)
                {
                    scorer.LayerOutputs(rows[i], layer, expected);
                    Assert.AreEqual(i == 5, expected.All(float.IsNaN), $"{name}, layer {layer}, row {i}");
                    CollectionAssert.AreEqual(
                        expected,
                        outputs[(i * (count + 1))..][..count],
                        $"{name}, layer {layer}, row {i}"
                    );
                }
            }
        }
    }

    // Of the last pixel, which lies in no field.
    [TestMethod]
    public void A_feature_that_no_neuron_is_connected_to_must_be_finite_as_well()
    {
        InfomorphicNetwork network = DeepNetworks
            .All.Single(of => of.Name.EndsWith("rest", StringComparison.Ordinal))
            .Network;
        Assert.IsFalse(
            Enumerable
                .Range(0, network.Layers[0].NeuronCount)
                .Any(n => network.Layers[0].Sources[0].Projections[0].Connectivity.InputsOf(n).Contains(35))
        );
        float[] row = Rows(1, 1)[0];
        row[35] = float.NaN;
        float[] scores = new float[DeepNetworks.ClassCount];
        new NetworkScorer(network, new ScoringSettings()).Score(row, scores);
        Assert.IsTrue(scores.All(float.IsNaN));
    }

    [TestMethod]
    [DoNotParallelize] // collections that other tests cause empty the pools that scoring takes memory from
    public void Rows_and_blocks_allocate_nothing_once_they_are_warm()
    {
        foreach ((string name, InfomorphicNetwork network) in DeepNetworks.All)
        foreach (ScoringMode mode in new[] { ScoringMode.MeanField, ScoringMode.Sampled })
        {
            var scorer = new NetworkScorer(network, new ScoringSettings(mode, Samples: 2, Seed));
            float[][] rows = Rows(64, 0.3);
            var block = new ScoringBlock(DeepNetworks.FeatureCount, DeepNetworks.ClassCount, rows.Length);
            float[] scores = new float[DeepNetworks.ClassCount];
            float[] outputs = new float[64 * network.Layers[0].OutputCount];
            void Score()
            {
                block.Clear();
                foreach (float[] row in rows)
                {
                    block.Add(row);
                    scorer.Score(row, scores);
                }

                scorer.Score(block);
                scorer.LayerOutputs(block, 0, outputs, network.Layers[0].OutputCount);
            }

            for (int i = 0; i < 5; i++)
                Score();
            Assert.AreEqual(0, Allocations.Of(Score), $"{name}, {mode}");
        }
    }

    [TestMethod]
    public void Layers_that_are_not_there_and_outputs_of_another_size_are_refused()
    {
        InfomorphicNetwork network = DeepNetworks.All[0].Network;
        var scorer = new NetworkScorer(network, new ScoringSettings());
        float[] row = Rows(1, 1)[0];
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => scorer.LayerOutputs(row, -1, new float[12]));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => scorer.LayerOutputs(row, 4, new float[12]));
        Assert.ThrowsExactly<ArgumentException>(() => scorer.LayerOutputs(row, 0, new float[11]));
        Assert.ThrowsExactly<ArgumentException>(() => scorer.LayerOutputs(row.AsSpan(1), 0, new float[12]));
    }

    private static double Mean(double theta, int stream, int neuron) => 2 * theta - 1;

    private static double[] MeanOf(int samples, Func<int, double[]> score)
    {
        double[][] all = [.. Enumerable.Range(0, samples).Select(score)];
        return [.. all[0].Select((_, k) => all.Average(scores => scores[k]))];
    }

    // The numbers drawn follow from the row: number j of n is word j/q of counter j mod q with q = ⌈n/4⌉.
    private static Func<double, int, int, double> Drawing(InfomorphicNetwork network, float[] row, int sample)
    {
        ulong key = XxHash3.HashToUInt64(MemoryMarshal.AsBytes<float>(row), (long)Seed);
        return (theta, stream, index) =>
        {
            InfomorphicLayer layer =
                stream is > 0 and < 64 && stream % 2 == 0 ? network.OutputLayer : network.Layers[stream / 64];
            int quarter = (layer.NeuronCount * (layer.Positions?.Count ?? 1) + 3) / 4;
            (uint w0, uint w1, uint w2, uint w3) = Philox.Generate(
                (uint)(index % quarter),
                (uint)stream,
                (uint)sample,
                0,
                key
            );
            uint[] words = [w0, w1, w2, w3];
            return Philox.ToUniform(words[index / quarter]) < theta ? 1 : -1;
        };
    }

    // Some in full, and some without their zeros.
    private static void Fill(ScoringBlock block, float[][] rows)
    {
        block.Clear();
        for (int i = 0; i < rows.Length; i++)
        {
            (int[] indices, float[] values) = WithoutZeros(rows[i]);
            if (i < 32 || i % 2 == 0)
                block.Add(indices, values);
            else
                block.Add(rows[i]);
        }
    }

    private static (int[] Indices, float[] Values) WithoutZeros(float[] row)
    {
        int[] indices = [.. Enumerable.Range(0, row.Length).Where(i => row[i] != 0)];
        return (indices, [.. indices.Select(i => row[i])]);
    }

    private static float[][] Rows(int count, double density) =>
        SparseRows.Draw(count, DeepNetworks.FeatureCount, density);

    private static void AssertClose(double[] expected, float[] actual, string message)
    {
        Assert.HasCount(expected.Length, actual);
        for (int i = 0; i < expected.Length; i++)
            Assert.AreEqual(expected[i], actual[i], Precision, message);
    }
}
