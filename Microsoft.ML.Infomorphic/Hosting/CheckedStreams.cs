using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>Writes numbers, little-endian, and ends with a digest of them.</summary>
/// <param name="stream">Where to write.</param>
internal sealed class CheckedWriter(Stream stream) : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public void Write(byte value) => Write([value]);

    public void Write(bool value) => Write(value ? (byte)1 : (byte)0);

    public void Write(int value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        Write(bytes);
    }

    public void Write(ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        Write(bytes);
    }

    public void Write(double value) => Write(BitConverter.DoubleToUInt64Bits(value));

    /// <summary>Writes numbers without their count.</summary>
    public void WriteItems<T>(ReadOnlySpan<T> values)
        where T : unmanaged => Write(MemoryMarshal.AsBytes(values));

    /// <summary>Writes numbers and, before them, their count.</summary>
    public void WriteCounted<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        Write(values.Length);
        WriteItems(values);
    }

    /// <summary>Writes the digest of all that was written.</summary>
    public void WriteDigest() => stream.Write(_hash.GetHashAndReset());

    public void Dispose() => _hash.Dispose();

    private void Write(ReadOnlySpan<byte> bytes)
    {
        _hash.AppendData(bytes);
        stream.Write(bytes);
    }
}

/// <summary>
/// Reads what <see cref="CheckedWriter"/> wrote. The number of bytes that are left is known, so that a damaged count
/// is met with an error, and not with an attempt to take gigabytes of memory.
/// </summary>
/// <param name="stream">Where to read.</param>
/// <param name="length">Number of bytes that belong to the caller.</param>
internal sealed class CheckedReader(Stream stream, long length) : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    /// <summary>Number of bytes that are left.</summary>
    public long Remaining { get; private set; } = length;

    public byte ReadByte()
    {
        byte value = 0;
        Read(new Span<byte>(ref value));
        return value;
    }

    public bool ReadBoolean() =>
        ReadByte() switch
        {
            0 => false,
            1 => true,
            byte other => throw new FormatException($"{other} stands where 0 or 1 must stand"),
        };

    /// <summary>Reads one of an enumeration's values.</summary>
    /// <exception cref="FormatException">It has none with this number.</exception>
    public T ReadEnum<T>()
        where T : struct, Enum
    {
        byte number = ReadByte();
        var value = (T)Enum.ToObject(typeof(T), number);
        return Enum.IsDefined(value)
            ? value
            : throw new FormatException($"there is no {typeof(T).Name} with the number {number}");
    }

    public int ReadInt32()
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        Read(bytes);
        return BinaryPrimitives.ReadInt32LittleEndian(bytes);
    }

    public ulong ReadUInt64()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        Read(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    public double ReadDouble() => BitConverter.UInt64BitsToDouble(ReadUInt64());

    /// <summary>Reads a count of things that take at least so many bytes each.</summary>
    /// <exception cref="FormatException">So many do not fit into what is left.</exception>
    public int ReadCount(int bytesEach)
    {
        int count = ReadInt32();
        ThrowIfTooMany(count, bytesEach);
        return count;
    }

    /// <summary>Reads so many numbers.</summary>
    /// <exception cref="FormatException">So many do not fit into what is left.</exception>
    public unsafe T[] ReadItems<T>(long count)
        where T : unmanaged
    {
        ThrowIfTooMany(count, sizeof(T));
        var values = new T[count];
        Read(MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    /// <summary>Reads a count and so many numbers.</summary>
    /// <exception cref="FormatException">So many do not fit into what is left.</exception>
    public T[] ReadCounted<T>()
        where T : unmanaged => ReadItems<T>(ReadInt32());

    /// <summary>Reads the digest and compares it with that of what was read.</summary>
    /// <exception cref="FormatException">They differ.</exception>
    public void ReadDigest()
    {
        byte[] expected = _hash.GetHashAndReset();
        var digest = new byte[expected.Length];
        Read(digest);
        if (!digest.AsSpan().SequenceEqual(expected))
            throw new FormatException("its checksum does not fit its content");
    }

    public void Dispose() => _hash.Dispose();

    private void Read(Span<byte> bytes)
    {
        if (bytes.Length > Remaining)
            throw new FormatException("it ends too early");
        stream.ReadExactly(bytes);
        _hash.AppendData(bytes);
        Remaining -= bytes.Length;
    }

    private void ThrowIfTooMany(long count, int bytesEach)
    {
        if (count < 0 || count > Remaining / bytesEach)
            throw new FormatException($"it promises {count} items of {bytesEach} bytes with {Remaining} bytes left");
    }
}
