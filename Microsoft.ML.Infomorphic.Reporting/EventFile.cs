using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using Microsoft.ML.Infomorphic.Hosting;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>
/// An event file of TensorBoard: records of a length, the length's checksum, a message and the message's checksum (TensorFlow's
/// tfrecord format); messages are <c>tensorflow.Event</c> (event.proto, summary.proto). Each record is flushed, so that a
/// viewer sees it at once.
/// </summary>
internal sealed class EventFile : IDisposable
{
    private readonly FileStream _file;

    /// <param name="folder">The folder of a run; it is made where it is missing. Each file has a name of its own.</param>
    public EventFile(string folder)
    {
        Directory.CreateDirectory(folder);
        string name = string.Create(
            CultureInfo.InvariantCulture,
            $"events.out.tfevents.{DateTimeOffset.UtcNow.ToUnixTimeSeconds():D10}.{Environment.MachineName}.{Environment.ProcessId}.{Guid.NewGuid():N}"
        );
        _file = new FileStream(Path.Combine(folder, name), FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite);
        Write(new WireMessage().AddDouble(1, Now()).Add(3, "brain.Event:2"));
    }

    /// <summary>A number.</summary>
    /// <returns>The value of a summary.</returns>
    public static WireMessage Scalar(string tag, double value) =>
        new WireMessage().Add(1, tag).AddSingle(2, (float)value);

    /// <summary>A picture.</summary>
    /// <returns>The value of a summary.</returns>
    public static WireMessage Image(string tag, Picture picture) =>
        new WireMessage()
            .Add(1, tag)
            .Add(
                4,
                new WireMessage()
                    .Add(1, picture.Height)
                    .Add(2, picture.Width)
                    .Add(3, 4) // red, green, blue, alpha
                    .AddRaw(4, picture.ToPng())
            );

    /// <summary>How numbers are distributed: 30 buckets from the smallest to the largest.</summary>
    /// <param name="tag">What they are.</param>
    /// <param name="values">At least one number.</param>
    /// <returns>The value of a summary.</returns>
    public static WireMessage Histogram(string tag, IReadOnlyList<double> values)
    {
        const int Buckets = 30;
        double low = values.Min();
        double high = values.Max();
        double width = (high - low) / Buckets;
        double[] limits = width > 0 ? [.. Enumerable.Range(1, Buckets).Select(i => low + i * width)] : [high];
        limits[^1] = high;
        var counts = new double[limits.Length];
        foreach (double value in values)
            counts[width > 0 ? Math.Min((int)((value - low) / width), Buckets - 1) : 0]++;
        return new WireMessage()
            .Add(1, tag)
            .Add(
                5,
                new WireMessage()
                    .AddDouble(1, low)
                    .AddDouble(2, high)
                    .AddDouble(3, values.Count)
                    .AddDouble(4, values.Sum())
                    .AddDouble(5, values.Sum(value => value * value))
                    .AddRaw(6, limits)
                    .AddRaw(7, counts)
            );
    }

    /// <summary>Writes an event.</summary>
    /// <param name="step">The step on TensorBoard's axis, not negative.</param>
    /// <param name="values">Values of a summary.</param>
    public void Write(long step, IEnumerable<WireMessage> values)
    {
        var summary = new WireMessage();
        foreach (WireMessage value in values)
            summary.Add(1, value);
        Write(new WireMessage().AddDouble(1, Now()).Add(2, step).Add(5, summary));
    }

    public void Dispose() => _file.Dispose();

    private void Write(WireMessage message)
    {
        using var record = new MemoryStream();
        Span<byte> length = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, message.Length);
        record.Write(length);
        WriteChecksum(record, length);
        message.Write(record);
        WriteChecksum(record, record.GetBuffer().AsSpan(sizeof(long) + sizeof(uint), (int)message.Length));
        // As one write: who reads on meanwhile sees whole records.
        _file.Write(record.GetBuffer(), 0, (int)record.Length);
        _file.Flush();
    }

    // CRC-32C, rotated and shifted: a checksum of data that holds checksums would be weak.
    private static void WriteChecksum(MemoryStream record, ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in data)
            crc = BitOperations.Crc32C(crc, value);
        crc = ~crc;
        Span<byte> masked = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(masked, BitOperations.RotateRight(crc, 15) + 0xA282EAD8);
        record.Write(masked);
    }

    private static double Now() => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1000.0;
}
