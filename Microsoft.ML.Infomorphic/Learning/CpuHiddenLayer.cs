// A hidden layer's part of a step on the CPU (arXiv 2412.02482, algorithms 1 and 2).
//
//   symbol     variable                shape            unit
//   F, C, L    Sources                 neurons × rows   –      aggregated inputs, overwritten by ∂G/∂F, ∂G/∂C, ∂G/∂L
//   y⁻, y      Heard, Outputs          neurons × rows   ±1     outputs of the presentation before, and of the last
//   θ          workspace.Theta         rows             probability
//
// There are two presentations or more where neurons hear each other (L) or the output layer (C by feedback): in the first
// these sources are their biases, and then sums over what was put out in the one before. Else there is one alone. The
// last is trained.

using System.Numerics.Tensors;
using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>A hidden layer's part of a step on the CPU. All crews that work on it give the same bits.</summary>
internal sealed class CpuHiddenLayer
{
    private const int NeuronsPerItem = 16;

    private readonly LayerState _layer;
    private readonly CpuOutputLayer _output;
    private readonly ulong _seed;
    private readonly int _counters;
    private readonly GoalTerms? _goal;

    // Places of the sources beside F; −1 where a layer does not have one.
    private readonly int _label;
    private readonly int _feedback;
    private readonly int _context;
    private readonly int _lateral;

    // Who works on what now, and the delegates that do it.
    private Crew _crew = null!;
    private BatchBuffers _buffers = null!;
    private LayerStatistics? _statistics;
    private bool _isTraining;
    private long _step;
    private int _presentation;
    private int _tile;
    private readonly Action<int, int> _presentFirst;
    private readonly Action<int, int> _presentNext;
    private readonly Action<int, int> _presentLast;
    private readonly Action<int, int> _step01;
    private readonly Action<int, int> _aggregateTile;
    private readonly Action<int, int> _differentiateTile;
    private readonly Action<int, int> _update;

    public CpuHiddenLayer(NetworkState state, CpuOutputLayer output, ulong seed)
    {
        LayerState layer = state.Hidden!;
        _layer = layer;
        _output = output;
        _seed = seed;
        _counters = RandomStreams.CountersOf(state.Presentations);
        _goal = layer.Goal is null ? null : new GoalTerms(layer.Goal);
        _label = layer.IndexOf(SourceKind.Label);
        _feedback = layer.IndexOf(SourceKind.Feedback);
        _context = Math.Max(_label, _feedback);
        _lateral = layer.IndexOf(SourceKind.Lateral);
        _presentFirst = PresentFirst;
        _presentNext = PresentNext;
        _presentLast = PresentLast;
        _step01 = Step01;
        _aggregateTile = AggregateTile;
        _differentiateTile = DifferentiateTile;
        _update = Update;
    }

    /// <summary>
    /// All presentations of a batch. In a training step outputs are sampled, and the sources are overwritten by the goal's
    /// derivative by them; else the label is withheld, and outputs are means, 2θ − 1.
    /// </summary>
    /// <param name="crew">Who works on it; so they do until the next batch.</param>
    /// <param name="step">The training step, or null.</param>
    /// <param name="statistics">Receives what the neurons know, or null.</param>
    public void Present(Crew crew, long? step, LayerStatistics? statistics)
    {
        _crew = crew;
        _buffers = crew.Buffers;
        _statistics = statistics;
        _isTraining = step is not null;
        _step = step ?? 0;
        int neurons = _layer.NeuronCount;
        _buffers
            .Sources[0]
            .Tensor.addmm_(_layer.Sources[0].Weights.Value.Tensor, _buffers.Batch.FeaturesTransposed, beta: 0);
        Note(StepPart.Products);
        if (_layer.Activation is StepActivation)
        {
            _crew.Team.Run(neurons, _step01);
            Note(StepPart.Kernel);
            return;
        }

        int last = _counters - 1;
        for (_presentation = _layer.IsRecurrent ? 0 : last; _presentation < last; _presentation++)
        {
            _crew.Team.Run(neurons, _presentation == 0 ? _presentFirst : _presentNext);
            Note(StepPart.Kernel);
            if (_feedback >= 0)
                AggregateFeedback();
            if (_lateral >= 0)
                AggregateLateral();
            Note(StepPart.Products);
        }

        _crew.Team.Run(neurons, _presentLast);
        Note(StepPart.Kernel);
    }

    /// <summary>∂G/∂W = ∂G/∂(source) · inputs, but for the label's, which is known.</summary>
    public void Differentiate()
    {
        if (_layer.Goal is null)
            return;
        _layer
            .Sources[0]
            .Weights.Gradient.Tensor.addmm_(_buffers.Sources[0].Tensor, _buffers.Batch.Features.Tensor, beta: 0);
        if (_feedback >= 0)
            _layer
                .Sources[_feedback]
                .Weights.Gradient.Tensor.addmm_(
                    _buffers.Sources[_feedback].Tensor,
                    _buffers.FeedbackTransposed!,
                    beta: 0
                );
        if (_lateral >= 0)
            DifferentiateLateral();
    }

    /// <summary>One step of the optimiser.</summary>
    public void Update(long step)
    {
        if (_layer.Goal is null)
            return;
        _step = step;
        _crew.Team.Run(_layer.NeuronCount, _update);
    }

    // Steps alone are timed.
    private void Note(StepPart part)
    {
        if (_isTraining)
            _crew.Timings.Add(part);
    }

    // Sources that hear outputs are their biases.
    private void PresentFirst(int neuron, int thread)
    {
        NeuronWorkspace workspace = _crew.Workspaces[thread];
        PrepareFeatures(neuron);
        PrepareContext(neuron);
        Span<float> l = default;
        if (_lateral >= 0)
        {
            l = workspace.Source;
            l.Fill(_layer.Biases.Value[neuron][_lateral]);
        }

        Fire(workspace, SourceOf(0, neuron), SourceOf(_context, neuron), l);
        Pass(workspace, _buffers.Heard![neuron], neuron);
        _buffers.CopyToTiles(neuron);
    }

    // Between the first and the last.
    private void PresentNext(int neuron, int thread)
    {
        NeuronWorkspace workspace = _crew.Workspaces[thread];
        FireFromHeard(neuron, workspace);
        Pass(workspace, _buffers.Heard![neuron], neuron);
        _buffers.CopyToTiles(neuron);
    }

    // Only it is trained.
    private void PresentLast(int neuron, int thread)
    {
        NeuronWorkspace workspace = _crew.Workspaces[thread];
        if (!_layer.IsRecurrent)
        {
            PrepareFeatures(neuron);
            PrepareContext(neuron);
        }

        FireFromHeard(neuron, workspace);
        Pass(workspace, _buffers.Outputs![neuron], neuron);
        if (_isTraining)
            Train(neuron, workspace);
    }

    // Sources that hear outputs have been aggregated, but for their biases.
    private void FireFromHeard(int neuron, NeuronWorkspace workspace)
    {
        ReadOnlySpan<float> biases = _layer.Biases.Value[neuron];
        Span<float> c = SourceOf(_context, neuron);
        Span<float> l = SourceOf(_lateral, neuron);
        if (_feedback >= 0)
            TensorPrimitives.Add(c, biases[_feedback], c);
        if (_lateral >= 0)
            TensorPrimitives.Add(l, biases[_lateral], l);
        Fire(workspace, SourceOf(0, neuron), c, l);
    }

    // From the sources and θ to the goal's derivative by the sources.
    private void Train(int neuron, NeuronWorkspace workspace)
    {
        TensorMatrix[] sources = _buffers.Sources;
        Span<int> cells = workspace.Cells;
        cells.Clear();
        int stride = 1;
        foreach (TensorMatrix source in sources)
        {
            VectorizedBinning.Accumulate(_layer.Binning, source[neuron], cells, stride);
            stride *= _layer.Binning.Count;
        }

        Span<float> theta = workspace.Theta;
        Span<float> complement = workspace.Complement;
        VectorizedGoal goal = workspace.HiddenGoal!;
        goal.Terms = _goal!;
        goal.Count(cells, theta, complement, _buffers.Batch.Mass);
        _statistics?.Add(neuron, goal);
        Span<float> slope = workspace.Slope;
        goal.Differentiate(_buffers.Batch.Mass, slope);
        Span<float> f = sources[0][neuron];
        Span<float> second = sources[1][neuron];
        if (_layer.Activation is ModulatedActivation modulated)
        {
            Span<float> third = sources[2][neuron];
            VectorizedActivation.Differentiate(modulated, f, second, third, theta, complement, slope, f, second, third);
        }
        else
        {
            var bivariate = (BivariateActivation)_layer.Activation;
            VectorizedActivation.Differentiate(bivariate, f, second, theta, complement, slope, f, second);
        }

        Span<float> biases = _layer.Biases.Gradient[neuron];
        for (int i = 0; i < sources.Length; i++)
            biases[i] = TensorPrimitives.Sum<float>(sources[i][neuron]);
        if (_label < 0)
            return;
        Span<float> byClass = _layer.Sources[_label].Weights.Gradient[neuron];
        byClass.Clear();
        ReadOnlySpan<int> labels = _buffers.Batch.Labels;
        ReadOnlySpan<float> byContext = sources[_label][neuron];
        for (int row = 0; row < byContext.Length; row++)
            byClass[labels[row]] += byContext[row];
    }

    // The random projection: 1 where F is positive, else 0.
    private void Step01(int neuron, int thread)
    {
        PrepareFeatures(neuron);
        ReadOnlySpan<float> f = SourceOf(0, neuron);
        Span<float> outputs = _buffers.Outputs![neuron];
        for (int row = 0; row < f.Length; row++)
            outputs[row] = f[row] > 0 ? 1 : 0;
    }

    private void PrepareFeatures(int neuron)
    {
        Span<float> f = SourceOf(0, neuron);
        TensorPrimitives.Add(f, _layer.Biases.Value[neuron][0], f);
    }

    // The label's context; where it is withheld, or is to be fed back, the context is its bias.
    private void PrepareContext(int neuron)
    {
        if (_context < 0)
            return;
        Span<float> c = SourceOf(_context, neuron);
        float bias = _layer.Biases.Value[neuron][_context];
        if (_label < 0 || !_isTraining)
        {
            c.Fill(bias);
            return;
        }

        ReadOnlySpan<float> byClass = _layer.Sources[_label].Weights.Value[neuron];
        ReadOnlySpan<int> labels = _buffers.Batch.Labels;
        for (int row = 0; row < c.Length; row++)
            c[row] = byClass[labels[row]] + bias;
    }

    private Span<float> SourceOf(int source, int neuron) => source < 0 ? default : _buffers.Sources[source][neuron];

    private void Fire(NeuronWorkspace workspace, ReadOnlySpan<float> f, ReadOnlySpan<float> c, ReadOnlySpan<float> l) =>
        VectorizedActivation.Fire(_layer.Activation, f, _context < 0 ? l : c, l, workspace.Theta, workspace.Complement);

    private ulong Counter => (ulong)_counters * (ulong)_step + (ulong)_presentation;

    private void Pass(NeuronWorkspace workspace, Span<float> outputs, int neuron)
    {
        if (_isTraining)
            Philox.Sample(workspace.Theta, outputs, (uint)neuron, Counter, _seed);
        else
            TensorPrimitives.Subtract(workspace.Theta, workspace.Complement, outputs);
    }

    // C without its bias: context weights times what the output layer puts out in this presentation, for the next.
    private void AggregateFeedback()
    {
        _output.FeedBack(_crew, _isTraining ? Counter : null);
        _buffers
            .Sources[_feedback]
            .Tensor.addmm_(_layer.Sources[_feedback].Weights.Value.Tensor, _buffers.Feedback!.Tensor, beta: 0);
    }

    // L without its bias: lateral weights times the outputs of this presentation, for the next.
    private void AggregateLateral()
    {
        SourceState lateral = _layer.Sources[_lateral];
        if (lateral.Connections is null)
        {
            _buffers.Sources[_lateral].Tensor.addmm_(lateral.Weights.Value.Tensor, _buffers.Heard!.Tensor, beta: 0);
            return;
        }

        int tiles = SparseProducts.TileCount(_buffers.Batch.RowCount);
        for (_tile = 0; _tile < tiles; _tile++)
            _crew.Team.Run(Items, _aggregateTile);
    }

    private void DifferentiateLateral()
    {
        SourceState lateral = _layer.Sources[_lateral];
        if (lateral.Connections is null)
        {
            TensorMatrix gradient = lateral.Weights.Gradient;
            gradient.Tensor.addmm_(_buffers.Sources[_lateral].Tensor, _buffers.HeardTransposed!, beta: 0);
            for (int neuron = 0; neuron < _layer.NeuronCount; neuron++)
                gradient[neuron][neuron] = 0;
            return;
        }

        int tiles = SparseProducts.TileCount(_buffers.Batch.RowCount);
        for (_tile = 0; _tile < tiles; _tile++)
            _crew.Team.Run(Items, _differentiateTile);
    }

    private int Items => (_layer.NeuronCount + NeuronsPerItem - 1) / NeuronsPerItem;

    private unsafe void AggregateTile(int item, int thread)
    {
        SourceState lateral = _layer.Sources[_lateral];
        int end = Math.Min((item + 1) * NeuronsPerItem, _layer.NeuronCount);
        for (int neuron = item * NeuronsPerItem; neuron < end; neuron++)
            SparseProducts.Aggregate(
                lateral.Weights.Value[neuron],
                lateral.PeersOf(neuron),
                _buffers.TileOf(_tile),
                SparseProducts.TileRows,
                _tile,
                _buffers.Sources[_lateral][neuron]
            );
    }

    private unsafe void DifferentiateTile(int item, int thread)
    {
        SourceState lateral = _layer.Sources[_lateral];
        int end = Math.Min((item + 1) * NeuronsPerItem, _layer.NeuronCount);
        for (int neuron = item * NeuronsPerItem; neuron < end; neuron++)
            SparseProducts.Differentiate(
                _buffers.Sources[_lateral][neuron],
                lateral.PeersOf(neuron),
                _buffers.TileOf(_tile),
                SparseProducts.TileRows,
                _tile,
                lateral.Weights.Gradient[neuron]
            );
    }

    private void Update(int neuron, int thread)
    {
        foreach (SourceState source in _layer.Sources)
            source.Weights.Update(neuron, _layer.Optimizer, _step);
        _layer.Biases.Update(neuron, _layer.Optimizer, _step);
    }
}
