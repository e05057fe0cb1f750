using System.Buffers;
using System.Collections.Concurrent;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Scoring;

public sealed unsafe partial class NetworkScorer
{
    // As many as there are threads that score at once.
    private readonly ConcurrentBag<ScoringMemory> _memories = [];

    // Of readers that have ended, for those to come: as many as one reader needs.
    private readonly ConcurrentBag<ScoringBlock> _blocks = [];
    private int _blockCount;

    /// <summary>Threads of the pool that help a reader.</summary>
    internal static int Helpers => Environment.ProcessorCount - 1;

    /// <summary>
    /// A good number of rows: enough to read the weights rarely, and few enough to stay in the second-level cache, as far as
    /// that is possible.
    /// </summary>
    internal int RowsPerBlock
    {
        get
        {
            int rows = Math.Min((1 << 18) / Network.FeatureCount, (1 << 22) / NumberCount);
            return Math.Clamp(rows / RowTile.Rows, 1, 4) * RowTile.Rows;
        }
    }

    /// <summary>Takes an empty block.</summary>
    internal ScoringBlock Rent()
    {
        if (!_blocks.TryTake(out ScoringBlock? block))
            return new ScoringBlock(Network.FeatureCount, Network.ClassCount, RowsPerBlock, Encoding);
        Interlocked.Decrement(ref _blockCount);
        block.Clear();
        return block;
    }

    /// <summary>Gives a block back that nobody uses any more.</summary>
    internal void Return(ScoringBlock block)
    {
        if (Interlocked.Increment(ref _blockCount) <= ScoringQueue.CapacityFor(Helpers) + 1)
            _blocks.Add(block);
        else
            Interlocked.Decrement(ref _blockCount);
    }

    /// <summary>Scores all rows of a block: the weights pass through the cache once, and not once a row.</summary>
    internal void Score(ScoringBlock block)
    {
        if (block.RowCount == 0)
            return;
        ScoringMemory memory = Load(block);
        Score(block, memory);
        Unload(memory);
    }

    /// <summary>Scores all rows of a block in a memory into which a scorer of a network of the same shape has loaded it.</summary>
    internal void Score(ScoringBlock block, ScoringMemory memory)
    {
        var presenter = new ScoringPresenter(this, block, memory, Settings.Mode, -1)
        {
            Part = _isSampled ? PresentedPart.Fixed : PresentedPart.All,
        };
        _schedule.Present(ref presenter);
        if (_isSampled)
            Sample(block, presenter);
        else
            Normalize(block, presenter);
    }

    /// <summary>
    /// The outputs of a layer for all rows of a block, as <see cref="LayerOutputs(ReadOnlySpan{float}, int, Span{float})"/>
    /// has them.
    /// </summary>
    /// <param name="block">The block.</param>
    /// <param name="layer">The layer's place.</param>
    /// <param name="outputs">Receives the outputs row by row.</param>
    /// <param name="stride">Numbers from a row's first output to the next row's.</param>
    internal void LayerOutputs(ScoringBlock block, int layer, Span<float> outputs, int stride)
    {
        Schedule schedule = ScheduleOf(layer);
        if (block.RowCount == 0)
            return;
        ScoringMemory memory = Load(block);
        var presenter = new ScoringPresenter(this, block, memory, ScoringMode.MeanField, layer);
        schedule.Present(ref presenter);
        int count = Layers[layer].OutputCount;
        for (int row = 0; row < block.RowCount; row++)
        {
            Span<float> ofRow = outputs.Slice(row * stride, count);
            if (block.IsMissing(row))
                ofRow.Fill(float.NaN);
            else
                presenter.Gather(Layers[layer].OutputsAt, row, ofRow);
        }

        Unload(memory);
    }

    /// <summary>Turns the rows of a block into tiles.</summary>
    internal ScoringMemory Load(ScoringBlock block)
    {
        if (!_memories.TryTake(out ScoringMemory? memory))
            memory = new ScoringMemory(Network.FeatureCount);
        memory.Load(this, block);
        return memory;
    }

    /// <summary>Gives the tiles' memory back.</summary>
    internal void Unload(ScoringMemory memory) => _memories.Add(memory);

    private void Normalize(ScoringBlock block, in ScoringPresenter presenter)
    {
        ScoringLayer output = Layers[^1];
        for (int tile = 0; tile < RowTile.Count(block.RowCount); tile++)
        {
            float* scores = presenter.Tile(output.Sources[0].SumsAt, _slopes.Length, tile);
            for (int k = 0; k < _slopes.Length; k++)
            for (int lane = k * RowTile.Rows; lane < (k + 1) * RowTile.Rows; lane++)
                scores[lane] = _slopes[k] * scores[lane] + _offsets[k];
            Softmax.NormalizeTile(scores, _slopes.Length);
        }

        for (int row = 0; row < block.RowCount; row++)
        {
            Span<float> probabilities = block.Probabilities(row);
            if (block.IsMissing(row))
                probabilities.Fill(float.NaN);
            else
                presenter.Gather(output.Sources[0].SumsAt, row, probabilities);
        }
    }

    // What is drawn, row by row, once all is known that samples have in common.
    private void Sample(ScoringBlock block, in ScoringPresenter tiles)
    {
        float[] rented = ArrayPool<float>.Shared.Rent(NumberCount + ScratchCount);
        fixed (float* numbers = rented)
            for (int row = 0; row < block.RowCount; row++)
            {
                Span<float> probabilities = block.Probabilities(row);
                if (block.IsMissing(row))
                {
                    probabilities.Fill(float.NaN);
                    continue;
                }

                ReadOnlySpan<float> features = block.Expand(row);
                var presenter = new ScoringPresenter(this, new RowFeatures(features), numbers, ScoringMode.Sampled, -1);
                foreach (ScoringLayer layer in Layers)
                    presenter.CopyFixed(layer, tiles, row);
                Sample(ref presenter, KeyOf(features), probabilities);
            }

        ArrayPool<float>.Shared.Return(rented);
    }
}
