// One training step as operations on tensors, on any device (arXiv 2412.02482, algorithms 1 and 2). The host asks for
// operations and never waits for a result, unless the step is measured. TensorLayer is a layer's part of a step.
//
// K networks are one network of K blocks: one product with the features for all, and products by blocks where neurons hear
// layers, so that a step of many networks asks for as many operations as a step of one. Networks of one seed draw the same
// numbers, and so the same connections; those of an ensemble have seeds of their own.
//
// Products are of single precision: while an engine lives, TensorFloat-32, which libtorch has switched off unless the
// application switched it on, is off. Its 10 bits would neither place rows in the right bins nor add up masses.

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
    private readonly NetworkState _shape;
    private readonly TrainingSettings _settings;
    private readonly int _classes;
    private readonly Device _device;
    private readonly bool _tensorFloat32;
    private readonly TensorWeights _weights;
    private readonly TensorLayer[] _layers;
    private readonly TensorLearning[] _learning;
    private readonly Dictionary<LabeledRows, ResidentRows> _resident = new(ReferenceEqualityComparer.Instance);
    private (LabeledRows? Rows, ResidentRows? Resident) _transient; // those that were asked for last
    private int _networks;
    private TensorMatrix _scores;
    private TensorMatrix[] _scoresOfNetworks = [];

    private int[] _announced = [];
    private Tensor? _announcedRows;
    private int _next;
    private long _steps;

    /// <summary>An engine on a CUDA device.</summary>
    /// <param name="states">The networks, of one shape.</param>
    /// <param name="settings">What they have in common.</param>
    /// <param name="maximumRows">Rows of the largest batch.</param>
    /// <param name="index">The device's index.</param>
    public static TensorTrainingEngine OnCuda(
        IReadOnlyList<NetworkState> states,
        TrainingSettings settings,
        int maximumRows,
        int index
    ) => new(states, settings, maximumRows, new Device(DeviceType.CUDA, index));

    public TensorTrainingEngine(NetworkState state, TrainingSettings settings, int maximumRows, Device device)
        : this([state], settings, maximumRows, device) { }

    /// <param name="states">The networks, of one shape.</param>
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
        _shape = states[0];
        _settings = settings;
        _networks = states.Count;
        _steps = _shape.Steps;
        _classes = _shape.ClassCount;
        _device = device;
        using var noGradient = no_grad();
        _weights = new TensorWeights(device, states);
        _layers =
        [
            .. _shape.Layers.Select(layer => new TensorLayer(states, _weights, layer.Index, maximumRows, device)),
        ];
        _learning =
        [
            .. _layers
                .Where(layer => layer.HasGoal)
                .GroupBy(layer => (layer.MaximumSamples, layer.State.Binning.Count))
                .Select(layers => new TensorLearning(layers, layers.Key.MaximumSamples, device)),
        ];
        _scores = new TensorMatrix(_networks * _classes, maximumRows);
        _tensorFloat32 = backends.cuda.matmul.allow_tf32;
        if (device.type == DeviceType.CUDA)
            backends.cuda.matmul.allow_tf32 = false;
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
        (Tensor features, Tensor oneHot) = data.Choose(chosen);
        var presented = new TensorBatch(features, oneHot, data.Masses(chosen));
        var pass = new TensorPass(_shape.Schedule, presented, _shape.Layers)
        {
            Step = _steps,
            Statistics = statistics.ToArray(),
        };
        if (_shape.MeansSchedule is Schedule schedule)
        {
            using DisposeScope temporary = NewDisposeScope();
            pass.TakeMeans(Present(new TensorPass(schedule, presented, _shape.Layers)));
        }

        foreach (TensorLearning learning in _learning)
            learning.Start(pass);
        Present(pass);
        foreach (TensorLearning learning in _learning)
            learning.Learn(pass);
        if (_shape.Output.IsSoftmax)
            _layers[^1].DifferentiateLikelihood(pass);
        _weights.Update(_steps, RateFactor);
    }

    /// <inheritdoc/>
    public override void Evaluate(
        LabeledRows rows,
        ReadOnlySpan<int> batch,
        ReadOnlySpan<int> networks,
        Action<int, TensorMatrix> receive
    )
    {
        int[] asked = networks.ToArray();
        if (_scores.Columns != batch.Length || _scoresOfNetworks.Length != _networks)
        {
            DisposeScores();
            _scores = new TensorMatrix(_networks * _classes, batch.Length);
            _scoresOfNetworks =
            [
                .. Enumerable.Range(0, _networks).Select(network => _scores.Part(network * _classes, _classes)),
            ];
        }

        using (no_grad())
        using (NewDisposeScope())
        {
            Tensor chosen = tensor(batch.ToArray(), device: _device);
            var presented = new TensorBatch(Resident(rows).Choose(chosen).Features);
            TensorPass pass = Present(new TensorPass(_shape.ScoringSchedule, presented, _shape.Layers));
            _scores.Tensor.copy_(pass.Layers[^1].Sums![0]);
        }

        Parallel.For(
            0,
            asked.Length,
            new ParallelOptions { MaxDegreeOfParallelism = _settings.Threads ?? Environment.ProcessorCount },
            i => receive(asked[i], _scoresOfNetworks[asked[i]])
        );
    }

    /// <inheritdoc/>
    public override void Remove(int network)
    {
        using var noGradient = no_grad();
        _networks--;
        _weights.Remove(network);
        foreach (TensorLayer layer in _layers)
            layer.Remove(network);
        foreach (TensorLearning learning in _learning)
            learning.Refresh();
    }

    /// <inheritdoc/>
    public override void DownloadWeights()
    {
        using var noGradient = no_grad();
        _weights.Download();
    }

    /// <inheritdoc/>
    public override void UploadWeights(int network)
    {
        using var noGradient = no_grad();
        _weights.Upload(network);
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
        _transient.Resident?.Dispose();
        _announcedRows?.Dispose();
        foreach (TensorLearning learning in _learning)
            learning.Dispose();
        foreach (TensorLayer layer in _layers)
            layer.Dispose();
        _weights.Dispose();
        DisposeScores();
        if (_device.type == DeviceType.CUDA)
            backends.cuda.matmul.allow_tf32 = _tensorFloat32;
    }

    private TensorPass Present(TensorPass pass)
    {
        var presenter = new Presenter(_layers, pass);
        pass.Schedule.Present(ref presenter);
        return pass;
    }

    private ResidentRows Resident(LabeledRows rows)
    {
        if (rows.IsTransient)
        {
            if (!ReferenceEquals(rows, _transient.Rows))
            {
                _transient.Resident?.Dispose();
                _transient = (rows, new ResidentRows(rows, _shape.Scaling, _device));
            }

            return _transient.Resident!;
        }

        if (!_resident.TryGetValue(rows, out ResidentRows? resident))
        {
            resident = new ResidentRows(rows, _shape.Scaling, _device);
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
        foreach (TensorMatrix scores in _scoresOfNetworks)
            scores.Dispose();
        _scores.Dispose();
    }

    private readonly struct Presenter(TensorLayer[] layers, TensorPass pass) : IPresenter
    {
        public void Aggregate(Visit visit) => layers[visit.Layer].Aggregate(pass, visit);

        public void Fire(Visit visit) => layers[visit.Layer].Fire(pass, visit);

        // All layers learn together, when all have fired.
        public void Learn(Visit visit) => pass.Layers[visit.Layer].LearnsFrom = visit;
    }
}
