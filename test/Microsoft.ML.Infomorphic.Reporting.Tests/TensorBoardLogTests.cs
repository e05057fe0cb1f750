using System.Buffers.Binary;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Training;
using Tensorboard;

namespace Microsoft.ML.Infomorphic.Reporting.Tests;

/// <summary>Event files are read by TorchSharp's generated messages, which know nothing of ours.</summary>
[TestClass]
public sealed class TensorBoardLogTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("runs").FullName;
    private readonly MLContext _context = new(1);

    [TestCleanup]
    public void Clean() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void The_checksum_is_CRC32C()
    {
        // The check value of the algorithm.
        Assert.AreEqual(0xE3069283, Crc32C("123456789"u8));
    }

    [TestMethod]
    public void Every_number_picture_and_distribution_is_in_the_event_of_its_epoch()
    {
        InfomorphicModelParameters model = TinyModel.Create(_context);
        IDataView data = TinyModel.Data(_context);
        EpochRecord epoch = model.History.Epochs[^1];
        using (var log = new TensorBoardLog(_folder, data))
            log.Write(Checkpoint(model));

        Event[] events = Events();
        Assert.AreEqual("brain.Event:2", events[0].FileVersion);
        Assert.HasCount(2, events);
        Assert.AreEqual(12, events[1].Step);
        Assert.IsLessThan(60, Math.Abs(DateTimeOffset.UtcNow.ToUnixTimeSeconds() - events[1].WallTime));
        var values = events[1].Summary.Value.ToDictionary(value => value.Tag);
        Assert.AreEqual((float)epoch.TrainingAccuracy, values["accuracy/training"].SimpleValue);
        Assert.AreEqual((float)epoch.ValidationAccuracy!, values["accuracy/validation"].SimpleValue);
        Assert.AreEqual((float)epoch.ValidationLogLoss!, values["log-loss/validation, nats"].SimpleValue);
        Assert.AreEqual((float)epoch.HiddenLayers[0].Goal, values["hidden layer/goal, bits"].SimpleValue);
        Assert.AreEqual(
            (float)epoch.HiddenLayers[0].SelfCosineDistance,
            values["hidden layer/self-cosine distance"].SimpleValue
        );
        // In the paper's order: {F}{C} is the second of 18 atoms, the residual entropy the last.
        Assert.AreEqual((float)epoch.HiddenLayers[0].Atoms[1], values["hidden layer atoms, bits/{F}{C}"].SimpleValue);
        Assert.AreEqual((float)epoch.HiddenLayers[0].Atoms[18], values["hidden layer atoms, bits/H_res"].SimpleValue);
        Assert.AreEqual((float)epoch.OutputLayer.Goal, values["output layer/goal, bits"].SimpleValue);

        Summary.Types.Image image = values["hidden layer/receptive fields"].Image;
        byte[] png = image.EncodedImageString.ToByteArray();
        CollectionAssert.AreEqual("PNG"u8.ToArray(), png[1..4]);
        Assert.AreEqual(image.Width, BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(16)));
        Assert.AreEqual(image.Height, BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(20)));

        LayerInsight hidden = model.Explain(data).HiddenLayers[0];
        double gamma = hidden.Layer.Goal!.Gamma[1];
        HistogramProto terms = values["hidden layer terms of the goal, bits/{F}{C}"].Histo;
        double[] expected = [.. hidden.Neurons.Select(neuron => gamma * neuron.Information.Atoms[1])];
        Assert.AreEqual(expected.Length, terms.Num);
        Assert.AreEqual(expected.Length, terms.Bucket.Sum());
        Assert.AreEqual(expected.Sum(), terms.Sum, 1e-12);
        Assert.AreEqual(expected.Sum(term => term * term), terms.SumSquares, 1e-12);
        Assert.AreEqual(expected.Min(), terms.Min);
        Assert.AreEqual(expected.Max(), terms.Max);
        Assert.AreEqual(terms.Max, terms.BucketLimit[^1]);
        for (int bucket = 0; bucket < terms.Bucket.Count - 1; bucket++)
            Assert.AreEqual(
                expected.Count(term => term < terms.BucketLimit[bucket] - 1e-9),
                terms.Bucket.Take(bucket + 1).Sum(),
                1 // one of them may be on the edge
            );
    }

    [TestMethod]
    public void A_viewer_reads_what_is_written_while_the_training_goes_on()
    {
        InfomorphicModelParameters model = TinyModel.Create(_context, network: TinyModel.Deep());
        using var log = new TensorBoardLog(_folder);
        log.Write(Checkpoint(model));

        Event[] events = Events();
        Assert.HasCount(2, events);
        Assert.IsTrue(events[1].Summary.Value.Any(value => value.Tag == "hidden layer 2/goal, bits"));
        // Nobody gave data to look at the neurons on.
        Assert.IsFalse(events[1].Summary.Value.Any(value => value.Image is not null || value.Histo is not null));
        log.Write(Checkpoint(model));
        Assert.HasCount(3, Events());
    }

    [TestMethod]
    public void A_distribution_of_equal_numbers_has_one_bucket()
    {
        using (var file = new EventFile(_folder))
            file.Write(7, [EventFile.Histogram("equal", [0.5, 0.5, 0.5])]);

        HistogramProto histogram = Events()[1].Summary.Value.Single().Histo;
        Assert.AreEqual(0.5, histogram.BucketLimit.Single());
        Assert.AreEqual(3, histogram.Bucket.Single());
    }

    [TestMethod]
    public void A_log_that_is_closed_says_so()
    {
        var log = new TensorBoardLog(_folder);
        log.Dispose();
        Assert.ThrowsExactly<ObjectDisposedException>(() => log.Write(Checkpoint(TinyModel.Create(_context))));
    }

    internal static TrainingCheckpoint Checkpoint(InfomorphicModelParameters model) =>
        new(model.History, 20, () => model);

    // tfrecord: the length, its checksum, the message, its checksum.
    private Event[] Events()
    {
        string path = Directory.GetFiles(_folder).Single();
        StringAssert.StartsWith(Path.GetFileName(path), "events.out.tfevents.");
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new BinaryReader(file);
        var events = new List<Event>();
        while (file.Position < file.Length)
        {
            byte[] length = reader.ReadBytes(8);
            Assert.AreEqual(Masked(length), reader.ReadUInt32());
            byte[] message = reader.ReadBytes((int)BitConverter.ToUInt64(length));
            Assert.AreEqual(Masked(message), reader.ReadUInt32());
            events.Add(Event.Parser.ParseFrom(message));
        }
        return [.. events];
    }

    private static uint Masked(ReadOnlySpan<byte> data)
    {
        uint crc = Crc32C(data);
        return unchecked(((crc >> 15) | (crc << 17)) + 0xA282EAD8u);
    }

    // Bit by bit, with the reversed polynomial.
    private static uint Crc32C(ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in data)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ ((crc & 1) == 1 ? 0x82F63B78u : 0);
        }
        return ~crc;
    }
}
