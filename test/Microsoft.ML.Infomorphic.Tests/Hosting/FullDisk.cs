namespace Microsoft.ML.Infomorphic.Tests.Hosting;

/// <summary>A stream that throws, as a file on a full disk does, once it has taken so many bytes.</summary>
internal sealed class FullDisk(int capacity) : MemoryStream
{
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (Position + buffer.Length > capacity)
            throw new IOException("No space left on device");
        base.Write(buffer);
    }

    public override void WriteByte(byte value) => Write([value]);
}
