namespace Microsoft.ML.Infomorphic.Information;

/// <summary>A matrix of integers that cannot be changed.</summary>
public sealed class IntegerMatrix
{
    private readonly int[] _values;

    internal IntegerMatrix(int[,] values)
    {
        RowCount = values.GetLength(0);
        ColumnCount = values.GetLength(1);
        _values = [.. values.Cast<int>()];
    }

    /// <summary>Number of rows.</summary>
    public int RowCount { get; }

    /// <summary>Number of columns.</summary>
    public int ColumnCount { get; }

    /// <summary>One element.</summary>
    /// <param name="row">The row, from 0.</param>
    /// <param name="column">The column, from 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such row or column.</exception>
    public int this[int row, int column]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(column);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(column, ColumnCount);
            return Row(row)[column];
        }
    }

    /// <summary>One row.</summary>
    /// <param name="row">The row, from 0.</param>
    /// <returns>The elements of the row, one for each column.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such row.</exception>
    public ReadOnlySpan<int> Row(int row)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, RowCount);
        return _values.AsSpan(row * ColumnCount, ColumnCount);
    }
}
