using System.Numerics.Tensors;
using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>
/// The output layer's part of a step on the CPU: one neuron a class, driven by the hidden layer or, where there is none,
/// by the features; its context, the neuron's own element of the one-hot label, is seen by the goal alone.
/// </summary>
internal sealed class CpuOutputLayer
{
    private readonly LayerState _layer;
    private readonly SourceState _readout;
    private readonly ulong _seed;
    private readonly uint _firstStream;
    private readonly GoalTerms _goal;

    // Who works on what now, and the delegates that do it.
    private Crew _crew = null!;
    private BatchBuffers _buffers = null!;
    private LayerStatistics? _statistics;
    private ulong _counter;
    private readonly Action<int, int> _train;
    private readonly Action<int, int> _sampleFeedback;
    private readonly Action<int, int> _meanFeedback;

    public CpuOutputLayer(NetworkState state, ulong seed)
    {
        _layer = state.Output;
        _readout = _layer.Sources[0];
        _seed = seed;
        _firstStream = (uint)(state.Hidden?.NeuronCount ?? 0);
        _goal = new GoalTerms(_layer.Goal!);
        _train = Train;
        _sampleFeedback = SampleFeedback;
        _meanFeedback = MeanFeedback;
    }

    /// <summary>Aggregates F, without its bias, from what the layer below put out last.</summary>
    /// <param name="crew">Who works on it; so they do until the next batch.</param>
    public void Aggregate(Crew crew)
    {
        _crew = crew;
        _buffers = crew.Buffers;
        _buffers.OutputF.Tensor.addmm_(
            _readout.Weights.Value.Tensor,
            _buffers.Outputs?.Tensor ?? _buffers.Batch.FeaturesTransposed,
            beta: 0
        );
    }

    /// <summary>
    /// What the layer feeds back after a presentation but the last: sampled in a training step, else its mean, 2θ − 1.
    /// </summary>
    /// <param name="crew">Who works on it.</param>
    /// <param name="counter">The presentation's counter of <see cref="Philox.Sample"/> in training, or null.</param>
    public void FeedBack(Crew crew, ulong? counter)
    {
        _crew = crew;
        _buffers = crew.Buffers;
        _counter = counter ?? 0;
        _buffers.OutputF.Tensor.addmm_(_readout.Weights.Value.Tensor, _buffers.Heard!.Tensor, beta: 0);
        _crew.Team.Run(_layer.NeuronCount, counter is null ? _meanFeedback : _sampleFeedback);
    }

    /// <summary>From F without its bias to ∂G/∂F.</summary>
    public void Train(LayerStatistics? statistics)
    {
        _statistics = statistics;
        _crew.Team.Run(_layer.NeuronCount, _train);
    }

    /// <summary>∂G/∂W = ∂G/∂F · inputs.</summary>
    public void Differentiate() =>
        _readout.Weights.Gradient.Tensor.addmm_(
            _buffers.OutputF.Tensor,
            _buffers.OutputsTransposed ?? _buffers.Batch.Features.Tensor,
            beta: 0
        );

    /// <summary>One step of the optimiser.</summary>
    public void Update(long step)
    {
        for (int neuron = 0; neuron < _layer.NeuronCount; neuron++)
        {
            _readout.Weights.Update(neuron, _layer.Optimizer, step);
            _layer.Biases.Update(neuron, _layer.Optimizer, step);
        }
    }

    /// <summary>Adds the bias to F.</summary>
    public void AddBiases()
    {
        for (int neuron = 0; neuron < _layer.NeuronCount; neuron++)
            AddBias(neuron);
    }

    private Span<float> AddBias(int neuron)
    {
        Span<float> f = _buffers.OutputF[neuron];
        TensorPrimitives.Add(f, _layer.Biases.Value[neuron][0], f);
        return f;
    }

    private void SampleFeedback(int neuron, int thread)
    {
        NeuronWorkspace workspace = _crew.Workspaces[thread];
        VectorizedActivation.Fire(AddBias(neuron), workspace.Theta, workspace.Complement);
        Philox.Sample(workspace.Theta, _buffers.Feedback![neuron], _firstStream + (uint)neuron, _counter, _seed);
    }

    private void MeanFeedback(int neuron, int thread)
    {
        NeuronWorkspace workspace = _crew.Workspaces[thread];
        VectorizedActivation.Fire(AddBias(neuron), workspace.Theta, workspace.Complement);
        TensorPrimitives.Subtract(workspace.Theta, workspace.Complement, _buffers.Feedback![neuron]);
    }

    private void Train(int neuron, int thread)
    {
        NeuronWorkspace workspace = _crew.Workspaces[thread];
        Span<float> f = AddBias(neuron);
        VectorizedActivation.Fire(f, workspace.Theta, workspace.Complement);

        // The context: the neuron's own element of the one-hot label.
        Span<float> c = workspace.Source;
        ReadOnlySpan<int> labels = _buffers.Batch.Labels;
        for (int row = 0; row < c.Length; row++)
            c[row] = labels[row] == neuron ? 1 : 0;
        Binning binning = _layer.Binning;
        workspace.Cells.Clear();
        VectorizedBinning.Accumulate(binning, f, workspace.Cells, 1);
        VectorizedBinning.Accumulate(binning, c, workspace.Cells, binning.Count);
        VectorizedGoal goal = workspace.OutputGoal;
        goal.Terms = _goal;
        goal.Count(workspace.Cells, workspace.Theta, workspace.Complement, _buffers.Batch.Mass);
        _statistics?.Add(neuron, goal);
        goal.Differentiate(_buffers.Batch.Mass, workspace.Slope);
        VectorizedActivation.Differentiate(workspace.Theta, workspace.Complement, workspace.Slope, f);
        _layer.Biases.Gradient[neuron][0] = TensorPrimitives.Sum<float>(f);
    }
}
