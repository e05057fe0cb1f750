using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>
/// A message in protocol buffers' wire format (protobuf.dev/programming-guides/encoding). What is added must not change
/// until the message is written: numbers are not copied, so that weights are in memory once.
/// </summary>
/// <remarks>
/// An ONNX file takes three of the format's constructs, an event file of TensorBoard two more. A generated model of all ONNX
/// messages is some thousand lines, and needs a package that applications which only score would carry for nothing.
/// Reporting compiles it as well.
/// </remarks>
internal sealed class WireMessage
{
    private const int Varint = 0;
    private const int Fixed64 = 1;
    private const int LengthDelimited = 2;
    private const int Fixed32 = 5;

    private readonly List<(long Length, Action<Stream> Write)> _parts = [];

    /// <summary>Number of bytes.</summary>
    public long Length { get; private set; }

    /// <summary>Adds an integer or a member of an enumeration.</summary>
    public WireMessage Add(int field, long value)
    {
        AddBytes([.. Encode(Tag(field, Varint)), .. Encode((ulong)value)]);
        return this;
    }

    /// <summary>Adds a number of 8 bytes.</summary>
    public WireMessage AddDouble(int field, double value)
    {
        AddBytes([.. Encode(Tag(field, Fixed64)), .. BitConverter.GetBytes(value)]);
        return this;
    }

    /// <summary>Adds a number of 4 bytes.</summary>
    public WireMessage AddSingle(int field, float value)
    {
        AddBytes([.. Encode(Tag(field, Fixed32)), .. BitConverter.GetBytes(value)]);
        return this;
    }

    /// <summary>Adds a text.</summary>
    public WireMessage Add(int field, string value)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(value);
        return Add(field, bytes.Length, stream => stream.Write(bytes));
    }

    /// <summary>Adds a message.</summary>
    public WireMessage Add(int field, WireMessage value) => Add(field, value.Length, value.Write);

    /// <summary>Adds numbers as bytes, little-endian.</summary>
    public WireMessage AddRaw<T>(int field, T[] values)
        where T : unmanaged =>
        Add(
            field,
            values.LongLength * Unsafe.SizeOf<T>(),
            stream => stream.Write(MemoryMarshal.AsBytes(values.AsSpan()))
        );

    /// <summary>Writes the message.</summary>
    public void Write(Stream stream)
    {
        foreach ((_, Action<Stream> write) in _parts)
            write(stream);
    }

    private WireMessage Add(int field, long length, Action<Stream> write)
    {
        AddBytes([.. Encode(Tag(field, LengthDelimited)), .. Encode((ulong)length)]);
        AddPart(length, write);
        return this;
    }

    private void AddBytes(byte[] bytes) => AddPart(bytes.Length, stream => stream.Write(bytes));

    private void AddPart(long length, Action<Stream> write)
    {
        _parts.Add((length, write));
        Length += length;
    }

    private static ulong Tag(int field, int wireType) => (ulong)(field << 3 | wireType);

    // Seven bits a byte, the least significant first; the eighth says that more follow.
    private static byte[] Encode(ulong value)
    {
        var bytes = new List<byte>();
        for (; value > 0x7F; value >>= 7)
            bytes.Add((byte)(value | 0x80));
        bytes.Add((byte)value);
        return [.. bytes];
    }
}
