// The same as for one row, to the bit: sums have the same order of terms (SourceSums), and all else happens number by
// number. Only what is drawn at random is drawn row by row.

using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.Intrinsics;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Scoring;

public sealed unsafe partial class NetworkScorer
{
    // As many as there are threads that score at once.
    private readonly ConcurrentBag<RowTileMemory> _memories = [];

    // Of readers that have ended, for those to come: as many as one reader needs.
    private readonly ConcurrentBag<ScoringBlock> _blocks = [];
    private int _blockCount;

    /// <summary>Threads of the pool that help a reader.</summary>
    internal static int Helpers => Environment.ProcessorCount - 1;

    /// <summary>Takes an empty block.</summary>
    internal ScoringBlock Rent()
    {
        if (!_blocks.TryTake(out ScoringBlock? block))
            return new ScoringBlock(
                Network.FeatureCount,
                Network.ClassCount,
                ScoringBlock.RowsFor(Network.FeatureCount)
            );
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
        int panels = RowTile.Count(block.RowCount);
        if (panels == 0)
            return;
        if (!_memories.TryTake(out RowTileMemory? memory))
            memory = new RowTileMemory(this);
        memory.Reserve(panels);
        if (_hidden is null)
        {
            Drive(block, panels, memory, _outputSums, memory.Outputs);
            Finish(block, memory);
        }
        else
        {
            Drive(block, panels, memory, _featureSums!, memory.F);
            if (_stepSigns is not null)
                Settle(_stepSigns, block, memory.F);
            if (IsSampled)
            {
                Sample(block, memory);
            }
            else
            {
                Present(_hidden, panels, memory);
                Finish(block, memory);
            }
        }

        _memories.Add(memory);
    }

    // F of all rows.
    private static void Drive(ScoringBlock block, int panels, RowTileMemory memory, SourceSums source, RowTileArray f)
    {
        for (int panel = 0; panel < panels; )
        {
            if (block.IsSparse(panel))
            {
                DriveSparse(block, panel, source, f[panel]);
                panel++;
                continue;
            }

            int end = panel;
            for (; end < panels && !block.IsSparse(end); end++)
                memory.Counts[end] = block.Pack(end, memory.Features[end], memory.Places(end));
            fixed (int* counts = memory.Counts)
                source.Aggregate(memory.Features[panel], memory.Places(panel), counts + panel, end - panel, f[panel]);
            panel = end;
        }

        for (int panel = 0; panel < panels; panel++)
        {
            // A number that is not finite gives NaN here, and 0 otherwise.
            float* sums = f[panel];
            Vector512<float> low = default;
            Vector512<float> high = default;
            for (int neuron = 0; neuron < source.Count; neuron++)
            {
                low += Vector512.LoadAligned(sums + neuron * RowTile.Rows) * Vector512<float>.Zero;
                high += Vector512.LoadAligned(sums + neuron * RowTile.Rows + 16) * Vector512<float>.Zero;
            }

            if (low == Vector512<float>.Zero && high == Vector512<float>.Zero)
                continue;
            for (int row = panel * RowTile.Rows; row < Math.Min(block.RowCount, (panel + 1) * RowTile.Rows); row++)
            {
                int lane = row % RowTile.Rows;
                if (float.IsNaN(lane < 16 ? low[lane] : high[lane - 16]))
                    block.SetMissing(row);
            }
        }
    }

    private static void Settle(StepSigns signs, ScoringBlock block, RowTileArray f)
    {
        float[] sums = ArrayPool<float>.Shared.Rent(f.Count);
        for (int row = 0; row < block.RowCount; row++)
        {
            if (block.IsMissing(row))
                continue;
            float* lane = f[row / RowTile.Rows] + row % RowTile.Rows;
            Gather(lane, sums.AsSpan(0, f.Count));
            signs.Settle(block.Expand(row), sums.AsSpan(0, f.Count));
            for (int neuron = 0; neuron < f.Count; neuron++)
                lane[(nint)neuron * RowTile.Rows] = sums[neuron];
        }

        ArrayPool<float>.Shared.Return(sums);
    }

    private static void DriveSparse(ScoringBlock block, int panel, SourceSums source, float* f)
    {
        float[] sums = ArrayPool<float>.Shared.Rent(source.Count);
        int first = panel * RowTile.Rows;
        for (int row = first; row < first + RowTile.Rows; row++)
        {
            if (row < block.RowCount)
            {
                (ReadOnlyMemory<int> indices, ReadOnlyMemory<float> values) = block.Sparse(row);
                source.Aggregate(indices.Span, values.Span, sums.AsSpan(0, source.Count));
            }

            for (int neuron = 0; neuron < source.Count; neuron++)
                f[neuron * RowTile.Rows + row - first] = sums[neuron];
        }

        ArrayPool<float>.Shared.Return(sums);
    }

    // All presentations and the output layer's aggregated inputs, from F.
    private void Present(InfomorphicLayer hidden, int panels, RowTileMemory memory)
    {
        if (hidden.Activation is StepActivation)
        {
            for (int panel = 0; panel < panels; panel++)
            {
                ReadOnlySpan<float> f = memory.F.Span(panel);
                Span<float> y = memory.Y.Span(panel);
                for (int i = 0; i < y.Length; i++)
                    y[i] = f[i] > 0 ? 1 : 0;
            }
        }
        else if (hidden.Activation is ModulatedActivation modulated && Settings.Mode == ScoringMode.MeanField)
        {
            PresentMeans(new MeanFieldActivation(modulated), panels, memory);
        }
        else
        {
            for (int panel = 0; panel < panels; panel++)
                Fire(hidden, memory, panel, memory.ContextBiases.Span(0), memory.LateralBiases.Span(0));
            for (int presentation = 1; presentation < Network.Presentations; presentation++)
            {
                FeedBack(panels, memory);
                _lateralSums?.Aggregate(memory.Y[0], panels, memory.L[0]);
                for (int panel = 0; panel < panels; panel++)
                    Fire(
                        hidden,
                        memory,
                        panel,
                        _contextSums is null ? memory.ContextBiases.Span(0) : memory.C.Span(panel),
                        _lateralSums is null ? memory.LateralBiases.Span(0) : memory.L.Span(panel)
                    );
            }
        }

        _outputSums.Aggregate(memory.Y[0], panels, memory.Outputs[0]);
    }

    // The same, faster.
    private void PresentMeans(MeanFieldActivation activation, int panels, RowTileMemory memory)
    {
        for (int panel = 0; panel < panels; panel++)
            activation.FireAlike(
                memory.F.Span(panel),
                _context!.Biases,
                _lateral!.Biases,
                memory.Driven.Span(panel),
                memory.Y.Span(panel)
            );
        for (int presentation = 1; presentation < Network.Presentations; presentation++)
        {
            _lateralSums!.Aggregate(memory.Y[0], panels, memory.L[0]);
            FeedBack(panels, memory);
            for (int panel = 0; panel < panels; panel++)
                if (_contextSums is null)
                    activation.FireAgain(
                        memory.F.Span(panel),
                        memory.Driven.Span(panel),
                        memory.L.Span(panel),
                        memory.Y.Span(panel)
                    );
                else
                    activation.Fire(
                        memory.F.Span(panel),
                        memory.C.Span(panel),
                        memory.L.Span(panel),
                        memory.Driven.Span(panel),
                        memory.Y.Span(panel)
                    );
        }
    }

    // C from the output layer's outputs, where they are fed back.
    private void FeedBack(int panels, RowTileMemory memory)
    {
        if (_contextSums is null)
            return;
        _outputSums.Aggregate(memory.Y[0], panels, memory.Outputs[0]);
        for (int panel = 0; panel < panels; panel++)
        {
            Span<float> theta = memory.Theta.AsSpan(0, memory.Fed.Length);
            Span<float> complement = memory.Complement.AsSpan(0, memory.Fed.Length);
            VectorizedActivation.Fire(memory.Outputs.Span(panel), theta, complement);
            Pass(theta, complement, memory.Fed.Span(panel), 0, null, 0);
        }

        _contextSums.Aggregate(memory.Fed[0], panels, memory.C[0]);
    }

    private void Fire(
        InfomorphicLayer hidden,
        RowTileMemory memory,
        int panel,
        ReadOnlySpan<float> context,
        ReadOnlySpan<float> lateral
    )
    {
        Span<float> theta = memory.Theta.AsSpan(0, memory.F.Length);
        Span<float> complement = memory.Complement.AsSpan(0, memory.F.Length);
        VectorizedActivation.Fire(
            hidden.Activation,
            memory.F.Span(panel),
            _context is null ? lateral : context,
            lateral,
            theta,
            complement
        );
        Pass(theta, complement, memory.Y.Span(panel), 0, null, 0);
    }

    private void Finish(ScoringBlock block, RowTileMemory memory)
    {
        for (int panel = 0; panel < RowTile.Count(block.RowCount); panel++)
        {
            Span<float> scores = memory.Outputs.Span(panel);
            for (int k = 0; k < _slopes.Length; k++)
            for (int lane = k * RowTile.Rows; lane < (k + 1) * RowTile.Rows; lane++)
                scores[lane] = _slopes[k] * scores[lane] + _offsets[k];
            Softmax.NormalizePanel(memory.Outputs[panel], _slopes.Length);
            for (int row = panel * RowTile.Rows; row < Math.Min(block.RowCount, (panel + 1) * RowTile.Rows); row++)
            {
                Span<float> probabilities = block.Probabilities(row);
                if (block.IsMissing(row))
                    probabilities.Fill(float.NaN);
                else
                    Gather(memory.Outputs[panel] + row % RowTile.Rows, probabilities);
            }
        }
    }

    private void Sample(ScoringBlock block, RowTileMemory memory)
    {
        int n = _hidden!.NeuronCount;
        float[] rented = ArrayPool<float>.Shared.Rent(Scratch.Length(n, Network.ClassCount));
        var scratch = new Scratch(rented, n, Network.ClassCount);
        for (int row = 0; row < block.RowCount; row++)
        {
            Span<float> probabilities = block.Probabilities(row);
            if (block.IsMissing(row))
            {
                probabilities.Fill(float.NaN);
                continue;
            }

            Gather(memory.F[row / RowTile.Rows] + row % RowTile.Rows, scratch.F);
            Score(scratch, KeyOf(block.Expand(row)), probabilities);
        }

        ArrayPool<float>.Shared.Return(rented);
    }

    private static void Gather(float* lane, Span<float> values)
    {
        for (int i = 0; i < values.Length; i++)
            values[i] = lane[(nint)i * RowTile.Rows];
    }

    /// <summary>What a thread needs to score a block.</summary>
    private sealed class RowTileMemory
    {
        private readonly RowTileArray[] _arrays;
        private int _panels;
        private AlignedArray<int> _places = new(0);

        public RowTileMemory(NetworkScorer scorer)
        {
            int n = scorer._hidden?.NeuronCount ?? 0;
            Features = new RowTileArray(scorer.Network.FeatureCount, scorer.Network.FeatureCount);
            F = Neurons();
            C = scorer._contextSums is null ? new RowTileArray(0, 0) : Neurons();
            L = scorer._lateralSums is null ? new RowTileArray(0, 0) : Neurons();
            Y = Neurons();
            Driven = scorer._hidden?.Activation is ModulatedActivation ? Neurons() : new RowTileArray(0, 0);
            Outputs = Classes();
            Fed = scorer._contextSums is null ? new RowTileArray(0, 0) : Classes();
            ContextBiases = Repeat(scorer._context?.Biases);
            LateralBiases = Repeat(scorer._lateral?.Biases);
            Theta = new float[Math.Max(n, scorer._contextSums is null ? 0 : scorer.Network.ClassCount) * RowTile.Rows];
            Complement = new float[Theta.Length];
            _arrays = [F, C, L, Y, Driven, Outputs, Fed, Features];

            RowTileArray Neurons() => new(n, SourceSums.Pad(n));

            RowTileArray Classes() => new(scorer.Network.ClassCount, scorer._outputSums.PaddedCount);
        }

        public RowTileArray Features { get; }

        /// <summary>How many features each panel holds.</summary>
        public int[] Counts { get; private set; } = [];

        public RowTileArray F { get; }

        public RowTileArray C { get; }

        public RowTileArray L { get; }

        public RowTileArray Y { get; }

        /// <summary>What the presentations share.</summary>
        public RowTileArray Driven { get; }

        public RowTileArray Outputs { get; }

        public RowTileArray Fed { get; }

        public RowTileArray ContextBiases { get; }

        public RowTileArray LateralBiases { get; }

        public float[] Theta { get; }

        public float[] Complement { get; }

        public void Reserve(int panels)
        {
            if (panels <= _panels)
                return;
            _panels = panels;
            Counts = new int[panels];
            _places = new AlignedArray<int>(checked(panels * Features.Count));
            foreach (RowTileArray array in _arrays)
                array.Reserve(panels);
        }

        /// <summary>Which features a panel holds.</summary>
        public int* Places(int panel) => _places.Pointer + (nint)panel * Features.Count;

        private static RowTileArray Repeat(float[]? biases)
        {
            var panel = new RowTileArray(biases?.Length ?? 0, biases?.Length ?? 0);
            panel.Reserve(1);
            for (int neuron = 0; neuron < panel.Count; neuron++)
                panel.Span(0).Slice(neuron * RowTile.Rows, RowTile.Rows).Fill(biases![neuron]);
            return panel;
        }
    }

    /// <summary>Panels of a number of quantities.</summary>
    /// <param name="count">The quantities.</param>
    /// <param name="padded">Quantities of a panel, with padding.</param>
    private sealed class RowTileArray(int count, int padded)
    {
        private AlignedArray<float> _numbers = new(0);

        public int Count => count;

        public int Length => count * RowTile.Rows;

        public float* this[int panel] => _numbers.Pointer + (nint)panel * padded * RowTile.Rows;

        public void Reserve(int panels) => _numbers = new AlignedArray<float>(checked(panels * padded * RowTile.Rows));

        public Span<float> Span(int panel) => new(this[panel], Length);
    }
}
