// A layer's part of a step on a device (arXiv 2412.02482, algorithms 1 and 2), for all networks.
//
//   symbol     variable            shape                                     unit
//   F, C, L    Sums                sources × networks · neurons × samples    –      aggregated inputs
//   y          outputs             networks · neurons × samples              ±1
//   A          Potential           networks · neurons × samples              –      θ = σ(A)
//   ∂G/∂A      byPotential         networks · neurons × samples              bit
//   ∂G/∂F …    gradients           sources × networks · neurons × samples    bit
//
// A sample is a row of the batch at a position: sample p·rows + r is row r at position p.

using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Infomorphic.Training.Torch;

/// <summary>A layer's part of a step on a device: the layers of all networks are one layer of as many blocks of neurons.</summary>
internal sealed class TensorLayer : IDisposable
{
    private readonly List<LayerState> _layers;
    private readonly TensorWeights _weights;
    private readonly LayerState _layer;
    private readonly Device _device;
    private readonly int _maximumSamples;
    private readonly bool _hearsItself;
    private readonly bool _isHeardByOthers;
    private readonly bool _isHeardLast;
    private readonly TensorProjection[][] _projections;
    private readonly TensorDraws? _draws;

    // Ones where a position is in a cell, cells × positions, and the number of positions in each cell.
    private readonly Tensor? _cells;
    private readonly Tensor? _cellSizes;

    // Sources × networks · neurons × 1; and their gradients.
    private Tensor? _biases;
    private Tensor? _biasGradients;

    // Null where neurons fire by a step.
    private TensorActivation? _activation;

    /// <param name="networks">The networks, of one shape.</param>
    /// <param name="weights">Their weights.</param>
    /// <param name="index">The layer's place.</param>
    /// <param name="maximumRows">Rows of the largest batch.</param>
    /// <param name="device">The device.</param>
    public TensorLayer(
        IReadOnlyList<NetworkState> networks,
        TensorWeights weights,
        int index,
        int maximumRows,
        Device device
    )
    {
        NetworkState shape = networks[0];
        _layers = [.. networks.Select(network => network.Layers[index])];
        _layer = _layers[0];
        _device = device;
        _maximumSamples = checked(maximumRows * _layer.PositionCount);
        _hearsItself = Hears(_layer, index);
        _isHeardByOthers = shape.Layers.Any(other => other != _layer && Hears(other, index));
        _isHeardLast = shape.IsHeard(index);
        _weights = weights;
        int parameter = 0;
        _projections =
        [
            .. _layer.Sources.Select(
                (source, s) =>
                    source
                        .Projections.Select(
                            (_, p) =>
                                TensorProjection.Create(
                                    new(
                                        _layer,
                                        [.. _layers.Select(layer => layer.Sources[s].Projections[p])],
                                        weights,
                                        parameter++,
                                        device
                                    )
                                )
                        )
                        .ToArray()
            ),
        ];
        _draws = NewDraws(shape, networks.Select(network => network.Seed));
        if (_layer.Pooling is Pooling pooling)
        {
            int[] cells = pooling.CellsOf(_layer.Positions!);
            using var scope = NewDisposeScope();
            _cells = arange(HeldScalar.Of(0L), HeldScalar.Of(pooling.Count), HeldScalar.One, int64, device)
                .unsqueeze(-1)
                .eq(tensor(Array.ConvertAll(cells, cell => (long)cell), device: device))
                .to(float32)
                .DetachFromDisposeScope();
            _cellSizes = _cells.sum(-1, keepdim: true).DetachFromDisposeScope();
        }

        FindParts();
    }

    /// <summary>The layer of the first network.</summary>
    public LayerState State => _layer;

    /// <summary>The layer of each network.</summary>
    public IReadOnlyList<LayerState> OfNetworks => _layers;

    /// <summary>The neurons of all networks.</summary>
    public long Neurons => (long)Networks * _layer.NeuronCount;

    /// <summary>Samples of the largest batch.</summary>
    public int MaximumSamples => _maximumSamples;

    /// <summary>Whether its neurons learn by a goal.</summary>
    public bool HasGoal => _layer.Goal is not null;

    private int Networks => _layers.Count;

    /// <summary>Takes a network out, after the weights have.</summary>
    public void Remove(int network)
    {
        _layers.RemoveAt(network);
        _draws?.Remove(network);
        foreach (TensorProjection projection in _projections.SelectMany(source => source))
            projection.Remove(network);
        FindParts();
    }

    /// <summary>Aggregates the sources whose turn it is.</summary>
    public void Aggregate(TensorPass pass, Visit visit)
    {
        TensorLayerBuffers buffers = pass.Layers[_layer.Index];
        if (visit.IsFirst)
            Begin(pass, buffers);
        for (int source = 0; source < _projections.Length; source++)
        {
            if (visit.Turns[source] != SourceTurn.Aggregated)
                continue;
            Tensor sums = buffers.Sums![source];
            if (buffers.IsAggregated[source])
                sums.copy_(_biases![source]);
            buffers.IsAggregated[source] = true;
            for (int part = 0; part < _projections[source].Length; part++)
            {
                TensorProjection projection = _projections[source][part];
                Signal signal = projection.State.Signal;
                if (!visit.Hears(signal) || signal.IsLabel && !pass.IsTraining)
                    continue;
                ref Tensor? inputs = ref buffers.Inputs[source][part];
                if (projection.Gathers)
                    inputs?.Dispose();
                inputs = projection.Gather(pass.Heard(visit, projection.State));
                using DisposeScope scope = NewDisposeScope();
                projection.Aggregate(inputs, sums);
            }
        }
    }

    /// <summary>The neurons fire and pass their outputs on: samples in training, else means.</summary>
    public void Fire(TensorPass pass, Visit visit)
    {
        bool learns = pass.IsTraining && visit.IsLast && HasGoal;
        bool passesOn = PassesOn(visit, pass.IsTraining);
        if (!learns && !passesOn)
            return;
        TensorLayerBuffers buffers = pass.Layers[_layer.Index];
        using DisposeScope scope = NewDisposeScope();
        Tensor sums = buffers.Sums!;
        Tensor outputs;
        if (_activation is null)
        {
            // The random projection: 1 where F is positive, else 0.
            outputs = sums[0].gt(HeldScalar.Of(0L)).to(float32);
        }
        else
        {
            TensorActivation.Fired fired = _activation.Fire(sums[0], Modulators(sums));
            if (learns)
            {
                scope.MoveToOuter(new[] { fired.Potential, fired.Arguments, fired.Gates }.OfType<Tensor>());
                buffers.Fired = fired;
            }

            if (!passesOn)
                return;
            outputs = pass.IsTraining
                ? _draws!
                    .Sample(fired.Potential.view(Networks, _layer.NeuronCount, -1), pass.Step, visit.Presentation)
                    .flatten(0, 1)
                : TensorActivation.Mean(fired.Potential);
        }

        Tensor? passed =
            !_isHeardByOthers ? null
            : _layer.PositionCount == 1 ? outputs
            : Pool(outputs);
        if (visit.IsLast)
            buffers.Final = passed!.MoveToOuterDisposeScope();
        else
            buffers.PassOnEarlier(_hearsItself ? outputs : null, passed);
    }

    /// <summary>Clears θ(1 − θ) where θ is clamped.</summary>
    public void ClearClamped(Tensor products)
    {
        if (_activation!.IsClamped)
            products.threshold_(HeldScalar.Of(TensorActivation.ClampedProduct), HeldScalar.Of(0L));
    }

    /// <summary>The goal's derivative by the weights.</summary>
    /// <param name="pass">What is presented.</param>
    /// <param name="byPotential">∂G/∂A.</param>
    public void DifferentiateGoal(TensorPass pass, Tensor byPotential)
    {
        TensorLayerBuffers buffers = pass.Layers[_layer.Index];
        using DisposeScope scope = NewDisposeScope();
        Differentiate(buffers, _activation!.Differentiate(buffers.Sums![0], buffers.Fired!.Value, byPotential));
    }

    /// <summary>
    /// The mean log-likelihood's derivative by the weights, of a softmax output layer. It is the delta rule: the derivative by
    /// the sums is mass · (own label − probability).
    /// </summary>
    /// <param name="pass">What is presented.</param>
    public void DifferentiateLikelihood(TensorPass pass)
    {
        TensorLayerBuffers buffers = pass.Layers[_layer.Index];
        using DisposeScope scope = NewDisposeScope();
        Tensor probabilities = buffers.Sums![0].view(Networks, _layer.NeuronCount, -1).softmax(1);
        Tensor bySums = probabilities
            .sub_(pass.Batch.OneHot!.t())
            .mul_(pass.Batch.Masses!.mul(HeldScalar.Of((float)(-1 / TensorGoal.WholeMass))));
        Differentiate(buffers, bySums.view(1, Neurons, -1));
    }

    public void Dispose()
    {
        foreach (TensorProjection projection in _projections.SelectMany(of => of))
            projection.Dispose();
        _draws?.Dispose();
        _cells?.Dispose();
        _cellSizes?.Dispose();
        DisposeParts();
    }

    private static bool Hears(LayerState layer, int other) =>
        layer.Signals.Any(source => source.Contains(Signal.Layer(other)));

    // A layer that passes on means has done so before the step.
    private bool PassesOn(Visit visit, bool isTraining) =>
        !visit.IsLast || _isHeardLast && !(isTraining && _layer.PassesOn == PassedOutputs.Mean);

    // What random numbers are needed for; null where that is nothing.
    private TensorDraws? NewDraws(NetworkState shape, IEnumerable<ulong> seeds)
    {
        int[] drawn =
        [
            .. shape
                .Schedule.Visits.Where(visit => visit.Layer == _layer.Index && PassesOn(visit, isTraining: true))
                .Select(visit => visit.Presentation),
        ];
        if (drawn.Length == 0 || _layer.Activation is StepActivation)
            return null;
        return new TensorDraws(
            shape.Layers.Take(_layer.Index).Sum(layer => layer.NeuronCount),
            _layer.NeuronCount,
            _maximumSamples,
            RandomStreams.CountersOf(shape.Schedule.Presentations),
            (drawn.Min(), drawn.Max()),
            seeds,
            _device
        );
    }

    // From the derivative by the sums to that by the weights and biases.
    private void Differentiate(TensorLayerBuffers buffers, Tensor bySums)
    {
        for (int source = 0; source < _projections.Length; source++)
        {
            Tensor bySource = bySums[source];
            for (int part = 0; part < _projections[source].Length; part++)
                if (buffers.LearnsFrom!.Hears(_projections[source][part].State.Signal))
                    _projections[source][part].Differentiate(buffers.Inputs[source][part]!, bySource);
        }

        _biasGradients!.copy_(bySums.sum(-1, keepdim: true));
    }

    // Sums begin as the biases, which are all that a silent source has; a neuron's own label is there in training.
    private void Begin(TensorPass pass, TensorLayerBuffers buffers)
    {
        if (buffers.Sums is null)
            buffers.Start(
                empty(_layer.Signals.Count, Neurons, pass.Batch.RowCount * _layer.PositionCount, float32, _device)
            );
        using DisposeScope scope = NewDisposeScope();
        buffers.Sums!.narrow(0, 0, _projections.Length).copy_(_biases!);
        if (_layer.HasOwnLabel && pass.IsTraining && HasGoal)
            buffers.Sums[_projections.Length].view(Networks, _layer.NeuronCount, -1).copy_(pass.Batch.OneHot!.t());
    }

    private Tensor Modulators(Tensor sums) => sums.narrow(0, 1, _projections.Length - 1);

    // What is passed on of outputs at several positions: networks · cells · neurons × rows.
    private Tensor Pool(Tensor outputs)
    {
        Tensor pooled = outputs.view(outputs.shape[0], _layer.PositionCount, -1);
        if (_cells is not null)
            pooled = _cells.expand(outputs.shape[0], -1, -1).bmm(pooled).div_(_cellSizes!);
        return pooled
            .view(Networks, _layer.NeuronCount, _layer.CellCount, -1)
            .transpose(1, 2)
            .reshape((long)Networks * _layer.OutputCount, -1);
    }

    // The activations and biases of the networks that are there.
    private void FindParts()
    {
        DisposeParts();
        _activation =
            _layer.Activation is StepActivation
                ? null
                : new TensorActivation([.. _layers.Select(layer => layer.Activation)], _layer.NeuronCount, _device);
        _biases = BySource(_weights.Values);
        _biasGradients = BySource(_weights.Gradients);

        Tensor BySource(Tensor[][] ofAll)
        {
            using Tensor transposed = ofAll[_layer.Index][^1].t();
            return transposed.unsqueeze(-1);
        }
    }

    private void DisposeParts()
    {
        _activation?.Dispose();
        _biases?.Dispose();
        _biasGradients?.Dispose();
    }
}
