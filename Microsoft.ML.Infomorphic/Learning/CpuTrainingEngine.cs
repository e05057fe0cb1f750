// One training step on the CPU (arXiv 2412.02482, algorithms 1 and 2): libtorch multiplies matrices, the kernels do
// everything else, in the same memory. Matrices hold one neuron a row and one row of the batch a column, so that a
// neuron's share of the work is contiguous.
//
//   symbol     variable      shape               unit
//   x          _features     rows × features     –
//   F, C, L    _f, _c, _l    neurons × rows      –       aggregated inputs, overwritten by ∂G/∂F, ∂G/∂C, ∂G/∂L
//   y¹, y²     _first, _second neurons × rows    ±1      outputs of the first and of the second presentation
//   θ          workspace     rows                probability

using System.Numerics.Tensors;
using Microsoft.ML.Infomorphic.Kernels;
using TorchSharp;

namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>Trains and evaluates a <see cref="NetworkState"/> on the CPU.</summary>
internal sealed class CpuTrainingEngine : IDisposable
{
    private readonly NetworkState _state;
    private readonly LearningSettings _settings;
    private readonly ModulatedActivation _activation;
    private readonly ParallelOptions _parallel;
    private readonly NeuronWorkspace[] _workspaces;
    private readonly float[] _inverseScales;
    private readonly BatchBuffers _full;
    private BatchBuffers? _partial;
    private long _steps;

    public CpuTrainingEngine(NetworkState state, LearningSettings settings, int maximumRows)
    {
        _state = state;
        _settings = settings;
        _activation = (ModulatedActivation)settings.Activation;
        int threads = settings.Threads ?? Environment.ProcessorCount;
        _parallel = new ParallelOptions { MaxDegreeOfParallelism = threads };
        var hiddenTerms = new GoalTerms(settings.Goal);
        var outputTerms = new GoalTerms(settings.OutputGoal);
        _workspaces = Enumerable
            .Range(0, threads)
            .Select(_ => new NeuronWorkspace(
                new VectorizedGoal(hiddenTerms, settings.Binning.Count, maximumRows),
                new VectorizedGoal(outputTerms, Binning.PaperOutputLayer.Count, maximumRows),
                maximumRows
            ))
            .ToArray();
        _inverseScales = state.Scaling.Scales.Select(scale => 1 / scale).ToArray();
        _full = new BatchBuffers(state, maximumRows);
    }

    /// <summary>Trains on one batch.</summary>
    /// <param name="rows">The data.</param>
    /// <param name="batch">The rows of the batch.</param>
    /// <param name="statistics">Receives what the neurons know, or null.</param>
    public void Step(LabeledRows rows, ReadOnlyMemory<int> batch, InformationStatistics? statistics)
    {
        long step = ++_steps;
        BatchBuffers buffers = BuffersFor(batch.Length);
        Gather(rows, batch.Span, buffers);

        // Presentation 1, without lateral activity, then presentation 2; then the output layer.
        buffers.F.Tensor.addmm_(_state.FeatureWeights.Value.Tensor, buffers.FeaturesTransposed, beta: 0);
        ForEachNeuron(_state.HiddenCount, buffers, (neuron, workspace) => PresentFirst(neuron, step, buffers, workspace));
        AggregateLateral(buffers);
        ForEachNeuron(
            _state.HiddenCount,
            buffers,
            (neuron, workspace) => TrainHidden(neuron, step, buffers, workspace, statistics)
        );
        buffers.OutputF.Tensor.addmm_(_state.OutputWeights.Value.Tensor, buffers.Second.Tensor, beta: 0);
        ForEachNeuron(
            _state.ClassCount,
            buffers,
            (neuron, workspace) => TrainOutput(neuron, buffers, workspace, statistics)
        );

        // ∂G/∂W = ∂G/∂F · inputs.
        _state.FeatureWeights.Gradient.Tensor.addmm_(buffers.F.Tensor, buffers.Features.Tensor, beta: 0);
        _state.OutputWeights.Gradient.Tensor.addmm_(buffers.OutputF.Tensor, buffers.SecondTransposed, beta: 0);
        DifferentiateLateral(buffers);
        ForEachNeuron(_state.HiddenCount, buffers, (neuron, _) => UpdateHidden(neuron, step));
        for (int neuron = 0; neuron < _state.ClassCount; neuron++)
        {
            _state.OutputWeights.Update(neuron, _settings.OutputOptimizer, step);
            _state.OutputBiases.Update(neuron, _settings.OutputOptimizer, step);
        }
    }

    /// <summary>
    /// Aggregated inputs of the output layer for a batch, with the label withheld and the hidden neurons at their mean
    /// output y = 2θ − 1.
    /// </summary>
    /// <param name="rows">The data.</param>
    /// <param name="batch">The rows of the batch.</param>
    /// <returns>Classes × rows; valid until the next call.</returns>
    public TensorMatrix Evaluate(LabeledRows rows, ReadOnlySpan<int> batch)
    {
        BatchBuffers buffers = BuffersFor(batch.Length);
        Gather(rows, batch, buffers);
        buffers.F.Tensor.addmm_(_state.FeatureWeights.Value.Tensor, buffers.FeaturesTransposed, beta: 0);
        ForEachNeuron(
            _state.HiddenCount,
            buffers,
            (neuron, workspace) =>
            {
                ReadOnlySpan<float> biases = _state.HiddenBiases.Value[neuron];
                Span<float> f = buffers.F[neuron];
                Span<float> c = buffers.C[neuron];
                TensorPrimitives.Add(f, biases[0], f);
                c.Fill(biases[1]);
                workspace.Lateral.Fill(biases[2]);
                MeanOutput(f, c, workspace.Lateral, workspace, buffers.First[neuron]);
            }
        );
        AggregateLateral(buffers);
        ForEachNeuron(
            _state.HiddenCount,
            buffers,
            (neuron, workspace) =>
            {
                Span<float> l = buffers.L[neuron];
                TensorPrimitives.Add(l, _state.HiddenBiases.Value[neuron][2], l);
                MeanOutput(buffers.F[neuron], buffers.C[neuron], l, workspace, buffers.Second[neuron]);
            }
        );
        buffers.OutputF.Tensor.addmm_(_state.OutputWeights.Value.Tensor, buffers.Second.Tensor, beta: 0);
        for (int neuron = 0; neuron < _state.ClassCount; neuron++)
        {
            Span<float> f = buffers.OutputF[neuron];
            TensorPrimitives.Add(f, _state.OutputBiases.Value[neuron][0], f);
        }

        return buffers.OutputF;

        void MeanOutput(
            ReadOnlySpan<float> f,
            ReadOnlySpan<float> c,
            ReadOnlySpan<float> l,
            NeuronWorkspace workspace,
            Span<float> output
        )
        {
            VectorizedActivation.Fire(_activation, f, c, l, workspace.Theta, workspace.Complement);
            TensorPrimitives.Subtract(workspace.Theta, workspace.Complement, output);
        }
    }

    public void Dispose()
    {
        _full.Dispose();
        _partial?.Dispose();
    }

    private BatchBuffers BuffersFor(int rows)
    {
        if (rows == _full.RowCount)
            return _full;
        if (_partial?.RowCount != rows)
        {
            _partial?.Dispose();
            _partial = new BatchBuffers(_state, rows);
        }

        return _partial;
    }

    // The batch's features, standardised, its classes, and the probability mass of each of its rows.
    private void Gather(LabeledRows rows, ReadOnlySpan<int> batch, BatchBuffers buffers)
    {
        batch.CopyTo(buffers.Rows);
        ForEachChunk(
            batch.Length,
            (start, end, _) =>
            {
                for (int i = start; i < end; i++)
                {
                    Span<float> features = buffers.Features[i];
                    rows.Features.CopyRow(buffers.Rows[i], features);
                    TensorPrimitives.Subtract(features, _state.Scaling.Offsets, features);
                    TensorPrimitives.Multiply(features, _inverseScales, features);
                    buffers.Labels[i] = rows.Labels[buffers.Rows[i]];
                }
            }
        );
        if (rows.Weights is null)
        {
            buffers.Mass.AsSpan().Fill(1f / batch.Length);
            return;
        }

        double total = 0;
        foreach (int row in batch)
            total += rows.Weights[row];
        for (int i = 0; i < batch.Length; i++)
            buffers.Mass[i] = (float)(rows.Weights[batch[i]] / total);
    }

    private void PresentFirst(int neuron, long step, BatchBuffers buffers, NeuronWorkspace workspace)
    {
        ReadOnlySpan<float> biases = _state.HiddenBiases.Value[neuron];
        Span<float> f = buffers.F[neuron];
        Span<float> c = buffers.C[neuron];
        TensorPrimitives.Add(f, biases[0], f);
        ReadOnlySpan<float> byClass = _state.LabelWeights.Value[neuron];
        ReadOnlySpan<int> labels = buffers.Labels;
        for (int row = 0; row < c.Length; row++)
            c[row] = byClass[labels[row]] + biases[1];
        workspace.Lateral.Fill(biases[2]);
        VectorizedActivation.Fire(_activation, f, c, workspace.Lateral, workspace.Theta, workspace.Complement);
        Philox.Sample(workspace.Theta, buffers.First[neuron], (uint)neuron, 2 * (ulong)step, _settings.Seed);
    }

    private void TrainHidden(
        int neuron,
        long step,
        BatchBuffers buffers,
        NeuronWorkspace workspace,
        InformationStatistics? statistics
    )
    {
        Span<float> f = buffers.F[neuron];
        Span<float> c = buffers.C[neuron];
        Span<float> l = buffers.L[neuron];
        TensorPrimitives.Add(l, _state.HiddenBiases.Value[neuron][2], l);
        VectorizedActivation.Fire(_activation, f, c, l, workspace.Theta, workspace.Complement);
        Philox.Sample(workspace.Theta, buffers.Second[neuron], (uint)neuron, 2 * (ulong)step + 1, _settings.Seed);

        Binning binning = _settings.Binning;
        workspace.Cells.Clear();
        VectorizedBinning.Accumulate(binning, f, workspace.Cells, 1);
        VectorizedBinning.Accumulate(binning, c, workspace.Cells, binning.Count);
        VectorizedBinning.Accumulate(binning, l, workspace.Cells, binning.Count * binning.Count);
        VectorizedGoal goal = workspace.HiddenGoal;
        goal.Count(workspace.Cells, workspace.Theta, workspace.Complement, buffers.Mass);
        statistics?.Hidden.Add(neuron, goal);
        goal.Differentiate(buffers.Mass, workspace.Slope);
        VectorizedActivation.Differentiate(
            _activation,
            f,
            c,
            l,
            workspace.Theta,
            workspace.Complement,
            workspace.Slope,
            f,
            c,
            l
        );

        Span<float> biases = _state.HiddenBiases.Gradient[neuron];
        biases[0] = TensorPrimitives.Sum<float>(f);
        biases[1] = TensorPrimitives.Sum<float>(c);
        biases[2] = TensorPrimitives.Sum<float>(l);
        Span<float> byClass = _state.LabelWeights.Gradient[neuron];
        byClass.Clear();
        ReadOnlySpan<int> labels = buffers.Labels;
        for (int row = 0; row < c.Length; row++)
            byClass[labels[row]] += c[row];
    }

    private void TrainOutput(
        int neuron,
        BatchBuffers buffers,
        NeuronWorkspace workspace,
        InformationStatistics? statistics
    )
    {
        Span<float> f = buffers.OutputF[neuron];
        TensorPrimitives.Add(f, _state.OutputBiases.Value[neuron][0], f);
        VectorizedActivation.Fire(f, workspace.Theta, workspace.Complement);

        // The context, the neuron's own element of the one-hot label, takes the slope's place until that is known.
        Span<float> ownLabel = workspace.Slope;
        ReadOnlySpan<int> labels = buffers.Labels;
        for (int row = 0; row < ownLabel.Length; row++)
            ownLabel[row] = labels[row] == neuron ? 1 : 0;
        workspace.Cells.Clear();
        VectorizedBinning.Accumulate(Binning.PaperOutputLayer, f, workspace.Cells, 1);
        VectorizedBinning.Accumulate(Binning.PaperOutputLayer, ownLabel, workspace.Cells, Binning.PaperOutputLayer.Count);
        VectorizedGoal goal = workspace.OutputGoal;
        goal.Count(workspace.Cells, workspace.Theta, workspace.Complement, buffers.Mass);
        statistics?.Output.Add(neuron, goal);
        goal.Differentiate(buffers.Mass, workspace.Slope);
        VectorizedActivation.Differentiate(workspace.Theta, workspace.Complement, workspace.Slope, f);
        _state.OutputBiases.Gradient[neuron][0] = TensorPrimitives.Sum<float>(f);
    }

    // L without its bias: lateral weights times the outputs of the first presentation.
    private void AggregateLateral(BatchBuffers buffers)
    {
        if (_state.LateralConnections is null)
        {
            buffers.L.Tensor.addmm_(_state.LateralWeights.Value.Tensor, buffers.First.Tensor, beta: 0);
            return;
        }

        int[] connections = _state.LateralConnections;
        ForEachNeuron(
            _state.HiddenCount,
            buffers,
            (neuron, _) =>
            {
                Span<float> l = buffers.L[neuron];
                ReadOnlySpan<float> weights = _state.LateralWeights.Value[neuron];
                l.Clear();
                for (int i = 0; i < _state.LateralCount; i++)
                {
                    int peer = connections[neuron * _state.LateralCount + i];
                    TensorPrimitives.MultiplyAdd(buffers.First[peer], weights[i], l, l);
                }
            }
        );
    }

    private void DifferentiateLateral(BatchBuffers buffers)
    {
        if (_state.LateralConnections is null)
        {
            _state.LateralWeights.Gradient.Tensor.addmm_(buffers.L.Tensor, buffers.FirstTransposed, beta: 0);
            for (int neuron = 0; neuron < _state.HiddenCount; neuron++)
                _state.LateralWeights.Gradient[neuron][neuron] = 0;
            return;
        }

        int[] connections = _state.LateralConnections;
        ForEachNeuron(
            _state.HiddenCount,
            buffers,
            (neuron, _) =>
            {
                Span<float> gradient = _state.LateralWeights.Gradient[neuron];
                for (int i = 0; i < _state.LateralCount; i++)
                {
                    int peer = connections[neuron * _state.LateralCount + i];
                    gradient[i] = TensorPrimitives.Dot<float>(buffers.L[neuron], buffers.First[peer]);
                }
            }
        );
    }

    private void UpdateHidden(int neuron, long step)
    {
        _state.FeatureWeights.Update(neuron, _settings.HiddenOptimizer, step);
        _state.LabelWeights.Update(neuron, _settings.HiddenOptimizer, step);
        _state.LateralWeights.Update(neuron, _settings.HiddenOptimizer, step);
        _state.HiddenBiases.Update(neuron, _settings.HiddenOptimizer, step);
    }

    private void ForEachNeuron(int count, BatchBuffers buffers, Action<int, NeuronWorkspace> work) =>
        ForEachChunk(
            count,
            (start, end, thread) =>
            {
                NeuronWorkspace workspace = _workspaces[thread];
                workspace.Resize(buffers.RowCount);
                for (int neuron = start; neuron < end; neuron++)
                    work(neuron, workspace);
            }
        );

    // Neurons do not touch each other's results, so that how they are shared out among threads changes nothing.
    private void ForEachChunk(int count, Action<int, int, int> work)
    {
        int threads = _workspaces.Length;
        Parallel.For(
            0,
            threads,
            _parallel,
            thread => work(thread * count / threads, (thread + 1) * count / threads, thread)
        );
    }

    /// <summary>One thread's scratch memory for one neuron.</summary>
    private sealed class NeuronWorkspace(VectorizedGoal hiddenGoal, VectorizedGoal outputGoal, int maximumRows)
    {
        // Rows of scratch are a cache line longer than the batch, lest those of one row of the batch all fall on the
        // same offset of a page.
        private readonly int _stride = (maximumRows + 31) / 16 * 16;
        private readonly AlignedArray<float> _scratch = new(4 * ((maximumRows + 31) / 16 * 16));
        private readonly AlignedArray<int> _cells = new(maximumRows);
        private int _rows = maximumRows;

        public VectorizedGoal HiddenGoal { get; } = hiddenGoal;

        public VectorizedGoal OutputGoal { get; } = outputGoal;

        public Span<float> Theta => _scratch.Span[.._rows];

        public Span<float> Complement => _scratch.Span.Slice(_stride, _rows);

        public Span<float> Slope => _scratch.Span.Slice(2 * _stride, _rows);

        public Span<float> Lateral => _scratch.Span.Slice(3 * _stride, _rows);

        public Span<int> Cells => _cells.Span[.._rows];

        public void Resize(int rows) => _rows = rows;
    }

    /// <summary>The matrices of a batch of one size.</summary>
    private sealed class BatchBuffers : IDisposable
    {
        public BatchBuffers(NetworkState state, int rows)
        {
            RowCount = rows;
            Rows = new int[rows];
            Labels = new int[rows];
            Mass = new float[rows];
            Features = new TensorMatrix(rows, state.Scaling.FeatureCount);
            F = new TensorMatrix(state.HiddenCount, rows);
            C = new TensorMatrix(state.HiddenCount, rows);
            L = new TensorMatrix(state.HiddenCount, rows);
            First = new TensorMatrix(state.HiddenCount, rows);
            Second = new TensorMatrix(state.HiddenCount, rows);
            OutputF = new TensorMatrix(state.ClassCount, rows);
            FeaturesTransposed = Features.Tensor.t();
            FirstTransposed = First.Tensor.t();
            SecondTransposed = Second.Tensor.t();
        }

        public int RowCount { get; }

        public int[] Rows { get; }

        public int[] Labels { get; }

        public float[] Mass { get; }

        public TensorMatrix Features { get; }

        public TensorMatrix F { get; }

        public TensorMatrix C { get; }

        public TensorMatrix L { get; }

        public TensorMatrix First { get; }

        public TensorMatrix Second { get; }

        public TensorMatrix OutputF { get; }

        public torch.Tensor FeaturesTransposed { get; }

        public torch.Tensor FirstTransposed { get; }

        public torch.Tensor SecondTransposed { get; }

        public void Dispose()
        {
            FeaturesTransposed.Dispose();
            FirstTransposed.Dispose();
            SecondTransposed.Dispose();
            Features.Dispose();
            F.Dispose();
            C.Dispose();
            L.Dispose();
            First.Dispose();
            Second.Dispose();
            OutputF.Dispose();
        }
    }
}
