// The same as for one row, to the bit: sums have the same order of terms (SourceSums), and all else happens number by
// number. Only what is drawn at random is drawn row by row.

using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.Intrinsics;
using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Learning;

public sealed unsafe partial class NetworkScorer
{
    // As many as there are threads that score at once.
    private readonly ConcurrentBag<PanelMemory> _memories = [];

    /// <summary>Scores all rows of a block: the weights pass through the cache once, and not once a row.</summary>
    internal void Score(ScoringBlock block)
    {
        int panels = Panel.Count(block.RowCount);
        if (panels == 0)
            return;
        if (!_memories.TryTake(out PanelMemory? memory))
            memory = new PanelMemory(this);
        memory.Reserve(panels);
        if (_hidden is null)
        {
            Drive(block, panels, memory, _outputSums, memory.Outputs);
            Finish(block, memory);
        }
        else
        {
            Drive(block, panels, memory, _featureSums!, memory.F);
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
    private static void Drive(ScoringBlock block, int panels, PanelMemory memory, SourceSums source, PanelArray f)
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
                block.Pack(end, memory.Features[end]);
            source.Aggregate(memory.Features[panel], end - panel, f[panel]);
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
                low += Vector512.LoadAligned(sums + neuron * Panel.Rows) * Vector512<float>.Zero;
                high += Vector512.LoadAligned(sums + neuron * Panel.Rows + 16) * Vector512<float>.Zero;
            }

            if (low == Vector512<float>.Zero && high == Vector512<float>.Zero)
                continue;
            for (int row = panel * Panel.Rows; row < Math.Min(block.RowCount, (panel + 1) * Panel.Rows); row++)
            {
                int lane = row % Panel.Rows;
                if (float.IsNaN(lane < 16 ? low[lane] : high[lane - 16]))
                    block.SetMissing(row);
            }
        }
    }

    private static void DriveSparse(ScoringBlock block, int panel, SourceSums source, float* f)
    {
        float[] sums = ArrayPool<float>.Shared.Rent(source.Count);
        int first = panel * Panel.Rows;
        for (int row = first; row < first + Panel.Rows; row++)
        {
            if (row < block.RowCount)
            {
                (ReadOnlyMemory<int> indices, ReadOnlyMemory<float> values) = block.Sparse(row);
                source.Aggregate(indices.Span, values.Span, sums.AsSpan(0, source.Count));
            }

            for (int neuron = 0; neuron < source.Count; neuron++)
                f[neuron * Panel.Rows + row - first] = sums[neuron];
        }

        ArrayPool<float>.Shared.Return(sums);
    }

    // All presentations and the output layer's aggregated inputs, from F.
    private void Present(InfomorphicLayer hidden, int panels, PanelMemory memory)
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
        else
        {
            for (int panel = 0; panel < panels; panel++)
                Fire(hidden, memory, panel, memory.ContextBiases.Span(0), memory.LateralBiases.Span(0));
            for (int presentation = 1; presentation < Network.Presentations; presentation++)
            {
                if (_contextSums is not null)
                {
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

    private void Fire(
        InfomorphicLayer hidden,
        PanelMemory memory,
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

    private void Finish(ScoringBlock block, PanelMemory memory)
    {
        for (int row = 0; row < block.RowCount; row++)
        {
            Span<float> probabilities = block.Probabilities(row);
            if (block.IsMissing(row))
            {
                probabilities.Fill(float.NaN);
                continue;
            }

            Gather(memory.Outputs[row / Panel.Rows] + row % Panel.Rows, probabilities);
            Calibrate(probabilities, probabilities);
            Softmax(probabilities, probabilities);
        }
    }

    private void Sample(ScoringBlock block, PanelMemory memory)
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

            Gather(memory.F[row / Panel.Rows] + row % Panel.Rows, scratch.F);
            Score(scratch, KeyOf(block.Expand(row)), probabilities);
        }

        ArrayPool<float>.Shared.Return(rented);
    }

    private static void Gather(float* lane, Span<float> values)
    {
        for (int i = 0; i < values.Length; i++)
            values[i] = lane[(nint)i * Panel.Rows];
    }

    /// <summary>What a thread needs to score a block.</summary>
    private sealed class PanelMemory
    {
        private readonly PanelArray[] _arrays;
        private int _panels;

        public PanelMemory(NetworkScorer scorer)
        {
            int n = scorer._hidden?.NeuronCount ?? 0;
            Features = new PanelArray(scorer.Network.FeatureCount, scorer.Network.FeatureCount);
            F = Neurons();
            C = scorer._contextSums is null ? new PanelArray(0, 0) : Neurons();
            L = scorer._lateralSums is null ? new PanelArray(0, 0) : Neurons();
            Y = Neurons();
            Outputs = Classes();
            Fed = scorer._contextSums is null ? new PanelArray(0, 0) : Classes();
            ContextBiases = Repeat(scorer._context?.Biases);
            LateralBiases = Repeat(scorer._lateral?.Biases);
            Theta = new float[Math.Max(n, scorer._contextSums is null ? 0 : scorer.Network.ClassCount) * Panel.Rows];
            Complement = new float[Theta.Length];
            _arrays = [F, C, L, Y, Outputs, Fed, Features];

            PanelArray Neurons() => new(n, SourceSums.Pad(n));

            PanelArray Classes() => new(scorer.Network.ClassCount, scorer._outputSums.PaddedCount);
        }

        public PanelArray Features { get; }

        public PanelArray F { get; }

        public PanelArray C { get; }

        public PanelArray L { get; }

        public PanelArray Y { get; }

        public PanelArray Outputs { get; }

        public PanelArray Fed { get; }

        public PanelArray ContextBiases { get; }

        public PanelArray LateralBiases { get; }

        public float[] Theta { get; }

        public float[] Complement { get; }

        public void Reserve(int panels)
        {
            if (panels <= _panels)
                return;
            _panels = panels;
            foreach (PanelArray array in _arrays)
                array.Reserve(panels);
        }

        private static PanelArray Repeat(float[]? biases)
        {
            var panel = new PanelArray(biases?.Length ?? 0, biases?.Length ?? 0);
            panel.Reserve(1);
            for (int neuron = 0; neuron < panel.Count; neuron++)
                panel.Span(0).Slice(neuron * Panel.Rows, Panel.Rows).Fill(biases![neuron]);
            return panel;
        }
    }

    /// <summary>Panels of a number of quantities.</summary>
    /// <param name="count">The quantities.</param>
    /// <param name="padded">Quantities of a panel, with padding.</param>
    private sealed class PanelArray(int count, int padded)
    {
        private AlignedArray<float> _numbers = new(0);

        public int Count => count;

        public int Length => count * Panel.Rows;

        public float* this[int panel] => _numbers.Pointer + (nint)panel * padded * Panel.Rows;

        public void Reserve(int panels) => _numbers = new AlignedArray<float>(checked(panels * padded * Panel.Rows));

        public Span<float> Span(int panel) => new(this[panel], Length);
    }
}
