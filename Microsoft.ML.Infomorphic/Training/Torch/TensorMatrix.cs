using Microsoft.ML.Infomorphic.Kernels;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace Microsoft.ML.Infomorphic.Training.Torch;

/// <summary>
/// A matrix of single-precision numbers, row by row, that managed code sees as spans and libtorch as a tensor: one
/// memory, no copies.
/// </summary>
internal sealed unsafe class TensorMatrix : IDisposable
{
    private const int NumbersPerCacheLine = 16;
    private const int NumbersPerPage = 1024;

    private readonly Tensor? _memory;
    private readonly float* _data;

    /// <summary>Allocates a matrix of zeros.</summary>
    public TensorMatrix(int rows, int columns)
    {
        Rows = rows;
        Columns = columns;

        // Rows a quarter of a page apart, or a multiple of it, would compete for the same few sets of the caches.
        Stride = (columns + NumbersPerCacheLine - 1) / NumbersPerCacheLine * NumbersPerCacheLine;
        if (Stride % (NumbersPerPage / 4) == 0)
            Stride += NumbersPerCacheLine;
        _memory = zeros(rows, Stride, float32, CPU);
        Tensor = _memory.narrow(1, 0, columns);
        fixed (byte* data = _memory.bytes)
            _data = (float*)data;
    }

    private TensorMatrix(TensorMatrix whole, int firstRow, int rows)
    {
        Rows = rows;
        Columns = whole.Columns;
        Stride = whole.Stride;
        Tensor = whole.Tensor.narrow(0, firstRow, rows);
        _data = whole._data + (nint)firstRow * Stride;
    }

    public int Rows { get; }

    public int Columns { get; }

    /// <summary>Numbers from the start of a row to the start of the next; the rows' ends are padded.</summary>
    public int Stride { get; }

    /// <summary>The matrix, as libtorch sees it.</summary>
    public Tensor Tensor { get; }

    /// <summary>The first number; valid until the matrix is disposed.</summary>
    public float* Pointer => _data;

    /// <summary>The rows from one on, as kernels read them; valid until the matrix is disposed.</summary>
    public PaddedRows From(int row) => new(_data + (nint)row * Stride, Stride);

    /// <summary>A row.</summary>
    public Span<float> this[int row]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)row, (uint)Rows);
            return new Span<float>(_data + (nint)row * Stride, Columns);
        }
    }

    /// <summary>Some of the rows, in the same memory; valid until this matrix is disposed.</summary>
    public TensorMatrix Part(int firstRow, int rows)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(firstRow);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstRow, Rows - rows, nameof(firstRow));
        return new TensorMatrix(this, firstRow, rows);
    }

    /// <summary>Copies the matrix into one array.</summary>
    public float[] ToArray()
    {
        float[] values = new float[checked(Rows * Columns)];
        for (int row = 0; row < Rows; row++)
            this[row].CopyTo(values.AsSpan(row * Columns));
        return values;
    }

    /// <summary>Fills the matrix from one array.</summary>
    public void CopyFrom(ReadOnlySpan<float> values)
    {
        for (int row = 0; row < Rows; row++)
            values.Slice(row * Columns, Columns).CopyTo(this[row]);
    }

    /// <summary>Whether no number is infinite or NaN.</summary>
    public bool IsFinite
    {
        get
        {
            for (int row = 0; row < Rows; row++)
                if (!float.IsFinite(TensorPrimitives.MaxMagnitude(this[row])))
                    return false;
            return true;
        }
    }

    /// <summary>Sets all numbers to 0.</summary>
    public void Clear()
    {
        for (int row = 0; row < Rows; row++)
            this[row].Clear();
    }

    public void Dispose()
    {
        Tensor.Dispose();
        _memory?.Dispose();
    }
}
