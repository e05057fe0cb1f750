using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Infomorphic.Training.Torch;

/// <summary>
/// Neurons of a layer that are connected to others of it, drawn at random. They are multiplied as dense matrices, as many
/// neurons at a time as a piece of them holds: with 100 connections and a few thousand neurons that costs a GPU less than to
/// collect the outputs of every one's peers.
/// </summary>
internal sealed class DrawnTensorProjection : TensorProjection
{
    // Numbers in a dense piece.
    private const long DenseWeights = 1L << 26;

    private readonly int _groups;
    private readonly int _neurons;

    public DrawnTensorProjection(Place place)
        : base(place)
    {
        var drawn = (DrawnConnected)place.State.Connectivity;

        // Where neurons are connected within their groups, each group has matrices of its own.
        _groups = place.Layer.Sources[0].Projections[0].Connectivity is GroupConnected groups ? groups.GroupCount : 1;
        if (!place.States.All(state => StaysWithin((DrawnConnected)state.Connectivity, _groups)))
            _groups = 1;
        _neurons = drawn.NeuronCount / _groups;
        using DisposeScope scope = NewDisposeScope();
        Places = PlacesOf(state => ((DrawnConnected)state.Connectivity).Connections.Select(peer => peer % _neurons))
            .view(-1, _groups, _neurons, drawn.ConnectionsPerNeuron)
            .DetachFromDisposeScope();
    }

    public override void Remove(int network) => Places = Without(Places!, network);

    public override void Aggregate(Tensor inputs, Tensor sums)
    {
        Tensor heard = inputs.view(-1, _neurons, inputs.shape[1]);
        ForPieces(
            (peers, start, count) =>
            {
                Tensor dense = zeros(Networks, _groups, count, _neurons, float32, Device);
                dense.scatter_(3, peers, ByGroup(Weights).narrow(2, start, count));
                ByGroup(sums)
                    .narrow(2, start, count)
                    .add_(dense.flatten(0, 1).bmm(heard).view(Networks, _groups, count, -1), HeldScalar.One);
            }
        );
    }

    public override void Differentiate(Tensor inputs, Tensor bySums)
    {
        Tensor heard = inputs.view(-1, _neurons, inputs.shape[1]).transpose(1, 2);
        ForPieces(
            (peers, start, count) =>
            {
                Tensor dense = ByGroup(bySums).flatten(0, 1).narrow(1, start, count).bmm(heard);
                ByGroup(Gradients)
                    .narrow(2, start, count)
                    .copy_(dense.view(Networks, _groups, count, _neurons).gather(3, peers));
            }
        );
    }

    private static bool StaysWithin(DrawnConnected drawn, int groups)
    {
        int neurons = drawn.NeuronCount / groups;
        return drawn
            .Connections.Index()
            .All(at => at.Item / neurons == at.Index / drawn.ConnectionsPerNeuron / neurons);
    }

    private void ForPieces(Action<Tensor, long, long> work)
    {
        long together = Math.Clamp(DenseWeights / _neurons / _groups / Networks, 1, _neurons);
        for (long start = 0; start < _neurons; start += together)
        {
            using DisposeScope scope = NewDisposeScope();
            long count = Math.Min(together, _neurons - start);
            work(Places!.narrow(2, start, count).expand(Networks, -1, -1, -1), start, count);
        }
    }

    // Networks × groups × neurons × columns.
    private Tensor ByGroup(Tensor ofAll) => ofAll.view(Networks, _groups, _neurons, ofAll.shape[1]);
}
