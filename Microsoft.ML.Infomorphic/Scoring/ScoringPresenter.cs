// A row alone, or tiles of 32 rows, presented to the layers of a network. The same for both, to the bit: sums have the same
// order of terms (IScoringWeights), and all else happens number by number.

using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.Intrinsics;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Scoring;

/// <summary>What is presented of a network whose outputs are drawn, again and again.</summary>
internal enum PresentedPart
{
    /// <summary>Everything.</summary>
    All,

    /// <summary>What is the same for all samples.</summary>
    Fixed,

    /// <summary>What differs between samples, after the rest.</summary>
    Drawn,
}

/// <summary>Presents a row, or the rows of a block.</summary>
/// <param name="scorer">The scorer.</param>
/// <param name="numbers">The numbers of the layers: those of a row alone, or of tiles, aligned to 64 bytes.</param>
/// <param name="mode">What neurons pass on.</param>
/// <param name="target">The layer whose outputs are asked for; −1 where it is the output layer's sums.</param>
internal unsafe ref struct ScoringPresenter(NetworkScorer scorer, float* numbers, ScoringMode mode, int target)
    : IPresenter
{
    private readonly ScoringLayer[] _layers = scorer.Layers;
    private readonly ScoringBlock? _block;
    private readonly ScoringMemory? _memory;
    private readonly RowFeatures _row;
    private readonly int _tiles = 1;
    private readonly int _lanes = 1;

    /// <summary>Presents a row alone.</summary>
    public ScoringPresenter(NetworkScorer scorer, RowFeatures row, float* numbers, ScoringMode mode, int target)
        : this(scorer, numbers, mode, target)
    {
        _row = row;
        IsMissing = scorer.ReadsAllFeatures && !TensorPrimitives.IsFiniteAll(row.All);
    }

    /// <summary>Presents a block.</summary>
    public ScoringPresenter(
        NetworkScorer scorer,
        ScoringBlock block,
        ScoringMemory memory,
        ScoringMode mode,
        int target
    )
        : this(scorer, memory.Numbers, mode, target)
    {
        _block = block;
        _memory = memory;
        _tiles = memory.TileCount;
        _lanes = RowTile.Rows;
        if (scorer.ReadsAllFeatures)
            for (int row = 0; row < block.RowCount; row++)
                if (!TensorPrimitives.IsFiniteAll(block.Expand(row)))
                    block.SetMissing(row);
    }

    /// <summary>Whether the row has no scores, because a feature is not finite or became so in a sum.</summary>
    public bool IsMissing { get; private set; }

    /// <summary>What is presented.</summary>
    public PresentedPart Part { get; set; }

    /// <summary>The sample that is drawn.</summary>
    public int Sample { get; set; }

    /// <summary>What the samples of the row follow from.</summary>
    public ulong Key { get; set; }

    /// <summary>The numbers of a tile, or of the row.</summary>
    /// <param name="at">Where they begin.</param>
    /// <param name="count">How many there are of a row.</param>
    /// <param name="tile">The tile.</param>
    public readonly float* Tile(int at, int count, int tile) =>
        numbers + ((nint)at * _tiles + (nint)count * tile) * _lanes;

    /// <summary>What the output layer aggregates, of a row alone.</summary>
    public readonly ReadOnlySpan<float> Scores => Numbers(_layers[^1].Sources[0].SumsAt, _layers[^1].SampleCount);

    /// <summary>What a layer passes on, of a row alone.</summary>
    public readonly ReadOnlySpan<float> OutputsOf(ScoringLayer layer) => Numbers(layer.OutputsAt, layer.OutputCount);

    /// <summary>The numbers of a row of a block.</summary>
    /// <param name="at">Where they begin.</param>
    /// <param name="row">The row.</param>
    /// <param name="values">Receives them.</param>
    public readonly void Gather(int at, int row, Span<float> values) =>
        RowTile.Gather(Tile(at, values.Length, row / RowTile.Rows) + row % RowTile.Rows, values);

    /// <summary>Copies what all samples of a row of a block have in common to the row alone.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="tiles">The block.</param>
    /// <param name="row">The row.</param>
    public readonly void CopyFixed(ScoringLayer layer, in ScoringPresenter tiles, int row)
    {
        foreach (ScoringSource source in layer.Sources)
            if (source.IsFixed && !source.IsConstant)
                tiles.Gather(source.SumsAt, row, Numbers(source.SumsAt, layer.SampleCount));
        if (!layer.IsFixed)
            return;
        tiles.Gather(layer.FiredAt, row, Numbers(layer.FiredAt, layer.SampleCount));
        tiles.Gather(layer.OutputsAt, row, Numbers(layer.OutputsAt, layer.OutputCount));
    }

    /// <inheritdoc/>
    public void Aggregate(Visit visit)
    {
        ScoringLayer layer = _layers[visit.Layer];
        for (int i = 0; i < layer.Sources.Length; i++)
        {
            ScoringSource source = layer.Sources[i];
            if (visit.Turns[i] != SourceTurn.Aggregated || !IsIn(source.IsFixed))
                continue;
            float* sums = Tile(source.SumsAt, layer.SampleCount, 0);
            if (source.Projections.Length == 1)
                Aggregate(source.Projections[0], sums);
            else
                Add(visit, layer, source, sums);
            if (source.HearsFeatures)
                Check(layer, source, sums);
        }
    }

    /// <inheritdoc/>
    public readonly void Fire(Visit visit)
    {
        ScoringLayer layer = _layers[visit.Layer];
        if (!IsIn(layer.IsFixed) || visit.IsLast && !layer.IsHeard && layer.Index != target)
            return;
        int length = layer.SampleCount * _lanes;
        for (int tile = 0; tile < _tiles; tile++)
        {
            var fired = new Span<float>(Tile(layer.FiredAt, layer.SampleCount, tile), length);
            Fire(visit, layer, tile, fired);
            if (layer.IsPooled)
                layer.Pool(
                    fired,
                    new Span<float>(Tile(layer.OutputsAt, layer.OutputCount, tile), layer.OutputCount * _lanes)
                );
        }
    }

    /// <inheritdoc/>
    public readonly void Learn(Visit visit) { }

    private readonly Span<float> Numbers(int at, int count) => new(Tile(at, count, 0), count);

    private readonly bool IsIn(bool isFixed) => Part == PresentedPart.All || isFixed == (Part == PresentedPart.Fixed);

    // Sums of several projections, and last the biases.
    private readonly void Add(Visit visit, ScoringLayer layer, ScoringSource source, float* sums)
    {
        int length = checked(layer.SampleCount * _lanes * _tiles);
        var all = new Span<float>(sums, length);
        float* part = numbers + (nint)scorer.PartsAt * _tiles * _lanes;
        bool isFirst = true;
        foreach (ScoringProjection projection in source.Projections)
        {
            if (!visit.Hears(projection.Signal))
                continue;
            Aggregate(projection, isFirst ? sums : part);
            if (!isFirst)
                TensorPrimitives.Add(all, new ReadOnlySpan<float>(part, length), all);
            isFirst = false;
        }

        var biases = new ReadOnlySpan<float>(source.BiasesOf(_lanes), length / _tiles);
        for (int start = 0; start < length; start += biases.Length)
            TensorPrimitives.Add(all.Slice(start, biases.Length), biases, all.Slice(start, biases.Length));
    }

    private readonly void Aggregate(ScoringProjection projection, float* sums)
    {
        if (projection.Signal.Kind != SignalKind.Features)
        {
            ScoringLayer heard = _layers[projection.Signal.Index];
            float* outputs = numbers + (nint)(projection.IsOwn ? heard.FiredAt : heard.OutputsAt) * _tiles * _lanes;
            projection.Aggregate(outputs, sums, _tiles, _lanes);
        }
        else if (_block is not null)
        {
            AggregateFeatures(projection, _block, _memory!, sums);
        }
        else if (_row.HasPlaces)
        {
            projection.Aggregate(_row.Places, _row.Values, sums);
        }
        else
        {
            fixed (float* features = _row.All)
                projection.Aggregate(features, sums, tiles: 1, lanes: 1);
        }
    }

    private readonly void AggregateFeatures(
        ScoringProjection projection,
        ScoringBlock block,
        ScoringMemory memory,
        float* sums
    )
    {
        if (scorer.ReadsAllFeatures)
        {
            projection.Aggregate(memory.Features(0), sums, _tiles, _lanes);
            return;
        }

        nint stride = (nint)projection.SampleCount * RowTile.Rows;
        for (int tile = 0; tile < _tiles; )
        {
            if (memory.Counts[tile] < 0)
            {
                AggregateSparse(projection, block, tile, sums + tile * stride);
                tile++;
                continue;
            }

            int end = tile;
            while (end < _tiles && memory.Counts[end] >= 0)
                end++;
            projection.Aggregate(
                memory.Features(tile),
                memory.Places(tile),
                memory.Counts + tile,
                sums + tile * stride,
                end - tile
            );
            tile = end;
        }
    }

    private static void AggregateSparse(ScoringProjection projection, ScoringBlock block, int tile, float* sums)
    {
        int count = projection.SampleCount;
        float[] rented = ArrayPool<float>.Shared.Rent(count);
        int first = tile * RowTile.Rows;
        fixed (float* ofRow = rented)
            for (int row = first; row < first + RowTile.Rows; row++)
            {
                if (row < block.RowCount)
                {
                    (ReadOnlyMemory<int> indices, ReadOnlyMemory<float> values) = block.Sparse(row);
                    projection.Aggregate(indices.Span, values.Span, ofRow);
                }

                for (int sample = 0; sample < count; sample++)
                    sums[(nint)sample * RowTile.Rows + row - first] = ofRow[sample];
            }

        ArrayPool<float>.Shared.Return(rented);
    }

    // Sums of features that are not finite, and signs in doubt.
    private void Check(ScoringLayer layer, ScoringSource source, float* sums)
    {
        if (_block is not null)
        {
            for (int tile = 0; tile < _tiles; tile++)
                FindMissing(_block, tile, Tile(source.SumsAt, layer.SampleCount, tile), layer.SampleCount);
            if (source.Signs is not null)
                Correct(source.Signs, _block, layer.SampleCount, sums);
            return;
        }

        var ofRow = new Span<float>(sums, layer.SampleCount);
        IsMissing |= !TensorPrimitives.IsFiniteAll<float>(ofRow);
        if (!IsMissing)
            source.Signs?.Correct(_row.All, ofRow);
    }

    private static void FindMissing(ScoringBlock block, int tile, float* sums, int count)
    {
        // A number that is not finite gives NaN here, and 0 otherwise.
        Vector512<float> low = default;
        Vector512<float> high = default;
        for (int sample = 0; sample < count; sample++)
        {
            low += Vector512.LoadAligned(sums + (nint)sample * RowTile.Rows) * Vector512<float>.Zero;
            high += Vector512.LoadAligned(sums + (nint)sample * RowTile.Rows + 16) * Vector512<float>.Zero;
        }

        if (low == Vector512<float>.Zero && high == Vector512<float>.Zero)
            return;
        for (int row = tile * RowTile.Rows; row < Math.Min(block.RowCount, (tile + 1) * RowTile.Rows); row++)
        {
            int lane = row % RowTile.Rows;
            if (float.IsNaN(lane < 16 ? low[lane] : high[lane - 16]))
                block.SetMissing(row);
        }
    }

    private static void Correct(StepSigns signs, ScoringBlock block, int count, float* sums)
    {
        float[] rented = ArrayPool<float>.Shared.Rent(count);
        Span<float> ofRow = rented.AsSpan(0, count);
        for (int row = 0; row < block.RowCount; row++)
        {
            if (block.IsMissing(row))
                continue;
            float* lane = sums + (nint)(row / RowTile.Rows) * count * RowTile.Rows + row % RowTile.Rows;
            RowTile.Gather(lane, ofRow);
            signs.Correct(block.Expand(row), ofRow);
            for (int sample = 0; sample < count; sample++)
                lane[(nint)sample * RowTile.Rows] = ofRow[sample];
        }

        ArrayPool<float>.Shared.Return(rented);
    }

    private readonly void Fire(Visit visit, ScoringLayer layer, int tile, Span<float> fired)
    {
        ReadOnlySpan<float> f = Sums(visit, layer, 0, tile);
        if (layer.Activation is StepActivation)
        {
            for (int i = 0; i < fired.Length; i++)
                fired[i] = f[i] > 0 ? 1 : 0;
            return;
        }

        if (layer.Activation is ModulatedActivation && mode == ScoringMode.MeanField)
        {
            FireMeans(visit, layer, tile, f, fired);
            return;
        }

        int scratch = scorer.ScratchCount / 2 * _lanes;
        float* start = numbers + (nint)scorer.NumberCount * _tiles * _lanes;
        var theta = new Span<float>(start, fired.Length);
        var complement = new Span<float>(start + scratch, fired.Length);
        if (layer.Activation is FeedforwardActivation)
            VectorizedActivation.Fire(f, theta, complement);
        else
            VectorizedActivation.Fire(
                layer.Activation,
                f,
                Sums(visit, layer, 1, tile),
                layer.Sources.Length > 2 ? Sums(visit, layer, 2, tile) : default,
                theta,
                complement
            );
        switch (mode)
        {
            case ScoringMode.Sampled:
                Philox.Sample(theta, fired, StreamOf(visit), (ulong)Sample, Key);
                break;
            case ScoringMode.MeanField:
                TensorPrimitives.Subtract(theta, complement, fired);
                break;
            default:
                for (int i = 0; i < fired.Length; i++)
                    fired[i] = theta[i] >= complement[i] ? 1 : -1;
                break;
        }
    }

    // Faster, where all that has changed is L, and where all rows have the same C and L.
    private readonly void FireMeans(Visit visit, ScoringLayer layer, int tile, ReadOnlySpan<float> f, Span<float> fired)
    {
        var driven = new Span<float>(Tile(layer.DrivenAt, layer.SampleCount, tile), fired.Length);
        if (!visit.IsFirst && visit.Turns[0] == SourceTurn.Kept && visit.Turns[1] == SourceTurn.Kept)
            layer.Means.FireAgain(f, driven, Sums(visit, layer, 2, tile), fired);
        else if (_lanes > 1 && IsSilent(visit, layer, 1) && IsSilent(visit, layer, 2))
            layer.Means.FireAlike(f, layer.Sources[1].Biases, layer.Sources[2].Biases, driven, fired);
        else
            layer.Means.Fire(f, Sums(visit, layer, 1, tile), Sums(visit, layer, 2, tile), driven, fired);
    }

    private readonly ReadOnlySpan<float> Sums(Visit visit, ScoringLayer layer, int source, int tile) =>
        new(
            IsSilent(visit, layer, source)
                ? layer.Sources[source].BiasesOf(_lanes)
                : Tile(layer.Sources[source].SumsAt, layer.SampleCount, tile),
            layer.SampleCount * _lanes
        );

    private static bool IsSilent(Visit visit, ScoringLayer layer, int source) =>
        visit.Turns[source] == SourceTurn.Silent || layer.Sources[source].IsConstant;

    // Of presentation p: 0 where p = 0, else 2p − 1; of the output layer, 2p + 2. 64 more for each hidden layer below.
    private readonly uint StreamOf(Visit visit)
    {
        int p = visit.Presentation;
        return (uint)(visit.Layer == _layers.Length - 1 ? 2 * p + 2 : Math.Max(2 * p - 1, 0) + 64 * visit.Layer);
    }
}

/// <summary>The features of a row.</summary>
internal readonly ref struct RowFeatures
{
    /// <summary>A row of which all features are known.</summary>
    public RowFeatures(ReadOnlySpan<float> all) => All = all;

    /// <summary>A row of which the features that are not zero are known.</summary>
    /// <param name="places">Which features these are, ascending.</param>
    /// <param name="values">Their values.</param>
    /// <param name="all">All features, or nothing where they are not needed.</param>
    public RowFeatures(ReadOnlySpan<int> places, ReadOnlySpan<float> values, ReadOnlySpan<float> all)
    {
        HasPlaces = true;
        Places = places;
        Values = values;
        All = all;
    }

    public bool HasPlaces { get; }

    public ReadOnlySpan<int> Places { get; }

    public ReadOnlySpan<float> Values { get; }

    public ReadOnlySpan<float> All { get; }
}
