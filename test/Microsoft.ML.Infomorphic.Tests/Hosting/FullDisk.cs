namespace Microsoft.ML.Infomorphic.Tests.Hosting;

/// <summary>A stream that throws, as a file on a full disk does, once it has taken so many bytes.</summary>
internal sealed class FullDisk(int capacity) : MemoryStream
{
    // A MemoryStream that is derived from passes spans on to this method.
    public override void Write(byte[] buffer, int offset, int count)
    {
        if (Position + count > capacity)
            throw new IOException("No space left on device");
        base.Write(buffer, offset, count);
    }

    public override void WriteByte(byte value) => Write([value], 0, 1);
}
