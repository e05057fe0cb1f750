using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Training.Torch;

namespace Microsoft.ML.Infomorphic.Training.Cpu;

/// <summary>
/// A signal of a batch as products read it: cut into blocks whose sizes follow from the signal's size alone, so that neither
/// how many threads share the blocks nor which of them takes which changes a bit.
/// </summary>
internal sealed class SignalView : IDisposable
{
    // A block of columns of sums, and of weights' gradients, is at most so large.
    public const int RowsPerBlock = 256;
    public const int InputsPerBlock = 256;

    private SignalView(
        TensorMatrix? columns,
        MatrixView[] forSums,
        MatrixView[] forGradients,
        SparseRows? sparse = null
    )
    {
        Columns = columns;
        Sparse = sparse;
        ForSums = forSums;
        ForGradients = forGradients;
    }

    /// <summary>The signal, inputs × rows; null where it is there row by row alone.</summary>
    public TensorMatrix? Columns { get; }

    /// <summary>The signal where most of its numbers are zero, and there are no matrices of it; else null.</summary>
    public SparseRows? Sparse { get; }

    /// <summary>Inputs × a block of rows.</summary>
    public MatrixView[] ForSums { get; }

    /// <summary>Rows × a block of inputs.</summary>
    public MatrixView[] ForGradients { get; }

    /// <summary>A signal that is there neuron by neuron.</summary>
    /// <param name="outputs">Inputs × rows.</param>
    public static SignalView OfColumns(TensorMatrix outputs) =>
        new(
            outputs,
            [
                .. Blocks(outputs.Columns, RowsPerBlock)
                    .Select(block => MatrixView.OfColumns(outputs, block.First, block.Count)),
            ],
            [
                .. Blocks(outputs.Rows, InputsPerBlock)
                    .Select(block =>
                    {
                        using var inputs = MatrixView.OfRows(outputs, block.First, block.Count);
                        return inputs.Transposed();
                    }),
            ]
        );

    /// <summary>A signal that is there row by row: some of the numbers of the batch's rows.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="first">The first of the numbers.</param>
    /// <param name="count">How many there are.</param>
    public static SignalView OfRows(BatchRows batch, int first, int count) =>
        new(
            batch.FeatureColumns,
            [
                .. Blocks(batch.RowCount, RowsPerBlock)
                    .Select(block =>
                    {
                        using var rows = MatrixView.Of(batch.Features!, block.First, block.Count, first, count);
                        return rows.Transposed();
                    }),
            ],
            [
                .. Blocks(count, InputsPerBlock)
                    .Select(block => MatrixView.OfColumns(batch.Features!, first + block.First, block.Count)),
            ]
        );

    /// <summary>A signal of which most numbers are zero.</summary>
    /// <param name="rows">The rows.</param>
    public static SignalView OfSparse(SparseRows rows) => new(null, [], [], rows);

    /// <summary>Cuts a length into blocks of nearly equal size.</summary>
    /// <param name="length">The length.</param>
    /// <param name="largest">The largest block.</param>
    public static IEnumerable<(int First, int Count)> Blocks(int length, int largest)
    {
        int count = (length + largest - 1) / largest;
        for (int block = 0; block < count; block++)
        {
            int first = (int)((long)length * block / count);
            yield return (first, (int)((long)length * (block + 1) / count) - first);
        }
    }

    public void Dispose()
    {
        foreach (MatrixView view in ForSums)
            view.Dispose();
        foreach (MatrixView view in ForGradients)
            view.Dispose();
    }
}
