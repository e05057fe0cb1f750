using System.Buffers.Binary;

namespace Microsoft.ML.Infomorphic.Fuzzing;

/// <summary>Damages bytes as disks, networks and enemies do.</summary>
internal static class Mutation
{
    private static readonly int[] s_integers =
    [
        0,
        1,
        -1,
        2,
        4,
        16,
        64,
        127,
        128,
        255,
        256,
        1000,
        32767,
        65535,
        65536,
        1 << 20,
        1 << 24,
        1 << 28,
        1 << 30,
        int.MaxValue,
        int.MaxValue - 1,
        int.MinValue,
        int.MinValue + 1,
    ];

    private static readonly float[] s_numbers =
    [
        0,
        -0f,
        1,
        -1,
        float.NaN,
        float.PositiveInfinity,
        float.NegativeInfinity,
        float.MaxValue,
        float.MinValue,
        float.Epsilon,
        1e-30f,
        1e30f,
    ];

    /// <summary>Damages bytes in one to four ways.</summary>
    /// <param name="random">Decides what.</param>
    /// <param name="bytes">The bytes; they stay as they are.</param>
    /// <param name="keepLength">Whether the result must have as many.</param>
    public static byte[] Apply(Random random, byte[] bytes, bool keepLength = false)
    {
        byte[] result = [.. bytes];
        for (int count = random.Next(1, 5); count > 0; count--)
            result = ApplyOnce(random, result, keepLength);
        return result;
    }

    private static byte[] ApplyOnce(Random random, byte[] bytes, bool keepLength)
    {
        if (bytes.Length == 0)
            return keepLength ? bytes : [(byte)random.Next(256)];
        int at = Position(random, bytes.Length);
        Span<byte> rest = bytes.AsSpan(at);
        switch (random.Next(keepLength ? 7 : 11))
        {
            case 0:
                bytes[at] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 1:
                bytes[at] = (byte)random.Next(256);
                return bytes;
            case 2 when rest.Length >= sizeof(int):
                BinaryPrimitives.WriteInt32LittleEndian(rest, s_integers[random.Next(s_integers.Length)]);
                return bytes;
            case 3 when rest.Length >= sizeof(long):
                BinaryPrimitives.WriteInt64LittleEndian(
                    rest,
                    (long)s_integers[random.Next(s_integers.Length)] << random.Next(33)
                );
                return bytes;
            case 4 when rest.Length >= sizeof(int):
                BinaryPrimitives.WriteInt32LittleEndian(
                    rest,
                    BinaryPrimitives.ReadInt32LittleEndian(rest) + random.Next(-3, 4)
                );
                return bytes;
            case 5 when rest.Length >= sizeof(double):
                float number = s_numbers[random.Next(s_numbers.Length)];
                if (random.Next(2) == 0)
                    BinaryPrimitives.WriteSingleLittleEndian(rest, number);
                else
                    BinaryPrimitives.WriteDoubleLittleEndian(rest, number);
                return bytes;
            case 6:
                // A part over another part.
                int from = random.Next(bytes.Length);
                int length = random.Next(1, 1 + Math.Min(64, Math.Min(rest.Length, bytes.Length - from)));
                bytes.AsSpan(from, length).ToArray().CopyTo(rest);
                return bytes;
            case 7:
                return bytes[..at];
            case 8:
                return [.. bytes[..at], .. bytes[Math.Min(bytes.Length, at + random.Next(1, 64))..]];
            case 9:
                int start = random.Next(bytes.Length);
                return [.. bytes[..at], .. bytes[start..Math.Min(bytes.Length, start + 64)], .. bytes[at..]];
            case 10:
                var noise = new byte[random.Next(1, 64)];
                random.NextBytes(noise);
                return [.. bytes[..at], .. noise, .. bytes[at..]];
            default:
                bytes[at] ^= 0xFF;
                return bytes;
        }
    }

    // Counts and tags stand at the beginning, the directory of an archive at the end.
    private static int Position(Random random, int length) =>
        random.Next(4) switch
        {
            0 => random.Next(Math.Min(length, 96)),
            1 => length - 1 - random.Next(Math.Min(length, 96)),
            _ => random.Next(length),
        };
}
