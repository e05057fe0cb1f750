using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Rows;

/// <summary>Some rows that are in memory now, until the next batch is asked for.</summary>
/// <param name="Rows">
/// The rows that are in memory: an object of its own for each content, so that whoever copies rows elsewhere may tell
/// by it what there is already.
/// </param>
/// <param name="Indices">Which of them are the batch, in its order.</param>
internal readonly record struct RowBatch(LabeledRows Rows, ReadOnlyMemory<int> Indices);

/// <summary>
/// The rows of a training or a validation, wherever they are. They have a fixed order and are known by their places in
/// it, from 0.
/// </summary>
internal abstract class RowSource
{
    /// <summary>Number of rows.</summary>
    public abstract int RowCount { get; }

    /// <summary>Number of features of a row.</summary>
    public abstract int FeatureCount { get; }

    /// <summary>Number of classes; a class may have no row.</summary>
    public abstract int ClassCount { get; }

    /// <summary>Whether there are rows of different classes.</summary>
    public abstract bool HasDifferentLabels { get; }

    /// <summary>Mean number of features of a row that are not zero, as far as that is known: at most so many.</summary>
    public virtual double MeanNonZeros => FeatureCount;

    /// <summary>All rows.</summary>
    public RowSelection All => new(this, null);

    /// <summary>Rows are rows in memory.</summary>
    public static implicit operator RowSource(LabeledRows rows) => new RowsInMemory(rows);

    /// <summary>Batches of rows in an order; the last one may be smaller.</summary>
    /// <param name="order">Different rows, or null for all in their own order.</param>
    /// <param name="batchSize">Rows of a batch.</param>
    public abstract IEnumerable<RowBatch> Batches(int[]? order, int batchSize);

    /// <summary>Puts all rows into a random order to train in.</summary>
    /// <param name="order">All rows, in whatever order.</param>
    /// <param name="random">Where randomness comes from.</param>
    public virtual void Shuffle(int[] order, RandomStream random) => random.Shuffle(order);

    /// <summary>The rows as they are learned from in an epoch, in the same order: others where they are changed for it.</summary>
    /// <param name="epoch">The epoch, from 1.</param>
    public virtual RowSource InEpoch(int epoch) => this;

    /// <summary>Rows that will be asked for again and again.</summary>
    /// <param name="chosen">The rows, all different.</param>
    public virtual RowSelection Select(int[] chosen) => new(this, chosen);
}

/// <summary>Some rows of a source, in an order.</summary>
/// <param name="source">The source.</param>
/// <param name="rows">The rows, or null for all.</param>
internal sealed class RowSelection(RowSource source, int[]? rows)
{
    /// <summary>Number of rows.</summary>
    public int RowCount => rows?.Length ?? source.RowCount;

    /// <summary>Number of classes; a class may have no row.</summary>
    public int ClassCount => source.ClassCount;

    /// <summary>The rows in batches; the last one may be smaller.</summary>
    /// <param name="batchSize">Rows of a batch.</param>
    public IEnumerable<RowBatch> Batches(int batchSize) => source.Batches(rows, batchSize);

    /// <summary>The same rows of what becomes of their source.</summary>
    public RowSelection Of(Func<RowSource, RowSource> become) => new(become(source), rows);
}

/// <summary>Rows that are all in memory.</summary>
internal sealed class RowsInMemory(LabeledRows rows) : RowSource
{
    private int[]? _inSequence;

    /// <summary>The rows.</summary>
    public LabeledRows Rows => rows;

    public override int RowCount => rows.RowCount;

    public override int FeatureCount => rows.Features.FeatureCount;

    public override int ClassCount => rows.ClassCount;

    public override bool HasDifferentLabels => rows.Labels.AsSpan().IndexOfAnyExcept(rows.Labels[0]) >= 0;

    public override double MeanNonZeros => rows.Features.MeanNonZeros;

    public override IEnumerable<RowBatch> Batches(int[]? order, int batchSize)
    {
        order ??= _inSequence ??= [.. Enumerable.Range(0, rows.RowCount)];
        for (int start = 0; start < order.Length; start += batchSize)
            yield return new RowBatch(rows, order.AsMemory(start, Math.Min(batchSize, order.Length - start)));
    }
}
