namespace Microsoft.ML.Infomorphic.Tests.Hosting;

/// <summary>A stream that throws, as a file on a full disk does, once it has taken so many bytes.</summary>
internal sealed class FullDisk(long capacity, Stream? file = null) : Stream
{
    private readonly Stream _file = file ?? new MemoryStream();

    public override bool CanRead => _file.CanRead;

    public override bool CanSeek => _file.CanSeek;

    public override bool CanWrite => true;

    public override long Length => _file.Length;

    public override long Position
    {
        get => _file.Position;
        set => _file.Position = value;
    }

    public override void Write(byte[] buffer, int offset, int count)
    {
        if (Position + count > capacity)
            throw new IOException("No space left on device");
        _file.Write(buffer, offset, count);
    }

    public override void Flush() => _file.Flush();

    public override int Read(byte[] buffer, int offset, int count) => _file.Read(buffer, offset, count);

    public override long Seek(long offset, SeekOrigin origin) => _file.Seek(offset, origin);

    public override void SetLength(long value) => _file.SetLength(value);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _file.Dispose();
        base.Dispose(disposing);
    }
}
