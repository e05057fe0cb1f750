using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;

namespace Mnist;

/// <summary>
/// Reads IDX files, the format of MNIST: a magic number 0x00000801 (one dimension of bytes) or 0x00000803 (three), the
/// size of each dimension, all big-endian, then the bytes. Files may be compressed with gzip.
/// </summary>
internal static class IdxFile
{
    /// <summary>Reads images of 28 × 28 pixels.</summary>
    /// <exception cref="InvalidDataException">The file is not such a file, or not a whole one.</exception>
    public static byte[][] ReadImages(string path)
    {
        using Stream stream = Open(path);
        int[] sizes = ReadHeader(stream, path, dimensions: 3);
        if (sizes[1] != DigitImage.Side || sizes[2] != DigitImage.Side)
            throw new InvalidDataException(
                $"{path} holds images of {sizes[1]} × {sizes[2]} pixels; MNIST's are {DigitImage.Side} × {DigitImage.Side}."
            );

        var images = new byte[sizes[0]][];
        for (int i = 0; i < images.Length; i++)
        {
            images[i] = new byte[DigitImage.PixelCount];
            ReadExactly(stream, images[i], path, $"{sizes[0]} images");
        }
        CheckEnd(stream, path, $"{sizes[0]} images");
        return images;
    }

    /// <summary>Reads labels, digits from 0 to 9.</summary>
    /// <exception cref="InvalidDataException">The file is not such a file, or not a whole one.</exception>
    public static byte[] ReadLabels(string path)
    {
        using Stream stream = Open(path);
        int[] sizes = ReadHeader(stream, path, dimensions: 1);
        byte[] labels = new byte[sizes[0]];
        ReadExactly(stream, labels, path, $"{sizes[0]} labels");
        CheckEnd(stream, path, $"{sizes[0]} labels");
        int wrong = labels.AsSpan().IndexOfAnyExceptInRange((byte)0, (byte)9);
        if (wrong >= 0)
            throw new InvalidDataException($"{path} labels image {wrong} as {labels[wrong]}, which is no digit.");
        return labels;
    }

    private static BufferedStream Open(string path)
    {
        FileStream file = File.OpenRead(path);
        return path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase)
            ? new BufferedStream(new GZipStream(file, CompressionMode.Decompress), 1 << 16)
            : new BufferedStream(file, 1 << 16);
    }

    private static int[] ReadHeader(Stream stream, string path, int dimensions)
    {
        Span<byte> word = stackalloc byte[4];
        ReadExactly(stream, word, path, "a header");
        int magic = BinaryPrimitives.ReadInt32BigEndian(word);
        int expected = 0x0800 | dimensions;
        if (magic != expected)
            throw new InvalidDataException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{path} begins with 0x{magic:X8}, an IDX file of this kind with 0x{expected:X8}."
                )
            );

        int[] sizes = new int[dimensions];
        for (int i = 0; i < dimensions; i++)
        {
            ReadExactly(stream, word, path, "a header");
            sizes[i] = BinaryPrimitives.ReadInt32BigEndian(word);
            // A larger number is damage, and must not become a huge array.
            if (sizes[i] is < 0 or > 10_000_000)
                throw new InvalidDataException($"{path} promises {(uint)sizes[i]} items, which cannot be.");
        }
        return sizes;
    }

    private static void ReadExactly(Stream stream, Span<byte> buffer, string path, string promised)
    {
        int read;
        try
        {
            read = stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException(
                $"{path} is damaged ({e.Message.TrimEnd('.')}); put a whole copy in its place.",
                e
            );
        }
        if (read < buffer.Length)
            throw new InvalidDataException(
                $"{path} is truncated: it promises {promised} and ends before; put a whole copy in its place."
            );
    }

    private static void CheckEnd(Stream stream, string path, string promised)
    {
        if (stream.ReadByte() >= 0)
            throw new InvalidDataException($"{path} goes on after the {promised} that it promises.");
    }
}
