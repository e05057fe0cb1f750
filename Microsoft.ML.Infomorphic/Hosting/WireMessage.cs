using System.Runtime.InteropServices;
using System.Text;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>
/// A message in protocol buffers' wire format (protobuf.dev/programming-guides/encoding). What is added must not change
/// until the message is written: numbers are not copied, so that weights are in memory once.
/// </summary>
/// <remarks>
/// An ONNX file takes three of the format's constructs. A generated model of all ONNX messages is some thousand lines,
/// and needs a package that applications which only score would carry for nothing.
/// </remarks>
internal sealed class WireMessage
{
    private const int Varint = 0;
    private const int LengthDelimited = 2;

    private readonly List<(long Length, Action<Stream> Write)> _parts = [];

    /// <summary>Number of bytes.</summary>
    public long Length { get; private set; }

    /// <summary>Adds an integer or a member of an enumeration.</summary>
    public WireMessage Add(int field, long value)
    {
        AddBytes([.. Encode(Tag(field, Varint)), .. Encode((ulong)value)]);
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
    public unsafe WireMessage AddRaw<T>(int field, T[] values)
        where T : unmanaged =>
        Add(field, values.LongLength * sizeof(T), stream => stream.Write(MemoryMarshal.AsBytes(values.AsSpan())));

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
