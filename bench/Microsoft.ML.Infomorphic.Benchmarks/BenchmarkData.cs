using System.Buffers.Binary;
using System.IO.Compression;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using static TorchSharp.torch;

namespace Microsoft.ML.Infomorphic.Benchmarks;

/// <summary>MNIST, or made-up rows of the same shape and sparsity.</summary>
/// <param name="Name">Which of them.</param>
/// <param name="Train">48,000 rows to train on.</param>
/// <param name="Test">Rows to test on.</param>
/// <param name="Scaling">The standardisation of the training rows.</param>
internal sealed record BenchmarkData(string Name, LabeledRows Train, LabeledRows Test, FeatureScaling Scaling)
{
    /// <summary>The folder that was read; null for made-up rows.</summary>
    public string? Folder { get; private init; }

    public const int Features = 784;
    public const int Classes = 10;
    public const string Synthetic = "synthetic";
    private const int TrainRows = 48_000;

    /// <summary>Reads MNIST.</summary>
    /// <param name="folder">The folder of its files, "synthetic", or null to look for data/mnist here and above.</param>
    public static BenchmarkData Load(string? folder)
    {
        if (folder != Synthetic && (folder ?? FindMnist()) is string found)
            return Create(
                "MNIST",
                Read(found, "train", maximum: TrainRows),
                Read(found, "t10k", maximum: int.MaxValue)
            ) with
            {
                Folder = found,
            };
        return Create(Synthetic, MakeUp(TrainRows, seed: 1), MakeUp(10_000, seed: 2));
    }

    /// <summary>Rows as a tensor, standardised: rows × features.</summary>
    public Tensor StandardizedFeatures(LabeledRows rows, Device device)
    {
        Tensor features = empty(rows.RowCount, Features, float32, CPU);
        float[] row = new float[Features];
        for (int i = 0; i < rows.RowCount; i++)
        {
            rows.Features.CopyRow(i, row);
            for (int feature = 0; feature < Features; feature++)
                row[feature] = (row[feature] - Scaling.Offsets[feature]) / Scaling.Scales[feature];
            using Tensor target = features[i];
            using Tensor source = from_array(row);
            target.copy_(source);
        }

        if (device.type == TorchSharp.DeviceType.CPU)
            return features;
        Tensor moved = features.to(device);
        features.Dispose();
        return moved;
    }

    private static BenchmarkData Create(string name, LabeledRows train, LabeledRows test) =>
        new(name, train, test, FeatureScalingEstimator.Estimate(train, Standardization.Global));

    private static string? FindMnist()
    {
        for (DirectoryInfo? above = new(Directory.GetCurrentDirectory()); above is not null; above = above.Parent)
        {
            string candidate = Path.Combine(above.FullName, "data", "mnist");
            if (Directory.Exists(candidate))
                return candidate;
        }

        return null;
    }

    private static LabeledRows Read(string folder, string part, int maximum)
    {
        byte[] images = ReadIdx(Path.Combine(folder, $"{part}-images-idx3-ubyte.gz"), out int count);
        byte[] labels = ReadIdx(Path.Combine(folder, $"{part}-labels-idx1-ubyte.gz"), out _);
        count = Math.Min(count, maximum);
        float[] values = new float[count * Features];
        for (int i = 0; i < values.Length; i++)
            values[i] = images[i] / 255f;
        return new LabeledRows(
            new DenseFeatureMatrix(count, Features, values),
            [.. labels.Take(count).Select(label => (int)label)],
            null,
            Classes
        );
    }

    // IDX: two zeros, the type, the number of dimensions, their sizes (big-endian), the bytes.
    private static byte[] ReadIdx(string path, out int count)
    {
        using var memory = new MemoryStream();
        using (var stream = new GZipStream(File.OpenRead(path), CompressionMode.Decompress))
            stream.CopyTo(memory);
        ReadOnlySpan<byte> all = memory.GetBuffer().AsSpan(0, (int)memory.Length);
        count = BinaryPrimitives.ReadInt32BigEndian(all[4..]);
        return all[(4 + 4 * all[3])..].ToArray();
    }

    // A fifth of the pixels lit: each class has a pattern of its own that its rows follow nine times in ten.
    private static LabeledRows MakeUp(int count, ulong seed)
    {
        const float Lit = 0.19f;
        var patternRandom = new RandomStream(0, 0);
        bool[] patterns = new bool[Classes * Features];
        for (int i = 0; i < patterns.Length; i++)
            patterns[i] = patternRandom.NextUniform() < Lit;
        var random = new RandomStream(seed, 1);
        float[] values = new float[count * Features];
        int[] labels = new int[count];
        for (int row = 0; row < count; row++)
        {
            labels[row] = random.NextInteger(Classes);
            for (int feature = 0; feature < Features; feature++)
            {
                bool follows = random.NextUniform() < 0.9f;
                bool lit = follows ? patterns[labels[row] * Features + feature] : random.NextUniform() < Lit;
                values[row * Features + feature] = lit ? random.NextUniform() : 0;
            }
        }

        return new LabeledRows(new DenseFeatureMatrix(count, Features, values), labels, null, Classes);
    }
}
