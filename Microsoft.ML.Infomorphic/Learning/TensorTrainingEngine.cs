// One training step as operations on tensors, on any device (arXiv 2412.02482, algorithms 1 and 2). The host asks for
// operations and never waits for a result, unless the step is measured.
//
//   symbol     variable            shape            unit
//   x          features            rows × features  –
//   F, C, L    sources             sources × N × rows   –   aggregated inputs
//   y¹, y²     first, outputs      N × rows         ±1     outputs of the first and of the last presentation
//   θ          theta               N × rows         probability
//   ∂G/∂F …    gradients           sources × N × rows   bit
//
// Products are of single precision: while an engine lives, TensorFloat-32, which libtorch has switched off unless the
// application switched it on, is off. Its 10 bits would neither place rows in the right bins nor add up masses.

using Microsoft.ML.Infomorphic.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>
/// Trains and evaluates a <see cref="NetworkState"/> on a device. Data, weights, gradients and the optimiser's state stay
/// there. Samples are drawn from the same numbers as on the CPU. All it does is deterministic for a seed: scattered
/// additions, the only ones whose order a GPU leaves open, are of integers.
/// </summary>
internal sealed class TensorTrainingEngine : TrainingEngine
{
    // Neurons go through their goal together, as far as their tables and temporary tensors stay within so many bytes.
    private const long GoalMemory = 3L << 30;

    // Numbers in a dense piece of sparse lateral weights, and random numbers made at once.
    private const long DenseWeights = 1L << 26;
    private const long NumbersAtOnce = 1L << 25;
    private const int StepsAtOnce = 32;

    private readonly NetworkState _state;
    private readonly LearningSettings _settings;
    private readonly LayerState? _layer;
    private readonly Device _device;
    private readonly bool _tensorFloat32;

    // Places of the hidden layer's sources beside F; −1 where it does not have one.
    private readonly int _label = -1;
    private readonly int _feedback = -1;
    private readonly int _lateral = -1;

    // Order of the parameters: the sources' weights, then the biases.
    private readonly TensorWeights? _hidden;
    private readonly TensorWeights _output;
    private readonly Tensor? _biases;
    private readonly Tensor? _biasGradients;
    private readonly Tensor? _connections;
    private readonly Tensor _oneHot;
    private readonly TensorGoal? _hiddenGoal;
    private readonly TensorGoal _outputGoal;
    private readonly int _sampledNeurons;
    private readonly int _goalRows;
    private TensorMatrix _scores;
    private readonly Dictionary<LabeledRows, ResidentRows> _resident = new(ReferenceEqualityComparer.Instance);

    private int[] _announced = [];
    private Tensor? _announcedRows;
    private int _next;

    private readonly int _quarter;
    private readonly int _stepsOfUniform;
    private Tensor? _uniform;
    private long _firstStepOfUniform;
    private long _steps;

    public TensorTrainingEngine(NetworkState state, LearningSettings settings, int maximumRows, Device device)
    {
        _state = state;
        _settings = settings;
        _device = device;
        using var noGradient = no_grad();
        if (state.Hidden is LayerState hidden)
        {
            _layer = hidden;
            _label = hidden.IndexOf(SourceKind.Label);
            _feedback = hidden.IndexOf(SourceKind.Feedback);
            _lateral = hidden.IndexOf(SourceKind.Lateral);
            _sampledNeurons = hidden.NeuronCount + (_feedback >= 0 ? state.ClassCount : 0);
            _hidden = new TensorWeights(device, hidden.Parameters);
            _biases = BySource(_hidden.Values[^1]);
            _biasGradients = BySource(_hidden.Gradients[^1]);
            if (hidden.Find(SourceKind.Lateral) is { Connections: int[] connections } lateral)
                _connections = tensor(
                    Array.ConvertAll(connections, peer => (long)peer),
                    [hidden.NeuronCount, lateral.ConnectionCount],
                    device: device
                );
            if (hidden.Goal is not null)
                _hiddenGoal = new TensorGoal(new GoalTerms(hidden.Goal), hidden.Binning, device);
        }

        _output = new TensorWeights(device, state.Output.Parameters);
        _oneHot = eye(state.ClassCount, dtype: float32, device: device);
        _outputGoal = new TensorGoal(new GoalTerms(state.Output.Goal!), state.Output.Binning, device);
        _goalRows = maximumRows;
        _scores = new TensorMatrix(state.ClassCount, maximumRows);
        _quarter = (maximumRows + 3) / 4;
        _stepsOfUniform = (int)
            Math.Clamp(NumbersAtOnce / (8L * _quarter * Math.Max(_sampledNeurons, 1)), 1, StepsAtOnce);
        _tensorFloat32 = backends.cuda.matmul.allow_tf32;
        if (device.type == DeviceType.CUDA)
            backends.cuda.matmul.allow_tf32 = false;

        static Tensor BySource(Tensor biases)
        {
            using Tensor transposed = biases.t();
            return transposed.unsqueeze(-1);
        }
    }

    /// <inheritdoc/>
    public override void Announce(ReadOnlySpan<int> order)
    {
        _announced = order.ToArray();
        _next = 0;
        _announcedRows?.Dispose();
        _announcedRows = tensor(_announced, device: _device);
    }

    /// <inheritdoc/>
    public override void Step(LabeledRows rows, ReadOnlySpan<int> batch, InformationStatistics? statistics)
    {
        using var noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        _steps++;
        ResidentRows data = Resident(rows);
        Tensor chosen = Choose(batch);
        Tensor features = data.Features(chosen);
        Tensor labels = data.Labels(chosen);
        Tensor mass = data.Masses(chosen);

        Tensor oneHot = _oneHot.index_select(0, labels);

        // The input of the output layer, inputs × rows.
        Tensor inputs = _layer is null
            ? features.t()
            : StepHidden(_layer, features, labels, oneHot, mass, statistics?.Hidden);

        // The output layer. Its context: the neuron's own element of the one-hot label.
        Tensor outputF = AggregateOutput(inputs);
        (Tensor outputTheta, Tensor outputComplement) = TensorActivation.Fire(outputF);
        Tensor outputSlope = Differentiate(
            _outputGoal,
            stack([outputF, oneHot.t()]),
            outputTheta,
            outputComplement,
            mass,
            statistics?.Output
        );
        Tensor outputGradient = TensorActivation.Differentiate(outputTheta, outputComplement, outputSlope);
        _output.Gradients[0].addmm_(outputGradient, inputs.t(), beta: 0);
        _output.Gradients[1].copy_(outputGradient.sum(-1, keepdim: true));
        _output.Update(_state.Output.Optimizer, _steps);
    }

    /// <inheritdoc/>
    public override TensorMatrix Evaluate(LabeledRows rows, ReadOnlySpan<int> batch)
    {
        if (_scores.Columns != batch.Length)
        {
            _scores.Dispose();
            _scores = new TensorMatrix(_state.ClassCount, batch.Length);
        }

        using var noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor chosen = tensor(batch.ToArray(), device: _device);
        Tensor features = Resident(rows).Features(chosen);
        _scores.Tensor.copy_(AggregateOutput(_layer is null ? features.t() : EvaluateHidden(_layer, features)));
        return _scores;
    }

    // Trains the hidden layer; returns its outputs.
    private Tensor StepHidden(
        LayerState layer,
        Tensor features,
        Tensor labels,
        Tensor oneHot,
        Tensor mass,
        LayerStatistics? statistics
    )
    {
        int count = layer.Sources.Length;
        Tensor sources = empty(count, layer.NeuronCount, features.shape[0], float32, _device);
        Tensor[] parts = [.. Enumerable.Range(0, count).Select(i => sources[i])];
        parts[0].addmm_(_hidden!.Values[0], features.t(), beta: 0).add_(_biases![0]);
        if (layer.Activation is StepActivation)
            return parts[0].gt(0).to(float32);
        if (_label >= 0)
            parts[_label].copy_(_hidden.Values[_label].index_select(1, labels)).add_(_biases[_label]);

        // Presentation 1, without what neurons put out, then presentation 2.
        Tensor? first = null;
        Tensor? fed = null;
        if (layer.IsRecurrent)
        {
            first = Sample(TensorActivation.Fire(layer.Activation, Silent(parts)).Theta, presentation: 0);
            if (_feedback >= 0)
            {
                fed = Sample(TensorActivation.Fire(AggregateOutput(first)).Theta, presentation: 0, layer.NeuronCount);
                AggregateFeedback(fed, parts[_feedback]);
            }

            if (_lateral >= 0)
                AggregateLateral(first, parts[_lateral]);
        }

        (Tensor theta, Tensor complement) = TensorActivation.Fire(layer.Activation, parts);
        Tensor outputs = Sample(theta, presentation: 1);
        Tensor slope = Differentiate(_hiddenGoal!, sources, theta, complement, mass, statistics);
        Tensor gradients = TensorActivation.Differentiate(layer.Activation, parts, theta, complement, slope);

        // ∂G/∂W = ∂G/∂F · inputs. What the output layer learns from are outputs, so that weights may change now, but for
        // its own, which come later.
        _hidden.Gradients[0].addmm_(gradients[0], features, beta: 0);
        if (_label >= 0)
            _hidden.Gradients[_label].addmm_(gradients[_label], oneHot, beta: 0);
        if (_feedback >= 0)
            _hidden.Gradients[_feedback].addmm_(gradients[_feedback], fed!.t(), beta: 0);
        if (_lateral >= 0)
            DifferentiateLateral(gradients[_lateral], first!);
        _biasGradients!.copy_(gradients.sum(-1, keepdim: true));
        _hidden.Update(layer.Optimizer, _steps);
        return outputs;
    }

    // Mean outputs of the hidden layer, with the label withheld.
    private Tensor EvaluateHidden(LayerState layer, Tensor features)
    {
        Tensor f = _hidden!.Values[0].mm(features.t()).add_(_biases![0]);
        if (layer.Activation is StepActivation)
            return f.gt(0).to(float32);
        Tensor[] parts = Silent([f, .. layer.Sources.Skip(1).Select(_ => f)]);
        if (_label >= 0)
            parts[_label] = _biases[_label];
        if (!layer.IsRecurrent)
            return Mean(TensorActivation.Fire(layer.Activation, parts));
        Tensor first = Mean(TensorActivation.Fire(layer.Activation, parts));
        if (_feedback >= 0)
        {
            parts[_feedback] = empty_like(f);
            AggregateFeedback(Mean(TensorActivation.Fire(AggregateOutput(first))), parts[_feedback]);
        }

        if (_lateral >= 0)
        {
            parts[_lateral] = empty_like(f);
            AggregateLateral(first, parts[_lateral]);
        }

        return Mean(TensorActivation.Fire(layer.Activation, parts));

        static Tensor Mean((Tensor Theta, Tensor Complement) fired) => fired.Theta.sub_(fired.Complement);
    }

    // The sources of the first presentation: those that hear outputs are their biases.
    private Tensor[] Silent(Tensor[] sources) =>
        [.. sources.Select((source, i) => i == _feedback || i == _lateral ? _biases![i] : source)];

    private Tensor AggregateOutput(Tensor inputs) => _output.Values[0].mm(inputs).add_(_output.Values[1]);

    // C: context weights times what the output layer put out in the first presentation, and the bias.
    private void AggregateFeedback(Tensor fed, Tensor c) =>
        c.addmm_(_hidden!.Values[_feedback], fed, beta: 0).add_(_biases![_feedback]);

    /// <inheritdoc/>
    public override void BringWeights()
    {
        using var noGradient = no_grad();
        _hidden?.Bring();
        _output.Bring();
    }

    /// <inheritdoc/>
    public override void TakeWeights()
    {
        using var noGradient = no_grad();
        _hidden?.Take();
        _output.Take();
    }

    /// <inheritdoc/>
    public override void Synchronize()
    {
        if (_device.type == DeviceType.CUDA)
            cuda.synchronize(_device);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        foreach (ResidentRows rows in _resident.Values)
            rows.Dispose();
        _resident.Clear();
        _announcedRows?.Dispose();
        _uniform?.Dispose();
        _biases?.Dispose();
        _biasGradients?.Dispose();
        _hidden?.Dispose();
        _output.Dispose();
        _connections?.Dispose();
        _oneHot.Dispose();
        _hiddenGoal?.Dispose();
        _outputGoal.Dispose();
        _scores.Dispose();
        if (_device.type == DeviceType.CUDA)
            backends.cuda.matmul.allow_tf32 = _tensorFloat32;
    }

    private ResidentRows Resident(LabeledRows rows)
    {
        if (!_resident.TryGetValue(rows, out ResidentRows? resident))
        {
            resident = new ResidentRows(rows, _state.Scaling, _device);
            _resident.Add(rows, resident);
        }

        return resident;
    }

    // The rows of the batch on the device: they are there already where they were announced.
    private Tensor Choose(ReadOnlySpan<int> batch)
    {
        int start = _next;
        if (start + batch.Length > _announced.Length || !batch.SequenceEqual(_announced.AsSpan(start, batch.Length)))
            return tensor(batch.ToArray(), device: _device);
        _next += batch.Length;
        return _announcedRows!.narrow(0, start, batch.Length);
    }

    // Outputs ±1, from the numbers that Philox.Sample compares θ with, of neurons from one on.
    private Tensor Sample(Tensor theta, int presentation, long firstNeuron = 0)
    {
        if (_uniform is null || _steps >= _firstStepOfUniform + _stepsOfUniform)
        {
            _uniform?.Dispose();
            _firstStepOfUniform = _steps;
            _uniform = TensorPhilox
                .Uniform(_steps, _stepsOfUniform, _sampledNeurons, _quarter, _settings.Seed, _device)
                .DetachFromDisposeScope();
        }

        long neurons = theta.shape[0];
        long rows = theta.shape[1];
        Tensor uniform = _uniform[_steps - _firstStepOfUniform, presentation]
            .narrow(0, firstNeuron, neurons)
            .narrow(-1, 0, (rows + 3) / 4)
            .reshape(neurons, -1)
            .narrow(-1, 0, rows);
        return uniform.lt(theta).to(float32).mul_(2).sub_(1);
    }

    // ∂G/∂θ of a layer's neurons, as many at a time as the memory for it holds.
    private Tensor Differentiate(
        TensorGoal goal,
        Tensor sources,
        Tensor theta,
        Tensor complement,
        Tensor mass,
        LayerStatistics? statistics
    )
    {
        long neurons = theta.shape[0];
        long together = Math.Clamp(GoalMemory / goal.BytesPerNeuron(_goalRows), 1, neurons);
        Tensor slope = empty_like(theta);
        for (long start = 0; start < neurons; start += together)
        {
            using DisposeScope scope = NewDisposeScope();
            long count = Math.Min(together, neurons - start);
            TensorGoal.Batch batch = goal.Count(
                sources.narrow(1, start, count),
                theta.narrow(0, start, count),
                complement.narrow(0, start, count),
                mass
            );
            if (statistics is not null)
                Measure(goal, batch, (int)start, statistics);
            slope.narrow(0, start, count).copy_(goal.Differentiate(batch, mass));
        }

        return slope;
    }

    private static void Measure(TensorGoal goal, TensorGoal.Batch batch, int start, LayerStatistics statistics)
    {
        (Tensor redundancies, Tensor entropies) = goal.Measure(batch);
        double[] ofAll = redundancies.t().contiguous().cpu().data<double>().ToArray();
        double[] entropyOf = entropies.cpu().data<double>().ToArray();
        int antichains = ofAll.Length / entropyOf.Length;
        for (int i = 0; i < entropyOf.Length; i++)
            statistics.Add(start + i, ofAll.AsSpan(i * antichains, antichains), entropyOf[i]);
    }

    // L: lateral weights times the outputs of the first presentation, and the bias.
    private void AggregateLateral(Tensor first, Tensor l)
    {
        if (_connections is null)
            l.addmm_(_hidden!.Values[_lateral], first, beta: 0);
        else
            ForPieces(
                (peers, start, dense) =>
                {
                    dense.zero_().scatter_(1, peers, _hidden!.Values[_lateral].narrow(0, start, peers.shape[0]));
                    l.narrow(0, start, peers.shape[0]).addmm_(dense, first, beta: 0);
                }
            );
        l.add_(_biases![_lateral]);
    }

    private void DifferentiateLateral(Tensor gradient, Tensor first)
    {
        Tensor outputs = first.t();
        if (_connections is null)
        {
            _hidden!.Gradients[_lateral].addmm_(gradient, outputs, beta: 0);
            _hidden.Gradients[_lateral].diagonal(0, 0, 1).zero_();
            return;
        }

        ForPieces(
            (peers, start, dense) =>
            {
                dense.addmm_(gradient.narrow(0, start, peers.shape[0]), outputs, beta: 0);
                _hidden!.Gradients[_lateral].narrow(0, start, peers.shape[0]).copy_(dense.gather(1, peers));
            }
        );
    }

    // Sparse lateral connections are multiplied as a dense matrix, as many neurons at a time as a piece of it holds: with
    // 100 connections and a few thousand neurons that costs a GPU less than to collect the outputs of every one's peers.
    private void ForPieces(Action<Tensor, long, Tensor> work)
    {
        long neurons = _layer!.NeuronCount;
        long together = Math.Clamp(DenseWeights / neurons, 1, neurons);
        for (long start = 0; start < neurons; start += together)
        {
            using DisposeScope scope = NewDisposeScope();
            long count = Math.Min(together, neurons - start);
            work(_connections!.narrow(0, start, count), start, empty(count, neurons, float32, _device));
        }
    }
}
