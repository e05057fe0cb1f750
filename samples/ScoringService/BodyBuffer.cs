using System.Buffers;

namespace ScoringService;

/// <summary>A request's body in memory that is borrowed.</summary>
internal sealed class BodyBuffer : IDisposable
{
    private const int FirstSize = 16 << 10;

    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(FirstSize);
    private int _length;

    public ReadOnlyMemory<byte> Content => _bytes.AsMemory(0, _length);

    /// <exception cref="BadHttpRequestException">The body is longer than allowed.</exception>
    public async Task ReadAsync(HttpRequest request, int limit, CancellationToken cancellation)
    {
        if (request.ContentLength > limit)
            throw TooLong(limit);
        // One byte more than what is there: it shows the end, and a body that goes beyond the limit.
        int read;
        while ((read = await request.Body.ReadAsync(_bytes.AsMemory(_length), cancellation)) > 0)
        {
            _length += read;
            if (_length > limit)
                throw TooLong(limit);
            if (_length == _bytes.Length)
                Grow();
        }
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
    }

    private void Grow()
    {
        byte[] larger = ArrayPool<byte>.Shared.Rent(2 * _bytes.Length);
        _bytes.AsSpan(0, _length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = larger;
    }

    private static BadHttpRequestException TooLong(int limit) =>
        new($"The request's body can have {limit} bytes at most.", StatusCodes.Status413PayloadTooLarge);
}
