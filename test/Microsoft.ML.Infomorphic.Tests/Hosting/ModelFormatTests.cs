using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Tests.Training;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Hosting;

[TestClass]
public class ModelFormatTests
{
    private static readonly byte[] Saved = Save(Samples.Contents());

    [TestMethod]
    public void A_model_is_read_as_it_was_written_to_the_bit()
    {
        ModelContents original = Samples.Contents();

        ModelContents read = Read(Saved);

        CollectionAssert.AreEqual(Saved, Save(read));
        Assert.AreEqual(original.Scoring, read.Scoring);
        Assert.AreEqual(original.Settings, read.Settings);
        Assert.AreEqual(original.History.BestEpoch, read.History.BestEpoch);
        Assert.AreEqual(original.History.Steps, read.History.Steps);
        Assert.AreEqual(original.History.SkippedRows, read.History.SkippedRows);
        CollectionAssert.AreEqual(original.History.Warnings.ToArray(), read.History.Warnings.ToArray());
        Assert.AreEqual(original.History.StepSeconds, read.History.StepSeconds);
        for (int i = 0; i < original.History.Epochs.Count; i++)
        {
            EpochRecord epoch = original.History.Epochs[i];
            EpochRecord readEpoch = read.History.Epochs[i];
            Assert.HasCount(epoch.HiddenLayers.Count, readEpoch.HiddenLayers);
            foreach ((LayerProgress layer, LayerProgress readLayer) in epoch.Layers.Zip(readEpoch.Layers))
            {
                CollectionAssert.AreEqual(layer.Atoms.ToArray(), readLayer.Atoms.ToArray());
                Assert.AreEqual(layer, readLayer with { Atoms = layer.Atoms });
            }

            Assert.AreEqual(
                epoch,
                readEpoch with
                {
                    HiddenLayers = epoch.HiddenLayers,
                    OutputLayer = epoch.OutputLayer,
                }
            );
        }
        Assert.AreEqual(original.Network.FeatureScaling.Kind, read.Network.FeatureScaling.Kind);
        CollectionAssert.AreEqual(original.Network.FeatureScaling.Offsets, read.Network.FeatureScaling.Offsets);
        CollectionAssert.AreEqual(original.Network.FeatureScaling.Scales, read.Network.FeatureScaling.Scales);
        AssertSame(original.Network.HiddenLayers[0], read.Network.HiddenLayers[0]);
        AssertSame(original.Network.OutputLayer, read.Network.OutputLayer);
    }

    // docs/FAQ.md says why two files of one model differ.
    [TestMethod]
    public void Models_of_one_seed_differ_in_the_seconds_that_they_took_alone()
    {
        byte[][] saved = [.. Enumerable.Range(0, 2).Select(_ => SaveWithoutSeconds())];

        CollectionAssert.AreEqual(saved[0], saved[1]);

        static byte[] SaveWithoutSeconds()
        {
            var context = new MLContext();
            ModelContents contents = Samples.Trainer(context).Fit(Samples.View(context)).Model.Contents;
            TrainingHistory history = contents.History with
            {
                Seconds = 0,
                StepSeconds = 0,
                Epochs = [.. contents.History.Epochs.Select(epoch => epoch with { Seconds = 0 })],
            };
            return Save(
                new ModelContents(contents.Network, history, contents.Settings, contents.Scoring, contents.Encoding)
            );
        }
    }

    [TestMethod]
    [DynamicData(nameof(Setups.All), typeof(Setups))]
    public void A_model_of_every_setup_is_read_as_it_was_written_and_refused_where_it_is_damaged(string setup)
    {
        ModelContents original = Contents(setup);
        byte[] saved = Save(original);

        ModelContents read = Read(saved);

        CollectionAssert.AreEqual(saved, Save(read));
        Assert.AreEqual(original.Settings, read.Settings);
        Assert.HasCount(original.Network.HiddenLayers.Count, read.Network.HiddenLayers);
        foreach (
            (InfomorphicLayer one, InfomorphicLayer other) in original.Network.HiddenLayers.Zip(
                read.Network.HiddenLayers
            )
        )
            AssertSame(one, other);
        AssertSame(original.Network.OutputLayer, read.Network.OutputLayer);
        for (int i = 0; i < saved.Length; i += 3)
        {
            AssertRefused(saved[..i], $"cut off after {i} bytes");
            var flipped = (byte[])saved.Clone();
            flipped[i] ^= (byte)(1 << (i % 8));
            AssertRefused(flipped, $"byte {i} flipped");
        }

        static ModelContents Contents(string setup)
        {
            TrainingSettings settings = Setups.Settings(setup, hidden: 4).WithLateral(2);
            FeatureScaling scaling = new(Standardization.PerFeature, [1, 2, 3, 4], [1, 2, 3, 0.5f]);
            using NetworkState state = NetworkState.Create(settings, scaling, 3);
            ModelContents contents = Samples.Contents();
            EpochRecord[] epochs =
            [
                .. contents.History.Epochs.Select(epoch =>
                    epoch with
                    {
                        HiddenLayers = [.. epoch.HiddenLayers.Take(settings.HiddenLayers.Count)],
                    }
                ),
            ];
            return new ModelContents(
                state.ToNetwork([1, -1, 0]),
                contents.History with
                {
                    Epochs = epochs,
                },
                settings,
                contents.Scoring
            );
        }
    }

    [TestMethod]
    public void A_model_that_is_cut_off_anywhere_is_refused()
    {
        for (int length = 0; length < Saved.Length; length++)
            AssertRefused(Saved[..length], $"cut off after {length} bytes");
    }

    [TestMethod]
    public void A_model_with_any_bit_flipped_is_refused()
    {
        for (int i = 0; i < Saved.Length; i++)
        {
            var flipped = (byte[])Saved.Clone();
            flipped[i] ^= (byte)(1 << (i % 8));
            AssertRefused(flipped, $"byte {i} flipped");
        }
    }

    [TestMethod]
    public void A_gigantic_count_is_refused_before_it_takes_memory()
    {
        // The number of features, at offset 1, and of neurons, behind scaling, layers, sources, symbol and kind.
        int neurons = 1 + 4 + 2 * 4 * Samples.FeatureCount + 4 + 1 + 2;
        foreach (int offset in (int[])[1, neurons, neurons + 4])
        {
            var hostile = (byte[])Saved.Clone();
            BitConverter.TryWriteBytes(hostile.AsSpan(offset), int.MaxValue);
            long before = GC.GetAllocatedBytesForCurrentThread();

            AssertRefused(hostile, $"count at {offset}");

            // An exception and its stack trace take some kilobytes; the count asks for 8 GB and more.
            Assert.IsLessThan(1 << 20, GC.GetAllocatedBytesForCurrentThread() - before);
        }
    }

    [TestMethod]
    public void Foreign_bytes_are_refused()
    {
        var random = new Random(1);
        for (int i = 0; i < 1000; i++)
        {
            var foreign = new byte[random.Next(2000)];
            random.NextBytes(foreign);
            AssertRefused(foreign, $"foreign {i}");
        }
    }

    [TestMethod]
    public void A_full_disk_is_an_IO_error()
    {
        using var full = new FullDisk(capacity: 100);

        Assert.ThrowsExactly<IOException>(() => ModelFormat.Write(full, Samples.Contents()));
    }

    private static void AssertRefused(byte[] bytes, string what)
    {
        try
        {
            Read(bytes);
        }
        catch (Exception exception) when (exception is FormatException or ArgumentException)
        {
            return;
        }
        Assert.Fail($"A model was read: {what}.");
    }

    private static void AssertSame(InfomorphicLayer expected, InfomorphicLayer actual)
    {
        Assert.AreEqual(expected.Goal, actual.Goal);
        Assert.AreEqual(expected.Activation, actual.Activation);
        Assert.AreEqual(expected.Binning, actual.Binning);
        Assert.HasCount(expected.Sources.Count, actual.Sources);
        for (int i = 0; i < expected.Sources.Count; i++)
        {
            Source one = expected.Sources[i];
            Source other = actual.Sources[i];
            Assert.AreEqual(
                (one.Symbol, one.Signal, one.NeuronCount, one.InputCount),
                (other.Symbol, other.Signal, other.NeuronCount, other.InputCount)
            );
            CollectionAssert.AreEqual(one.Weights, other.Weights);
            CollectionAssert.AreEqual(one.Biases, other.Biases);
            CollectionAssert.AreEqual(one.Connections, other.Connections);
        }
    }

    private static byte[] Save(ModelContents contents)
    {
        using var stream = new MemoryStream();
        ModelFormat.Write(stream, contents);
        return stream.ToArray();
    }

    private static ModelContents Read(byte[] bytes) => ModelFormat.Read(new MemoryStream(bytes), bytes.Length);
}
