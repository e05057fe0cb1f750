// One training step on the CPU (arXiv 2412.02482, algorithms 1 and 2): libtorch multiplies matrices, the kernels do
// everything else, in the same memory.
//
//   symbol     variable                shape            unit
//   x          Features                rows × features  –
//   F, C, L    F, C, L                 neurons × rows   –      aggregated inputs, overwritten by ∂G/∂F, ∂G/∂C, ∂G/∂L
//   y¹, y²     First, Second           neurons × rows   ±1     outputs of the first and of the second presentation
//   θ          workspace.Theta         rows             probability

using System.Numerics.Tensors;
using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>
/// Trains and evaluates a <see cref="NetworkState"/> on the CPU. Once a batch of each size has been seen, a step
/// allocates nothing on the managed heap.
/// </summary>
internal sealed class CpuTrainingEngine : TrainingEngine
{
    private const int RowsPerItem = 32;
    private const int NeuronsPerItem = 16;

    private readonly NetworkState _state;
    private readonly LearningSettings _settings;
    private readonly ModulatedActivation _activation;
    private readonly WorkerTeam _team;
    private readonly NeuronWorkspace[] _workspaces;
    private readonly float[] _inverseScales;
    private readonly BatchBuffers _full;
    private BatchBuffers? _partial;
    private long _steps;

    // What the threads work on now, and the delegates that do it.
    private BatchBuffers _buffers;
    private LabeledRows? _data;
    private InformationStatistics? _statistics;
    private int _tile;
    private readonly Action<int, int> _gatherRows;
    private readonly Action<int, int> _presentFirst;
    private readonly Action<int, int> _trainHidden;
    private readonly Action<int, int> _trainOutput;
    private readonly Action<int, int> _aggregateTile;
    private readonly Action<int, int> _differentiateTile;
    private readonly Action<int, int> _updateHidden;
    private readonly Action<int, int> _evaluateFirst;
    private readonly Action<int, int> _evaluateSecond;

    public CpuTrainingEngine(NetworkState state, LearningSettings settings, int maximumRows)
    {
        _state = state;
        _settings = settings;
        _activation = (ModulatedActivation)settings.Activation;
        _team = new WorkerTeam(settings.Threads ?? Environment.ProcessorCount);
        var hidden = new GoalTerms(settings.Goal);
        var output = new GoalTerms(settings.OutputGoal);
        _workspaces = new NeuronWorkspace[_team.ThreadCount];
        for (int thread = 0; thread < _workspaces.Length; thread++)
            _workspaces[thread] = new NeuronWorkspace(
                hidden,
                settings.Binning.Count,
                output,
                Binning.PaperOutputLayer.Count,
                maximumRows
            );
        _inverseScales = state.Scaling.Scales.Select(scale => 1 / scale).ToArray();
        _full = new BatchBuffers(state, maximumRows);
        _buffers = _full;
        _gatherRows = GatherRows;
        _presentFirst = PresentFirst;
        _trainHidden = TrainHidden;
        _trainOutput = TrainOutput;
        _aggregateTile = AggregateTile;
        _differentiateTile = DifferentiateTile;
        _updateHidden = UpdateHidden;
        _evaluateFirst = EvaluateFirst;
        _evaluateSecond = EvaluateSecond;
    }

    /// <summary>Where the time of the steps goes.</summary>
    public StepTimings Timings { get; } = new();

    /// <inheritdoc/>
    public override void Step(LabeledRows rows, ReadOnlySpan<int> batch, InformationStatistics? statistics)
    {
        _steps++;
        _statistics = statistics;
        Timings.Start();
        Gather(rows, batch);
        Timings.Add(StepPart.Gathering);

        // Presentation 1, without lateral activity, then presentation 2; then the output layer.
        BatchBuffers buffers = _buffers;
        buffers.F.Tensor.addmm_(_state.FeatureWeights.Value.Tensor, buffers.FeaturesTransposed, beta: 0);
        Timings.Add(StepPart.Products);
        _team.Run(_state.HiddenCount, _presentFirst);
        Timings.Add(StepPart.Kernel);
        AggregateLateral();
        Timings.Add(StepPart.Products);
        _team.Run(_state.HiddenCount, _trainHidden);
        Timings.Add(StepPart.Kernel);
        buffers.OutputF.Tensor.addmm_(_state.OutputWeights.Value.Tensor, buffers.Second.Tensor, beta: 0);
        Timings.Add(StepPart.Products);
        _team.Run(_state.ClassCount, _trainOutput);
        Timings.Add(StepPart.Kernel);

        // ∂G/∂W = ∂G/∂F · inputs.
        _state.FeatureWeights.Gradient.Tensor.addmm_(buffers.F.Tensor, buffers.Features.Tensor, beta: 0);
        _state.OutputWeights.Gradient.Tensor.addmm_(buffers.OutputF.Tensor, buffers.SecondTransposed, beta: 0);
        DifferentiateLateral();
        Timings.Add(StepPart.Products);
        _team.Run(_state.HiddenCount, _updateHidden);
        for (int neuron = 0; neuron < _state.ClassCount; neuron++)
        {
            _state.OutputWeights.Update(neuron, _settings.OutputOptimizer, _steps);
            _state.OutputBiases.Update(neuron, _settings.OutputOptimizer, _steps);
        }

        Timings.Add(StepPart.Optimizer);
    }

    /// <inheritdoc/>
    public override TensorMatrix Evaluate(LabeledRows rows, ReadOnlySpan<int> batch)
    {
        Gather(rows, batch);
        BatchBuffers buffers = _buffers;
        buffers.F.Tensor.addmm_(_state.FeatureWeights.Value.Tensor, buffers.FeaturesTransposed, beta: 0);
        _team.Run(_state.HiddenCount, _evaluateFirst);
        AggregateLateral();
        _team.Run(_state.HiddenCount, _evaluateSecond);
        buffers.OutputF.Tensor.addmm_(_state.OutputWeights.Value.Tensor, buffers.Second.Tensor, beta: 0);
        for (int neuron = 0; neuron < _state.ClassCount; neuron++)
        {
            Span<float> f = buffers.OutputF[neuron];
            TensorPrimitives.Add(f, _state.OutputBiases.Value[neuron][0], f);
        }

        return buffers.OutputF;
    }

    /// <summary>The weights are in the network's state all the time.</summary>
    public override void BringWeights() { }

    /// <summary>The weights are in the network's state all the time.</summary>
    public override void TakeWeights() { }

    /// <summary>All is done when a call returns.</summary>
    public override void Synchronize() { }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _team.Dispose();
        _full.Dispose();
        _partial?.Dispose();
    }

    // The batch's features, standardised, its classes, and the probability mass of each of its rows.
    private void Gather(LabeledRows rows, ReadOnlySpan<int> batch)
    {
        if (batch.Length == _full.RowCount)
        {
            _buffers = _full;
        }
        else
        {
            if (_partial?.RowCount != batch.Length)
            {
                _partial?.Dispose();
                _partial = new BatchBuffers(_state, batch.Length);
            }

            _buffers = _partial;
        }

        foreach (NeuronWorkspace workspace in _workspaces)
            workspace.Resize(batch.Length);
        _data = rows;
        batch.CopyTo(_buffers.Rows);
        _team.Run((batch.Length + RowsPerItem - 1) / RowsPerItem, _gatherRows);
        if (rows.Weights is null)
        {
            _buffers.Mass.AsSpan().Fill(1f / batch.Length);
            return;
        }

        double total = 0;
        foreach (int row in batch)
            total += rows.Weights[row];
        for (int i = 0; i < batch.Length; i++)
            _buffers.Mass[i] = (float)(rows.Weights[batch[i]] / total);
    }

    private void GatherRows(int item, int thread)
    {
        int end = Math.Min((item + 1) * RowsPerItem, _buffers.RowCount);
        for (int i = item * RowsPerItem; i < end; i++)
        {
            int row = _buffers.Rows[i];
            Span<float> features = _buffers.Features[i];
            _data!.Features.CopyRow(row, features);
            TensorPrimitives.Subtract(features, _state.Scaling.Offsets, features);
            TensorPrimitives.Multiply(features, _inverseScales, features);
            _buffers.Labels[i] = _data.Labels[row];
        }
    }

    private void PresentFirst(int neuron, int thread)
    {
        NeuronWorkspace workspace = _workspaces[thread];
        ReadOnlySpan<float> biases = _state.HiddenBiases.Value[neuron];
        Span<float> f = _buffers.F[neuron];
        Span<float> c = _buffers.C[neuron];
        TensorPrimitives.Add(f, biases[0], f);
        ReadOnlySpan<float> byClass = _state.LabelWeights.Value[neuron];
        ReadOnlySpan<int> labels = _buffers.Labels;
        for (int row = 0; row < c.Length; row++)
            c[row] = byClass[labels[row]] + biases[1];
        workspace.Source.Fill(biases[2]);
        VectorizedActivation.Fire(_activation, f, c, workspace.Source, workspace.Theta, workspace.Complement);
        Philox.Sample(workspace.Theta, _buffers.First[neuron], (uint)neuron, 2 * (ulong)_steps, _settings.Seed);
        _buffers.CopyToTiles(neuron);
    }

    private void TrainHidden(int neuron, int thread)
    {
        NeuronWorkspace workspace = _workspaces[thread];
        Span<float> theta = workspace.Theta;
        Span<float> complement = workspace.Complement;
        Span<float> f = _buffers.F[neuron];
        Span<float> c = _buffers.C[neuron];
        Span<float> l = _buffers.L[neuron];
        TensorPrimitives.Add(l, _state.HiddenBiases.Value[neuron][2], l);
        VectorizedActivation.Fire(_activation, f, c, l, theta, complement);
        Philox.Sample(theta, _buffers.Second[neuron], (uint)neuron, 2 * (ulong)_steps + 1, _settings.Seed);

        Binning binning = _settings.Binning;
        Span<int> cells = workspace.Cells;
        cells.Clear();
        VectorizedBinning.Accumulate(binning, f, cells, 1);
        VectorizedBinning.Accumulate(binning, c, cells, binning.Count);
        VectorizedBinning.Accumulate(binning, l, cells, binning.Count * binning.Count);
        VectorizedGoal goal = workspace.HiddenGoal;
        goal.Count(cells, theta, complement, _buffers.Mass);
        _statistics?.Hidden.Add(neuron, goal);
        Span<float> slope = workspace.Slope;
        goal.Differentiate(_buffers.Mass, slope);
        VectorizedActivation.Differentiate(_activation, f, c, l, theta, complement, slope, f, c, l);

        Span<float> biases = _state.HiddenBiases.Gradient[neuron];
        biases[0] = TensorPrimitives.Sum<float>(f);
        biases[1] = TensorPrimitives.Sum<float>(c);
        biases[2] = TensorPrimitives.Sum<float>(l);
        Span<float> byClass = _state.LabelWeights.Gradient[neuron];
        byClass.Clear();
        ReadOnlySpan<int> labels = _buffers.Labels;
        for (int row = 0; row < c.Length; row++)
            byClass[labels[row]] += c[row];
    }

    private void TrainOutput(int neuron, int thread)
    {
        NeuronWorkspace workspace = _workspaces[thread];
        Span<float> f = _buffers.OutputF[neuron];
        TensorPrimitives.Add(f, _state.OutputBiases.Value[neuron][0], f);
        VectorizedActivation.Fire(f, workspace.Theta, workspace.Complement);

        // The context: the neuron's own element of the one-hot label.
        Span<float> c = workspace.Source;
        ReadOnlySpan<int> labels = _buffers.Labels;
        for (int row = 0; row < c.Length; row++)
            c[row] = labels[row] == neuron ? 1 : 0;
        Binning binning = Binning.PaperOutputLayer;
        workspace.Cells.Clear();
        VectorizedBinning.Accumulate(binning, f, workspace.Cells, 1);
        VectorizedBinning.Accumulate(binning, c, workspace.Cells, binning.Count);
        VectorizedGoal goal = workspace.OutputGoal;
        goal.Count(workspace.Cells, workspace.Theta, workspace.Complement, _buffers.Mass);
        _statistics?.Output.Add(neuron, goal);
        goal.Differentiate(_buffers.Mass, workspace.Slope);
        VectorizedActivation.Differentiate(workspace.Theta, workspace.Complement, workspace.Slope, f);
        _state.OutputBiases.Gradient[neuron][0] = TensorPrimitives.Sum<float>(f);
    }

    // L without its bias: lateral weights times the outputs of the first presentation.
    private void AggregateLateral()
    {
        if (_state.LateralConnections is null)
        {
            _buffers.L.Tensor.addmm_(_state.LateralWeights.Value.Tensor, _buffers.First.Tensor, beta: 0);
            return;
        }

        int tiles = SparseProducts.TileCount(_buffers.RowCount);
        for (_tile = 0; _tile < tiles; _tile++)
            _team.Run(HiddenItems, _aggregateTile);
    }

    private void DifferentiateLateral()
    {
        if (_state.LateralConnections is null)
        {
            _state.LateralWeights.Gradient.Tensor.addmm_(_buffers.L.Tensor, _buffers.FirstTransposed, beta: 0);
            for (int neuron = 0; neuron < _state.HiddenCount; neuron++)
                _state.LateralWeights.Gradient[neuron][neuron] = 0;
            return;
        }

        int tiles = SparseProducts.TileCount(_buffers.RowCount);
        for (_tile = 0; _tile < tiles; _tile++)
            _team.Run(HiddenItems, _differentiateTile);
    }

    private int HiddenItems => (_state.HiddenCount + NeuronsPerItem - 1) / NeuronsPerItem;

    private unsafe void AggregateTile(int item, int thread)
    {
        int end = Math.Min((item + 1) * NeuronsPerItem, _state.HiddenCount);
        for (int neuron = item * NeuronsPerItem; neuron < end; neuron++)
            SparseProducts.Aggregate(
                _state.LateralWeights.Value[neuron],
                PeersOf(neuron),
                _buffers.TileOf(_tile),
                SparseProducts.TileRows,
                _tile,
                _buffers.L[neuron]
            );
    }

    private unsafe void DifferentiateTile(int item, int thread)
    {
        int end = Math.Min((item + 1) * NeuronsPerItem, _state.HiddenCount);
        for (int neuron = item * NeuronsPerItem; neuron < end; neuron++)
            SparseProducts.Differentiate(
                _buffers.L[neuron],
                PeersOf(neuron),
                _buffers.TileOf(_tile),
                SparseProducts.TileRows,
                _tile,
                _state.LateralWeights.Gradient[neuron]
            );
    }

    private ReadOnlySpan<int> PeersOf(int neuron) =>
        _state.LateralConnections.AsSpan(neuron * _state.LateralCount, _state.LateralCount);

    private void UpdateHidden(int neuron, int thread)
    {
        _state.FeatureWeights.Update(neuron, _settings.HiddenOptimizer, _steps);
        _state.LabelWeights.Update(neuron, _settings.HiddenOptimizer, _steps);
        _state.LateralWeights.Update(neuron, _settings.HiddenOptimizer, _steps);
        _state.HiddenBiases.Update(neuron, _settings.HiddenOptimizer, _steps);
    }

    private void EvaluateFirst(int neuron, int thread)
    {
        NeuronWorkspace workspace = _workspaces[thread];
        ReadOnlySpan<float> biases = _state.HiddenBiases.Value[neuron];
        Span<float> f = _buffers.F[neuron];
        TensorPrimitives.Add(f, biases[0], f);
        _buffers.C[neuron].Fill(biases[1]);
        workspace.Source.Fill(biases[2]);
        MeanOutput(f, _buffers.C[neuron], workspace.Source, workspace, _buffers.First[neuron]);
        _buffers.CopyToTiles(neuron);
    }

    private void EvaluateSecond(int neuron, int thread)
    {
        Span<float> l = _buffers.L[neuron];
        TensorPrimitives.Add(l, _state.HiddenBiases.Value[neuron][2], l);
        MeanOutput(_buffers.F[neuron], _buffers.C[neuron], l, _workspaces[thread], _buffers.Second[neuron]);
    }

    private void MeanOutput(
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
