// One training step on the CPU (arXiv 2412.02482, algorithms 1 and 2): libtorch multiplies matrices, the kernels do
// everything else, in the same memory. CpuHiddenLayer and CpuOutputLayer are its parts.

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

    private readonly NetworkState _state;
    private readonly WorkerTeam _team;
    private readonly NeuronWorkspace[] _workspaces;
    private readonly CpuHiddenLayer? _hidden;
    private readonly CpuOutputLayer _output;
    private readonly float[] _inverseScales;
    private readonly BatchBuffers _full;
    private BatchBuffers? _partial;
    private long _steps;

    // What the threads work on now, and the delegate that does it.
    private BatchBuffers _buffers;
    private LabeledRows? _data;
    private readonly Action<int, int> _gatherRows;

    public CpuTrainingEngine(NetworkState state, LearningSettings settings, int maximumRows)
    {
        _state = state;
        _team = new WorkerTeam(settings.Threads ?? Environment.ProcessorCount);
        LayerGoal? hidden = LayerGoal.Of(state.Hidden);
        LayerGoal output = LayerGoal.Of(state.Output)!;
        _workspaces = new NeuronWorkspace[_team.ThreadCount];
        for (int thread = 0; thread < _workspaces.Length; thread++)
            _workspaces[thread] = new NeuronWorkspace(hidden, output, maximumRows);
        _inverseScales = state.Scaling.Scales.Select(scale => 1 / scale).ToArray();
        _full = new BatchBuffers(state, maximumRows);
        _buffers = _full;
        _gatherRows = GatherRows;
        _output = new CpuOutputLayer(state, settings.Seed, _team, _workspaces, _full);
        if (state.Hidden is not null)
            _hidden = new CpuHiddenLayer(state.Hidden, _output, settings.Seed, _team, _workspaces, _full, Timings);
    }

    /// <summary>Where the time of the steps goes.</summary>
    public StepTimings Timings { get; } = new();

    /// <inheritdoc/>
    public override void Step(LabeledRows rows, ReadOnlySpan<int> batch, InformationStatistics? statistics)
    {
        _steps++;
        Timings.Start();
        Gather(rows, batch);
        Timings.Add(StepPart.Gathering);
        _hidden?.Present(_buffers, _steps, statistics?.Hidden);
        _output.Aggregate(_buffers);
        Timings.Add(StepPart.Products);
        _output.Train(statistics?.Output);
        Timings.Add(StepPart.Kernel);
        _hidden?.Differentiate();
        _output.Differentiate();
        Timings.Add(StepPart.Products);
        _hidden?.Update(_steps);
        _output.Update(_steps);
        Timings.Add(StepPart.Optimizer);
    }

    /// <inheritdoc/>
    public override TensorMatrix Evaluate(LabeledRows rows, ReadOnlySpan<int> batch)
    {
        Gather(rows, batch);
        _hidden?.Present(_buffers, step: null, statistics: null);
        _output.Aggregate(_buffers);
        _output.AddBiases();
        return _buffers.OutputF;
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
}
