using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using static TorchSharp.torch;

namespace Microsoft.ML.Infomorphic.Training.Torch;

/// <summary>The rows of a batch: all networks that are trained together learn from the same.</summary>
/// <param name="Features">Standardised features, rows × features.</param>
/// <param name="OneHot">The label of each row, rows × classes; null where it is withheld.</param>
/// <param name="Masses">The mass of each row, which sum to <see cref="TensorGoal.WholeMass"/>; null where nothing is learned.</param>
internal sealed record TensorBatch(Tensor Features, Tensor? OneHot = null, Tensor? Masses = null)
{
    public long RowCount => Features.shape[0];
}

/// <summary>
/// One presentation of a batch to all networks: what it is for, and what it is computed in. Its tensors belong to the scope
/// that it is made in.
/// </summary>
/// <param name="schedule">The order of visits.</param>
/// <param name="batch">The batch.</param>
/// <param name="layers">The layers of a network.</param>
internal sealed class TensorPass(Schedule schedule, TensorBatch batch, IReadOnlyList<LayerState> layers)
{
    public Schedule Schedule => schedule;

    public TensorBatch Batch => batch;

    /// <summary>
    /// The training step, from 1: outputs are sampled, the label is there, and layers learn. 0 where outputs are means, 2θ − 1.
    /// </summary>
    public long Step { get; init; }

    public bool IsTraining => Step > 0;

    /// <summary>Receives what the neurons of each network know; empty where nobody asks.</summary>
    public IReadOnlyList<InformationStatistics> Statistics { get; init; } = [];

    /// <summary>What each layer computes.</summary>
    public TensorLayerBuffers[] Layers { get; } = [.. layers.Select(layer => new TensorLayerBuffers(layer))];

    /// <summary>The sums of layers that learn together: sources × neurons × samples.</summary>
    public Dictionary<TensorLearning, Tensor> Sums { get; } = [];

    /// <summary>
    /// Takes what layers pass on that pass on means, from a presentation beforehand, out of the innermost scope.
    /// </summary>
    public void TakeMeans(TensorPass beforehand)
    {
        foreach (LayerState layer in layers)
            if (layer.PassesOn == PassedOutputs.Mean)
                Layers[layer.Index].Final = beforehand.Layers[layer.Index].Final?.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// What a projection hears, a number a row: inputs × rows or, of a layer, networks · inputs × rows.
    /// </summary>
    /// <param name="visit">The visit of the layer that hears.</param>
    /// <param name="projection">The projection.</param>
    public Tensor Heard(Visit visit, ProjectionState projection)
    {
        Signal signal = projection.Signal;
        switch (signal.Kind)
        {
            case SignalKind.Features:
                return batch.Features.narrow(1, projection.FirstInput, projection.Connectivity.InputCount).t();
            case SignalKind.Label:
                return batch.OneHot!.t();
            default:
                TensorLayerBuffers heard = Layers[signal.Index];
                return (
                    !schedule.HearsEarlier(visit, signal) ? heard.Final
                    : signal.Index == visit.Layer ? heard.OwnEarlier
                    : heard.Earlier
                )!;
        }
    }
}

/// <summary>What a layer of all networks computes while a batch is presented.</summary>
/// <param name="layer">The layer.</param>
internal sealed class TensorLayerBuffers(LayerState layer)
{
    /// <summary>Aggregated inputs: sources, the own label included, × networks · neurons × samples.</summary>
    public Tensor? Sums { get; private set; }

    /// <summary>Whether there is more in the sums of a source than its biases.</summary>
    public bool[] IsAggregated { get; } = new bool[layer.Sources.Length];

    /// <summary>The inputs of each projection of each source, as <see cref="TensorProjection.Gather"/> has them.</summary>
    public Tensor?[][] Inputs { get; } = [.. layer.Sources.Select(source => new Tensor?[source.Projections.Length])];

    /// <summary>How the neurons fired in the last visit, where they learn by a goal.</summary>
    public TensorActivation.Fired? Fired { get; set; }

    /// <summary>A of the neurons, in the last visit.</summary>
    public Tensor Potential => Fired!.Value.Potential;

    /// <summary>The visit that they learn from, the last one.</summary>
    public Visit? LearnsFrom { get; set; }

    /// <summary>What is passed on in the last visit: networks · outputs × rows.</summary>
    public Tensor? Final { get; set; }

    /// <summary>What is passed on in the visits before.</summary>
    public Tensor? Earlier { get; private set; }

    /// <summary>The same as the layer itself hears it, networks · neurons × samples.</summary>
    public Tensor? OwnEarlier { get; private set; }

    /// <summary>Takes the room for the sums.</summary>
    public void Start(Tensor sums) => Sums = sums;

    /// <summary>Passes outputs on, out of the innermost scope, in place of those of the visit before.</summary>
    public void PassOnEarlier(Tensor? own, Tensor? passed)
    {
        OwnEarlier?.Dispose();
        Earlier?.Dispose();
        OwnEarlier = own?.MoveToOuterDisposeScope();
        Earlier = ReferenceEquals(passed, own) ? OwnEarlier : passed?.MoveToOuterDisposeScope();
    }
}
