using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>
/// A matrix of single-precision numbers, row by row, that managed code sees as spans and libtorch as a tensor: one
/// memory, no copies.
/// </summary>
internal sealed unsafe class TensorMatrix : IDisposable
{
    private readonly float* _data;

    /// <summary>Allocates a matrix of zeros.</summary>
    public TensorMatrix(int rows, int columns)
    {
        Rows = rows;
        Columns = columns;
        Tensor = zeros(rows, columns, float32, CPU);
        _data = DataOf(Tensor);
    }

    private TensorMatrix(Tensor tensor, int rows, int columns)
    {
        Rows = rows;
        Columns = columns;
        Tensor = tensor;
        _data = DataOf(tensor);
    }

    public int Rows { get; }

    public int Columns { get; }

    /// <summary>The matrix, as libtorch sees it.</summary>
    public Tensor Tensor { get; }

    /// <summary>The first number; valid until the matrix is disposed.</summary>
    public float* Pointer => _data;

    /// <summary>A row.</summary>
    public Span<float> this[int row]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)row, (uint)Rows);
            return new Span<float>(_data + (nint)row * Columns, Columns);
        }
    }

    /// <summary>A smaller matrix in the same memory, from its start; it must be disposed before this one.</summary>
    public TensorMatrix Reshape(int rows, int columns)
    {
        if ((long)rows * columns > (long)Rows * Columns)
            throw new ArgumentException("The matrix is too small for this shape.");
        return new TensorMatrix(Tensor.as_strided([rows, columns], [columns, 1]), rows, columns);
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

    public void Dispose() => Tensor.Dispose();

    private static float* DataOf(Tensor tensor)
    {
        fixed (byte* data = tensor.bytes)
            return (float*)data;
    }
}
