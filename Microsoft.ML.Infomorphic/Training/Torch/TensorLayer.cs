// A layer's part of a step on a device (arXiv 2412.02482, algorithms 1 and 2), for all networks.
//
//   symbol     variable            shape                                     unit
//   F, C, L    Sources             sources × networks · neurons × samples    –      aggregated inputs
//   y          outputs             networks · neurons × samples              ±1
//   θ          Theta               networks · neurons × samples              probability
//   ∂G/∂θ      slope               networks · neurons × samples              bit
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

    // One a source, networks · neurons × 1; and their gradients, sources × networks · neurons × 1.
    private Tensor[] _biases = [];
    private Tensor? _biasGradients;
    private TensorLearning? _learning;
    private bool _hasOneActivation;

    /// <param name="networks">The networks, of one shape.</param>
    /// <param name="index">The layer's place.</param>
    /// <param name="maximumRows">Rows of the largest batch.</param>
    /// <param name="device">The device.</param>
    public TensorLayer(IReadOnlyList<NetworkState> networks, int index, int maximumRows, Device device)
    {
        NetworkState shape = networks[0];
        _layers = [.. networks.Select(network => network.Layers[index])];
        _layer = _layers[0];
        _device = device;
        _maximumSamples = checked(maximumRows * _layer.PositionCount);
        _hearsItself = Hears(_layer, index);
        _isHeardByOthers = shape.Layers.Any(other => other != _layer && Hears(other, index));
        _isHeardLast = shape.IsHeard(index);
        Weights = new TensorWeights(device, _layers);
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
                                        Weights,
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
            _cells = arange(pooling.Count, int64, device)
                .unsqueeze(-1)
                .eq(tensor(Array.ConvertAll(cells, cell => (long)cell), device: device))
                .to(float32)
                .DetachFromDisposeScope();
            _cellSizes = _cells.sum(-1, keepdim: true).DetachFromDisposeScope();
        }

        FindParts();
    }

    /// <summary>The weights.</summary>
    public TensorWeights Weights { get; }

    private int Networks => _layers.Count;

    /// <summary>Takes a network out.</summary>
    public void Remove(int network)
    {
        _layers.RemoveAt(network);
        Weights.Remove(network);
        _draws?.Remove(network);
        foreach (TensorProjection projection in _projections.SelectMany(source => source))
            projection.Remove(network);
        FindParts();
    }

    /// <summary>Aggregates the sources whose turn it is.</summary>
    public void Aggregate(TensorPass pass, Visit visit)
    {
        TensorLayerBuffers buffers = pass.Layers[_layer.Index];
        long samples = pass.Batch.RowCount * _layer.PositionCount;
        if (visit.IsFirst)
            buffers.Start((long)Networks * _layer.NeuronCount, samples, _device);
        for (int source = 0; source < _projections.Length; source++)
        {
            if (visit.Turns[source] == SourceTurn.Kept)
                continue;
            Tensor sums = buffers.Sums![source];
            bool add = false;
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
                projection.Aggregate(inputs, sums, add);
                add = true;
            }

            buffers.Sources[source].Dispose();
            buffers.Sources[source] = add ? sums.add_(_biases[source]) : _biases[source].expand(-1, samples);
        }
    }

    /// <summary>The neurons fire and pass their outputs on: samples in training, else means.</summary>
    public void Fire(TensorPass pass, Visit visit)
    {
        bool learns = pass.IsTraining && visit.IsLast && _learning is not null;
        bool passesOn = PassesOn(visit, pass.IsTraining);
        if (!learns && !passesOn)
            return;
        TensorLayerBuffers buffers = pass.Layers[_layer.Index];
        using DisposeScope scope = NewDisposeScope();
        Tensor outputs;
        if (_layer.Activation is StepActivation)
        {
            // The random projection: 1 where F is positive, else 0.
            outputs = buffers.Sources[0].gt(0).to(float32);
        }
        else
        {
            (Tensor theta, Tensor complement) = Fire(buffers.Sources);
            if (learns)
            {
                scope.MoveToOuter(theta, complement);
                buffers.Fired = (theta, complement);
            }

            if (!passesOn)
                return;
            outputs = pass.IsTraining
                ? _draws!.Sample(theta.view(Networks, _layer.NeuronCount, -1), pass.Step, visit.Presentation)
                : theta.sub_(complement);
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

    /// <summary>The derivative by the weights, and one step of the optimiser.</summary>
    public void Learn(TensorPass pass, Visit visit)
    {
        if (!pass.IsTraining || !_layer.Learns)
            return;
        TensorLayerBuffers buffers = pass.Layers[_layer.Index];
        using DisposeScope scope = NewDisposeScope();
        Tensor gradients = _layer.IsSoftmax ? LikelihoodSlope(pass, buffers) : GoalSlope(pass, buffers);
        for (int source = 0; source < _projections.Length; source++)
        {
            Tensor bySums = gradients[source];
            for (int part = 0; part < _projections[source].Length; part++)
                if (visit.Hears(_projections[source][part].State.Signal))
                    _projections[source][part].Differentiate(buffers.Inputs[source][part]!, bySums);
        }

        _biasGradients!.copy_(gradients.sum(-1, keepdim: true));
        Weights.Update(pass.Step);
        Release(buffers);
    }

    public void Dispose()
    {
        foreach (TensorProjection projection in _projections.SelectMany(of => of))
            projection.Dispose();
        _draws?.Dispose();
        _cells?.Dispose();
        _cellSizes?.Dispose();
        DisposeParts();
        Weights.Dispose();
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

    // Firing probabilities. Networks with activations of their own fire one after another.
    private (Tensor Theta, Tensor Complement) Fire(Tensor[] sources)
    {
        if (_hasOneActivation)
            return TensorActivation.Fire(_layers[0].Activation, sources);
        (Tensor Theta, Tensor Complement)[] fired =
        [
            .. _layers.Select((layer, network) => TensorActivation.Fire(layer.Activation, OfNetwork(sources, network))),
        ];
        return (cat([.. fired.Select(of => of.Theta)]), cat([.. fired.Select(of => of.Complement)]));
    }

    // ∂G by the sources.
    private Tensor GoalSlope(TensorPass pass, TensorLayerBuffers buffers)
    {
        (Tensor theta, Tensor complement) = buffers.Fired!.Value;
        Tensor slope = _learning!.Differentiate(pass, buffers.Sums!, theta, complement);
        return Differentiate(buffers.Sources, theta, complement, slope);
    }

    // The delta rule: the mean log-likelihood's derivative by the sums is mass · (own label − probability).
    private Tensor LikelihoodSlope(TensorPass pass, TensorLayerBuffers buffers)
    {
        Tensor probabilities = buffers.Sources[0].view(Networks, _layer.NeuronCount, -1).softmax(1);
        return pass
            .Batch.OneHot!.t()
            .sub(probabilities)
            .mul_(pass.Batch.Mass!)
            .reshape(1, (long)Networks * _layer.NeuronCount, -1);
    }

    // Chain rule from ∂G/∂θ to the sources.
    private Tensor Differentiate(Tensor[] sources, Tensor theta, Tensor complement, Tensor slope)
    {
        if (_hasOneActivation)
            return TensorActivation.Differentiate(_layers[0].Activation, sources, theta, complement, slope);
        return cat(
            [
                .. _layers.Select(
                    (layer, network) =>
                    {
                        Tensor[] rest = OfNetwork([theta, complement, slope], network);
                        return TensorActivation.Differentiate(
                            layer.Activation,
                            OfNetwork(sources, network),
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

    private Tensor[] OfNetwork(Tensor[] ofAll, int network) =>
        [.. ofAll.Select(tensor => tensor.narrow(0, (long)network * _layer.NeuronCount, _layer.NeuronCount))];

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

    // What nobody needs once the neurons have learned.
    private void Release(TensorLayerBuffers buffers)
    {
        buffers.Release();
        for (int source = 0; source < _projections.Length; source++)
        for (int part = 0; part < _projections[source].Length; part++)
            if (_projections[source][part].Gathers)
                buffers.Inputs[source][part]!.Dispose();
    }

    // The goals, activations and biases of the networks that are there.
    private void FindParts()
    {
        DisposeParts();
        _hasOneActivation = _layers.All(layer => layer.Activation.Equals(_layers[0].Activation));
        if (_layer.Goal is not null)
            _learning = new TensorLearning(_layers, _maximumSamples, _device);
        _biases =
        [
            .. Enumerable.Range(0, _layer.Sources.Length).Select(source => Weights.Values[^1].narrow(1, source, 1)),
        ];
        using Tensor transposed = Weights.Gradients[^1].t();
        _biasGradients = transposed.unsqueeze(-1);
    }

    private void DisposeParts()
    {
        _learning?.Dispose();
        _biasGradients?.Dispose();
        foreach (Tensor biases in _biases)
            biases.Dispose();
    }
}
