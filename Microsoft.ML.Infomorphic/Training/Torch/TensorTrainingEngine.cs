// One training step as operations on tensors, on any device (arXiv 2412.02482, algorithms 1 and 2). The host asks for
// operations and never waits for a result, unless the step is measured.
//
//   symbol     variable            shape            unit
//   x          features            rows × features  –
//   F, C, L    sources             sources × KN × rows   –   aggregated inputs
//   y⁻, y      heard, outputs      KN × rows        ±1     outputs of the presentation before, and of the last
//   θ          theta               KN × rows        probability
//   ∂G/∂F …    gradients           sources × KN × rows   bit
//
// K trials are one layer of K blocks of N neurons, and K output layers: one product with the features for all, and
// products by blocks where neurons hear each other or the outputs, so that a step of many trials asks for as many
// operations as a step of one. All draw the same numbers, as they have the same seed, and so the same lateral connections.
//
// Products are of single precision: while an engine lives, TensorFloat-32, which libtorch has switched off unless the
// application switched it on, is off. Its 10 bits would neither place rows in the right bins nor add up masses.

using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Infomorphic.Training.Torch;

/// <summary>
/// Trains and evaluates networks on a device. Data, weights, gradients and the optimiser's state stay
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

    private readonly List<NetworkState> _states;
    private readonly TrainingSettings _settings;
    private readonly int _classes;
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
    private Tensor? _biases;
    private Tensor? _biasGradients;
    private readonly Tensor? _connections;
    private readonly Tensor _oneHot;
    private TensorGoal? _hiddenGoal;
    private TensorGoal _outputGoal;
    private readonly int _presentations;
    private readonly int _counters;
    private readonly int _sampledNeurons;
    private readonly int _goalRows;
    private TensorMatrix _scores;
    private TensorMatrix[] _scoresOfTrials = [];
    private readonly Dictionary<LabeledRows, ResidentRows> _resident = new(ReferenceEqualityComparer.Instance);

    private int[] _announced = [];
    private Tensor? _announcedRows;
    private int _next;

    private readonly int _quarter;
    private readonly int _stepsOfUniform;
    private Tensor? _uniform;
    private long _firstStepOfUniform;
    private long _steps;

    public TensorTrainingEngine(NetworkState state, TrainingSettings settings, int maximumRows, Device device)
        : this([state], settings, maximumRows, device) { }

    /// <param name="states">The trials, of one shape.</param>
    /// <param name="settings">What they have in common.</param>
    /// <param name="maximumRows">Rows of the largest batch.</param>
    /// <param name="device">The device.</param>
    public TensorTrainingEngine(
        IReadOnlyList<NetworkState> states,
        TrainingSettings settings,
        int maximumRows,
        Device device
    )
    {
        NetworkState shape = states[0];
        _states = [.. states];
        _settings = settings;
        _classes = shape.ClassCount;
        _device = device;
        _presentations = shape.Presentations;
        _counters = RandomStreams.CountersOf(_presentations);
        using var noGradient = no_grad();
        if (shape.Hidden is LayerState hidden)
        {
            _layer = hidden;
            _label = hidden.IndexOf(SourceKind.Label);
            _feedback = hidden.IndexOf(SourceKind.Feedback);
            _lateral = hidden.IndexOf(SourceKind.Lateral);
            _sampledNeurons = hidden.NeuronCount + (_feedback >= 0 ? _classes : 0);
            _hidden = new TensorWeights(device, states.Select(state => state.Hidden!));
            if (hidden.Find(SourceKind.Lateral) is { Connections: int[] connections } lateral)
                _connections = tensor(
                    Array.ConvertAll(connections, peer => (long)peer),
                    [hidden.NeuronCount, lateral.ConnectionCount],
                    device: device
                );
        }

        _output = new TensorWeights(device, states.Select(state => state.Output));
        _oneHot = eye(_classes, dtype: float32, device: device);
        _outputGoal = GoalOf(state => state.Output)!;
        _hiddenGoal = _layer is null ? null : GoalOf(state => state.Hidden!);
        FindBiases();
        _goalRows = maximumRows;
        _scores = new TensorMatrix(states.Count * _classes, maximumRows);
        _quarter = (maximumRows + 3) / 4;
        _stepsOfUniform = (int)
            Math.Clamp(NumbersAtOnce / (4L * _counters * _quarter * Math.Max(_sampledNeurons, 1)), 1, StepsAtOnce);
        _tensorFloat32 = backends.cuda.matmul.allow_tf32;
        if (device.type == DeviceType.CUDA)
            backends.cuda.matmul.allow_tf32 = false;
    }

    private int Trials => _states.Count;

    /// <inheritdoc/>
    public override void Announce(ReadOnlySpan<int> order)
    {
        _announced = order.ToArray();
        _next = 0;
        _announcedRows?.Dispose();
        _announcedRows = tensor(_announced, device: _device);
    }

    /// <inheritdoc/>
    public override void Step(
        LabeledRows rows,
        ReadOnlySpan<int> batch,
        params ReadOnlySpan<InformationStatistics> statistics
    )
    {
        using var noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        _steps++;
        ResidentRows data = Resident(rows);
        Tensor chosen = Choose(batch);
        Tensor features = data.Features(chosen);
        Tensor labels = data.Labels(chosen);
        Tensor mass = data.Masses(chosen);
        LayerStatistics[] ofHidden = new LayerStatistics[_layer?.Goal is null ? 0 : statistics.Length];
        LayerStatistics[] ofOutput = new LayerStatistics[statistics.Length];
        for (int trial = 0; trial < statistics.Length; trial++)
        {
            ofOutput[trial] = statistics[trial].Layers[^1]!;
            if (ofHidden.Length > 0)
                ofHidden[trial] = statistics[trial].Layers[0]!;
        }

        Tensor oneHot = _oneHot.index_select(0, labels);

        // The outputs of the hidden layer, trials · neurons × rows.
        Tensor? inputs = _layer is null ? null : StepHidden(_layer, features, labels, oneHot, mass, ofHidden);

        // The output layer. Its context: the neuron's own element of the one-hot label.
        Tensor outputF = AggregateOutput(inputs, features);
        (Tensor outputTheta, Tensor outputComplement) = TensorActivation.Fire(outputF);
        Tensor outputSlope = Differentiate(
            _outputGoal,
            stack([outputF, oneHot.t().repeat(Trials, 1)]),
            outputTheta,
            outputComplement,
            mass,
            ofOutput
        );
        Tensor outputGradient = TensorActivation.Differentiate(outputTheta, outputComplement, outputSlope);
        if (inputs is null)
            _output.Gradients[0].addmm_(outputGradient, features, beta: 0);
        else
            MultiplyTransposed(outputGradient, inputs, _output.Gradients[0]);
        _output.Gradients[1].copy_(outputGradient.sum(-1, keepdim: true));
        _output.Update(_steps);
    }

    /// <inheritdoc/>
    public override void Evaluate(
        LabeledRows rows,
        ReadOnlySpan<int> batch,
        ReadOnlySpan<int> trials,
        Action<int, TensorMatrix> receive
    )
    {
        int[] asked = trials.ToArray();
        if (_scores.Columns != batch.Length || _scoresOfTrials.Length != Trials)
        {
            DisposeScores();
            _scores = new TensorMatrix(Trials * _classes, batch.Length);
            _scoresOfTrials =
            [
                .. Enumerable.Range(0, Trials).Select(trial => _scores.Part(trial * _classes, _classes)),
            ];
        }

        using (no_grad())
        using (NewDisposeScope())
        {
            Tensor chosen = tensor(batch.ToArray(), device: _device);
            Tensor features = Resident(rows).Features(chosen);
            _scores.Tensor.copy_(AggregateOutput(_layer is null ? null : EvaluateHidden(_layer, features), features));
        }

        Parallel.For(
            0,
            asked.Length,
            new ParallelOptions { MaxDegreeOfParallelism = _settings.Threads ?? Environment.ProcessorCount },
            i => receive(asked[i], _scoresOfTrials[asked[i]])
        );
    }

    /// <inheritdoc/>
    public override void Remove(int trial)
    {
        using var noGradient = no_grad();
        _states.RemoveAt(trial);
        _hidden?.Remove(trial);
        _output.Remove(trial);
        _outputGoal.Dispose();
        _hiddenGoal?.Dispose();
        _outputGoal = GoalOf(state => state.Output)!;
        _hiddenGoal = _layer is null ? null : GoalOf(state => state.Hidden!);
        FindBiases();
    }

    // Trains the hidden layers; returns their outputs.
    private Tensor StepHidden(
        LayerState layer,
        Tensor features,
        Tensor labels,
        Tensor oneHot,
        Tensor mass,
        LayerStatistics[] statistics
    )
    {
        int count = layer.Sources.Length;
        Tensor sources = empty(count, Trials * layer.NeuronCount, features.shape[0], float32, _device);
        Tensor[] parts = [.. Enumerable.Range(0, count).Select(i => sources[i])];
        parts[0].addmm_(_hidden!.Values[0], features.t(), beta: 0).add_(_biases![0]);
        if (layer.Activation is StepActivation)
            return parts[0].gt(0).to(float32);
        if (_label >= 0)
            parts[_label].copy_(_hidden.Values[_label].index_select(1, labels)).add_(_biases[_label]);

        // The first presentation without what neurons put out, each other with what they put out in the one before.
        Tensor? heard = null;
        Tensor? fed = null;
        int last = _counters - 1;
        for (int presentation = layer.IsRecurrent ? 0 : last; presentation < last; presentation++)
        {
            using DisposeScope temporary = NewDisposeScope();
            heard = Sample(Fire(presentation == 0 ? Silent(parts) : parts).Theta, presentation)
                .MoveToOuterDisposeScope();
            if (_feedback >= 0)
            {
                fed = Sample(
                        TensorActivation.Fire(AggregateOutput(heard, features)).Theta,
                        presentation,
                        layer.NeuronCount
                    )
                    .MoveToOuterDisposeScope();
                AggregateFeedback(fed, parts[_feedback]);
            }

            if (_lateral >= 0)
                AggregateLateral(heard, parts[_lateral]);
        }

        (Tensor theta, Tensor complement) = Fire(parts);
        Tensor outputs = Sample(theta, last);
        Tensor slope = Differentiate(_hiddenGoal!, sources, theta, complement, mass, statistics);
        Tensor gradients = DifferentiateActivation(parts, theta, complement, slope);

        // ∂G/∂W = ∂G/∂F · inputs. What the output layer learns from are outputs, so that weights may change now, but for
        // its own, which come later.
        _hidden.Gradients[0].addmm_(gradients[0], features, beta: 0);
        if (_label >= 0)
            _hidden.Gradients[_label].addmm_(gradients[_label], oneHot, beta: 0);
        if (_feedback >= 0)
            MultiplyTransposed(gradients[_feedback], fed!, _hidden.Gradients[_feedback]);
        if (_lateral >= 0)
            DifferentiateLateral(gradients[_lateral], heard!);
        _biasGradients!.copy_(gradients.sum(-1, keepdim: true));
        _hidden.Update(_steps);
        return outputs;
    }

    // Mean outputs of the hidden layers, with the label withheld.
    private Tensor EvaluateHidden(LayerState layer, Tensor features)
    {
        Tensor f = _hidden!.Values[0].mm(features.t()).add_(_biases![0]);
        if (layer.Activation is StepActivation)
            return f.gt(0).to(float32);
        Tensor[] parts = Silent([f, .. layer.Sources.Skip(1).Select(_ => f)]);
        if (_label >= 0)
            parts[_label] = _biases[_label];
        Tensor outputs = Mean(Fire(parts));
        for (int presentation = 1; presentation < _presentations; presentation++)
        {
            if (_feedback >= 0)
            {
                parts[_feedback] = empty_like(f);
                AggregateFeedback(Mean(TensorActivation.Fire(AggregateOutput(outputs, features))), parts[_feedback]);
            }

            if (_lateral >= 0)
            {
                parts[_lateral] = empty_like(f);
                AggregateLateral(outputs, parts[_lateral]);
            }

            outputs = Mean(Fire(parts));
        }

        return outputs;

        static Tensor Mean((Tensor Theta, Tensor Complement) fired) => fired.Theta.sub_(fired.Complement);
    }

    // The sources of the first presentation: those that hear outputs are their biases.
    private Tensor[] Silent(Tensor[] sources) =>
        [.. sources.Select((source, i) => i == _feedback || i == _lateral ? _biases![i] : source)];

    // Firing probabilities of the hidden neurons. Trials with activations of their own fire one after another.
    private (Tensor Theta, Tensor Complement) Fire(Tensor[] sources)
    {
        if (HasOneActivation)
            return TensorActivation.Fire(_layer!.Activation, sources);
        (Tensor Theta, Tensor Complement)[] fired =
        [
            .. _states.Select(
                (state, trial) => TensorActivation.Fire(state.Hidden!.Activation, OfTrial(sources, trial))
            ),
        ];
        return (cat([.. fired.Select(of => of.Theta)]), cat([.. fired.Select(of => of.Complement)]));
    }

    private Tensor DifferentiateActivation(Tensor[] sources, Tensor theta, Tensor complement, Tensor slope)
    {
        if (HasOneActivation)
            return TensorActivation.Differentiate(_layer!.Activation, sources, theta, complement, slope);
        return cat(
            [
                .. _states.Select(
                    (state, trial) =>
                    {
                        Tensor[] rest = OfTrial([theta, complement, slope], trial);
                        return TensorActivation.Differentiate(
                            state.Hidden!.Activation,
                            OfTrial(sources, trial),
                            rest[0],
                            rest[1],
                            rest[2]
                        );
                    }
                ),
            ],
            1
        );
    }

    private bool HasOneActivation =>
        _states.All(state => state.Hidden!.Activation.Equals(_states[0].Hidden!.Activation));

    private Tensor[] OfTrial(Tensor[] ofAll, int trial) =>
        [.. ofAll.Select(tensor => tensor.narrow(0, (long)trial * _layer!.NeuronCount, _layer.NeuronCount))];

    // F of the output layers: from the hidden layers, or where there are none from the features.
    private Tensor AggregateOutput(Tensor? hidden, Tensor features)
    {
        Tensor weights = _output.Values[0];
        Tensor f = empty(weights.shape[0], features.shape[0], float32, _device);
        if (hidden is null)
            f.addmm_(weights, features.t(), beta: 0);
        else
            Multiply(weights, hidden, f);
        return f.add_(_output.Values[1]);
    }

    // C: context weights times what the output layer put out in the presentation before, and the bias.
    private void AggregateFeedback(Tensor fed, Tensor c)
    {
        Multiply(_hidden!.Values[_feedback], fed, c);
        c.add_(_biases![_feedback]);
    }

    // Each trial's rows of the left times its own rows of the right. In place where there is one trial alone: so does
    // libtorch one matrix, but not many.
    private void Multiply(Tensor left, Tensor right, Tensor result)
    {
        if (Trials == 1)
            result.addmm_(left, right, beta: 0);
        else
            Blocks(result).copy_(Blocks(left).bmm(Blocks(right)));
    }

    // The same with the right transposed, so that rows of the batch are summed over.
    private void MultiplyTransposed(Tensor left, Tensor right, Tensor result)
    {
        if (Trials == 1)
            result.addmm_(left, right.t(), beta: 0);
        else
            Blocks(result).copy_(Blocks(left).bmm(Blocks(right).transpose(1, 2)));
    }

    // One matrix a trial.
    private Tensor Blocks(Tensor ofAll) => ofAll.view(Trials, ofAll.shape[0] / Trials, ofAll.shape[1]);

    /// <inheritdoc/>
    public override void DownloadWeights()
    {
        using var noGradient = no_grad();
        _hidden?.Bring();
        _output.Bring();
    }

    /// <inheritdoc/>
    public override void UploadWeights(int trial)
    {
        using var noGradient = no_grad();
        _hidden?.Take(trial);
        _output.Take(trial);
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
        DisposeScores();
        if (_device.type == DeviceType.CUDA)
            backends.cuda.matmul.allow_tf32 = _tensorFloat32;
    }

    private ResidentRows Resident(LabeledRows rows)
    {
        if (!_resident.TryGetValue(rows, out ResidentRows? resident))
        {
            resident = new ResidentRows(rows, _states[0].Scaling, _device);
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

    private void DisposeScores()
    {
        foreach (TensorMatrix scores in _scoresOfTrials)
            scores.Dispose();
        _scores.Dispose();
    }

    // The goals of a layer of all trials; null where it does not learn.
    private TensorGoal? GoalOf(Func<NetworkState, LayerState> layer) =>
        layer(_states[0]).Goal is null
            ? null
            : new TensorGoal(
                [.. _states.Select(state => new GoalTerms(layer(state).Goal!))],
                layer(_states[0]).Binning,
                _device
            );

    // The biases of each source of the hidden neurons, and their gradients.
    private void FindBiases()
    {
        _biases?.Dispose();
        _biasGradients?.Dispose();
        if (_hidden is null)
            return;
        _biases = BySource(_hidden.Values[^1]);
        _biasGradients = BySource(_hidden.Gradients[^1]);

        static Tensor BySource(Tensor biases)
        {
            using Tensor transposed = biases.t();
            return transposed.unsqueeze(-1);
        }
    }

    // Outputs ±1, from the numbers that Philox.Sample compares θ with, of neurons from one on.
    private Tensor Sample(Tensor theta, int presentation, long firstNeuron = 0)
    {
        if (_uniform is null || _steps >= _firstStepOfUniform + _stepsOfUniform)
        {
            _uniform?.Dispose();
            _firstStepOfUniform = _steps;
            _uniform = TensorPhilox
                .Uniform(_steps, _stepsOfUniform, _counters, _sampledNeurons, _quarter, _settings.Seed, _device)
                .DetachFromDisposeScope();
        }

        long neurons = theta.shape[0] / Trials;
        long rows = theta.shape[1];
        Tensor uniform = _uniform[_steps - _firstStepOfUniform, presentation]
            .narrow(0, firstNeuron, neurons)
            .narrow(-1, 0, (rows + 3) / 4)
            .reshape(neurons, -1)
            .narrow(-1, 0, rows);
        return uniform.lt(Blocks(theta)).to(float32).mul_(2).sub_(1).flatten(0, 1);
    }

    // ∂G/∂θ of a layer's neurons, as many at a time as the memory for it holds: of several trials, or of a part of one.
    private Tensor Differentiate(
        TensorGoal goal,
        Tensor sources,
        Tensor theta,
        Tensor complement,
        Tensor mass,
        LayerStatistics[] statistics
    )
    {
        long neurons = theta.shape[0] / Trials;
        long together = Math.Clamp(GoalMemory / goal.BytesPerNeuron(_goalRows), 1, Trials * neurons);
        long trialsTogether = Math.Max(together / neurons, 1);
        long neuronsTogether = Math.Min(together, neurons);
        Tensor slope = empty_like(theta);
        for (long trial = 0; trial < Trials; trial += trialsTogether)
        for (long neuron = 0; neuron < neurons; neuron += neuronsTogether)
        {
            using DisposeScope scope = NewDisposeScope();
            long trials = Math.Min(trialsTogether, Trials - trial);
            long start = trial * neurons + neuron;
            long count = trials > 1 ? trials * neurons : Math.Min(neuronsTogether, neurons - neuron);
            TensorGoal.Batch batch = goal.Count(
                sources.narrow(1, start, count),
                theta.narrow(0, start, count),
                complement.narrow(0, start, count),
                mass,
                (int)trial,
                (int)trials
            );
            if (statistics.Length > 0)
                Measure(goal, batch, (int)neuron, statistics.AsSpan((int)trial, (int)trials));
            slope.narrow(0, start, count).copy_(goal.Differentiate(batch, mass));
        }

        return slope;
    }

    private static void Measure(TensorGoal goal, TensorGoal.Batch batch, int start, Span<LayerStatistics> statistics)
    {
        (Tensor redundancies, Tensor entropies) = goal.Measure(batch);
        double[] ofAll = redundancies.t().contiguous().cpu().data<double>().ToArray();
        double[] entropyOf = entropies.cpu().data<double>().ToArray();
        int antichains = ofAll.Length / entropyOf.Length;
        int neurons = entropyOf.Length / statistics.Length;
        for (int i = 0; i < entropyOf.Length; i++)
            statistics[i / neurons].Add(start + i % neurons, ofAll.AsSpan(i * antichains, antichains), entropyOf[i]);
    }

    // L: lateral weights times the outputs of the presentation before, and the bias.
    private void AggregateLateral(Tensor heard, Tensor l)
    {
        Tensor weights = _hidden!.Values[_lateral];
        if (_connections is null)
            Multiply(weights, heard, l);
        else
            ForPieces(
                (peers, start, count) =>
                {
                    Tensor dense = zeros(Trials, count, _layer!.NeuronCount, float32, _device);
                    dense.scatter_(2, peers, Blocks(weights).narrow(1, start, count));
                    Blocks(l).narrow(1, start, count).copy_(dense.bmm(Blocks(heard)));
                }
            );
        l.add_(_biases![_lateral]);
    }

    private void DifferentiateLateral(Tensor gradient, Tensor heard)
    {
        Tensor gradients = _hidden!.Gradients[_lateral];
        if (_connections is null)
        {
            MultiplyTransposed(gradient, heard, gradients);
            Blocks(gradients).diagonal(0, 1, 2).zero_();
            return;
        }

        Tensor outputs = Blocks(heard).transpose(1, 2);
        ForPieces(
            (peers, start, count) =>
            {
                Tensor dense = Blocks(gradient).narrow(1, start, count).bmm(outputs);
                Blocks(gradients).narrow(1, start, count).copy_(dense.gather(2, peers));
            }
        );
    }

    // Sparse lateral connections are multiplied as dense matrices, as many neurons at a time as a piece of them holds: with
    // 100 connections and a few thousand neurons that costs a GPU less than to collect the outputs of every one's peers.
    private void ForPieces(Action<Tensor, long, long> work)
    {
        long neurons = _layer!.NeuronCount;
        long together = Math.Clamp(DenseWeights / neurons / Trials, 1, neurons);
        for (long start = 0; start < neurons; start += together)
        {
            using DisposeScope scope = NewDisposeScope();
            long count = Math.Min(together, neurons - start);
            work(_connections!.narrow(0, start, count).unsqueeze(0).expand(Trials, -1, -1), start, count);
        }
    }
}
