using static TorchSharp.torch;

namespace Microsoft.ML.Infomorphic.Training.Torch;

/// <summary>
/// A part of a matrix, or of a matrix transposed, as libtorch sees it. Views are made once and used in every step, so that
/// products allocate nothing.
/// </summary>
internal sealed class MatrixView : IDisposable
{
    private readonly Tensor _tensor;

    private MatrixView(Tensor tensor) => _tensor = tensor;

    /// <summary>Some rows of a matrix.</summary>
    public static MatrixView OfRows(TensorMatrix matrix, int first, int count) =>
        new(matrix.Tensor.narrow(0, first, count));

    /// <summary>Some columns of a matrix.</summary>
    public static MatrixView OfColumns(TensorMatrix matrix, int first, int count) =>
        new(matrix.Tensor.narrow(1, first, count));

    /// <summary>Some rows and columns of a matrix.</summary>
    public static MatrixView Of(TensorMatrix matrix, int firstRow, int rows, int firstColumn, int columns)
    {
        using Tensor ofRows = matrix.Tensor.narrow(0, firstRow, rows);
        return new(ofRows.narrow(1, firstColumn, columns));
    }

    /// <summary>The view transposed.</summary>
    public MatrixView Transposed() => new(_tensor.t());

    /// <summary>This view becomes the product of two others, or has it added.</summary>
    /// <param name="left">The left factor.</param>
    /// <param name="right">The right factor.</param>
    /// <param name="add">Whether the product is added to what is there.</param>
    public void SetToProduct(MatrixView left, MatrixView right, bool add = false) =>
        _tensor.addmm_(left._tensor, right._tensor, beta: add ? 1 : 0);

    public void Dispose() => _tensor.Dispose();
}
