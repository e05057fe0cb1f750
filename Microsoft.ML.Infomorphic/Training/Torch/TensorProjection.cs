using Microsoft.ML.Infomorphic.Kernels;
// Sums over connections and their derivatives, one class for each way in which neurons are connected.
//
//   symbol   variable     shape                                  unit
//   x        inputs       (networks ·) inputs × rows             –
//   S        sums         networks · neurons × samples           –      S = W x, the biases come later
//   W        Weights      networks · neurons × connections       –
//   ∂G/∂S    bySums       networks · neurons × samples           bit
//   ∂G/∂W    Gradients    networks · neurons × connections       bit    ∂G/∂W = ∂G/∂S xᵀ
//
// Features and labels are the same for all networks: one product for all. Outputs of layers are each network's own: one for
// each, in one operation.

using Microsoft.ML.Infomorphic.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Infomorphic.Training.Torch;

/// <summary>A projection's part of a step on a device, for all networks.</summary>
/// <param name="place">Where it is.</param>
internal abstract class TensorProjection(TensorProjection.Place place) : IDisposable
{
    /// <summary>Where a projection is.</summary>
    /// <param name="Layer">The layer that hears.</param>
    /// <param name="States">The projection, of each network.</param>
    /// <param name="Weights">The weights of all layers.</param>
    /// <param name="Parameter">Which of the layer's are the projection's.</param>
    /// <param name="Device">The device.</param>
    public sealed record Place(
        LayerState Layer,
        IReadOnlyList<ProjectionState> States,
        TensorWeights Weights,
        int Parameter,
        Device Device
    )
    {
        /// <summary>The projection, of the first network.</summary>
        public ProjectionState State => States[0];

        /// <summary>Whether the layer hears itself.</summary>
        public bool IsOwn => State.Signal == Signal.Layer(Layer.Index);
    }

    public ProjectionState State => place.State;

    /// <summary>The places of inputs, where they are not all.</summary>
    protected Tensor? Places { get; set; }

    /// <summary>Whether <see cref="Gather"/> copies inputs; else it gives back what is heard.</summary>
    public virtual bool Gathers => false;

    /// <summary>Number of networks.</summary>
    protected int Networks => place.Weights.NetworkCount;

    /// <summary>Whether all networks hear the same.</summary>
    protected bool IsCommon => State.Signal.Kind != SignalKind.Layer;

    protected LayerState Layer => place.Layer;

    protected Device Device => place.Device;

    protected Tensor Weights => place.Weights.Values[Layer.Index][place.Parameter];

    protected Tensor Gradients => place.Weights.Gradients[Layer.Index][place.Parameter];

    /// <summary>How a projection is computed.</summary>
    public static TensorProjection Create(Place place) =>
        place.State.Connectivity switch
        {
            AllConnected when place.IsOwn || place.Layer.PositionCount == 1 => new DenseTensorProjection(place),
            AllConnected => new RepeatedTensorProjection(place),
            DrawnConnected when place.IsOwn => new DrawnTensorProjection(place),
            GroupConnected when place.Layer.PositionCount == 1 => new GroupedTensorProjection(place),
            SharedFields => new SharedTensorProjection(place),
            _ => throw new NotSupportedException(
                $"{place.State.Connectivity.GetType().Name} from {place.State.Signal} is not trained on {place.Device}."
            ),
        };

    /// <summary>Takes a network out, once its weights are.</summary>
    public virtual void Remove(int network) { }

    /// <summary>The inputs that the neurons are connected to, as the other methods take them.</summary>
    /// <param name="heard">What is heard, inputs × rows.</param>
    public virtual Tensor Gather(Tensor heard) => heard;

    /// <summary>Adds the weighted sums of the inputs to the source's sums.</summary>
    public abstract void Aggregate(Tensor inputs, Tensor sums);

    /// <summary>Finds the derivative by the weights, also those that do not learn, from that by the sums.</summary>
    public abstract void Differentiate(Tensor inputs, Tensor bySums);

    public virtual void Dispose() => Places?.Dispose();

    /// <summary>Connections, of each network: networks × connections, or 1 × connections where all have the same.</summary>
    protected Tensor PlacesOf(Func<ProjectionState, IEnumerable<int>> connections)
    {
        int[][] ofNetworks = [.. place.States.Select(state => connections(state).ToArray())];
        if (ofNetworks.All(of => of.AsSpan().SequenceEqual(ofNetworks[0])))
            ofNetworks = ofNetworks[..1];
        return tensor(
            [.. ofNetworks.SelectMany(of => of).Select(input => (long)input)],
            [ofNetworks.Length, ofNetworks[0].Length],
            device: Device
        );
    }

    /// <summary>Takes a network's connections out of those of all, where each has its own.</summary>
    protected static Tensor Without(Tensor places, int network)
    {
        if (places.shape[0] == 1)
            return places;
        using DisposeScope scope = NewDisposeScope();
        Tensor left = cat([places.narrow(0, 0, network), places.narrow(0, network + 1, places.shape[0] - network - 1)]);
        places.Dispose();
        return left.DetachFromDisposeScope();
    }

    /// <summary>One matrix a network.</summary>
    protected Tensor ByNetwork(Tensor ofAll) => ofAll.view(Networks, ofAll.shape[0] / Networks, ofAll.shape[1]);
}

/// <summary>Every neuron is connected to all inputs.</summary>
internal class DenseTensorProjection(TensorProjection.Place place) : TensorProjection(place)
{
    // In place where there is one product: so does libtorch one matrix, but not many.
    public override void Aggregate(Tensor inputs, Tensor sums)
    {
        if (IsCommon || Networks == 1)
            sums.addmm_(Weights, inputs);
        else
            ByNetwork(sums).add_(ByNetwork(Weights).bmm(ByNetwork(inputs)), HeldScalar.One);
    }

    public override void Differentiate(Tensor inputs, Tensor bySums)
    {
        if (IsCommon || Networks == 1)
            Gradients.addmm_(bySums, inputs.t(), beta: 0);
        else
            ByNetwork(Gradients).copy_(ByNetwork(bySums).bmm(ByNetwork(inputs).transpose(1, 2)));
    }
}

/// <summary>Neurons that share their weights over positions hear a signal that is the same at all of them.</summary>
internal sealed class RepeatedTensorProjection(TensorProjection.Place place) : DenseTensorProjection(place)
{
    public override void Aggregate(Tensor inputs, Tensor sums)
    {
        Tensor once = zeros(sums.shape[0], sums.shape[1] / Layer.PositionCount, float32, Device);
        base.Aggregate(inputs, once);
        ByPosition(sums).add_(once.unsqueeze(1), HeldScalar.One);
    }

    public override void Differentiate(Tensor inputs, Tensor bySums) =>
        base.Differentiate(inputs, ByPosition(bySums).sum(1));

    // Networks · neurons × positions × rows.
    private Tensor ByPosition(Tensor samples) => samples.view(samples.shape[0], Layer.PositionCount, -1);
}

/// <summary>Neurons share their weights over fields: one product over rows × positions.</summary>
internal sealed class SharedTensorProjection : DenseTensorProjection
{
    private readonly SharedFields _fields;

    public SharedTensorProjection(Place place)
        : base(place)
    {
        _fields = (SharedFields)place.State.Connectivity;

        // The inputs of each connection, one position after another.
        long[] inputs = new long[_fields.ConnectionsPerNeuron * _fields.PositionCount];
        for (int position = 0; position < _fields.PositionCount; position++)
        for (int i = 0; i < _fields.ConnectionsPerNeuron; i++)
            inputs[i * _fields.PositionCount + position] = _fields.AtPosition(position)[i];
        Places = tensor(inputs, device: place.Device);
    }

    public override bool Gathers => true;

    // Connections × samples.
    public override Tensor Gather(Tensor heard)
    {
        using DisposeScope scope = NewDisposeScope();
        long rows = heard.shape[1];
        return heard
            .view(-1, _fields.InputCount, rows)
            .index_select(1, Places!)
            .view(-1, _fields.PositionCount * rows)
            .MoveToOuterDisposeScope();
    }
}

/// <summary>Groups of neurons that are connected to inputs of their own: a product each, in one operation.</summary>
internal sealed class GroupedTensorProjection : TensorProjection
{
    private readonly GroupConnected _groups;

    // Where networks are connected to inputs of their own: networks × connections.
    private Tensor? _ofNetworks;

    public GroupedTensorProjection(Place place)
        : base(place)
    {
        _groups = (GroupConnected)place.State.Connectivity;
        if (_groups is WithinGroups)
            return;
        if (place.IsOwn)
            throw new NotSupportedException("Groups hear each other within themselves alone.");
        Tensor places = PlacesOf(state =>
        {
            var groups = (GroupConnected)state.Connectivity;
            return Enumerable.Range(0, groups.GroupCount).SelectMany(group => groups.OfGroup(group).ToArray());
        });
        if (places.shape[0] == 1)
            Places = places.squeeze_(0);
        else
            SetPlaces(places);
    }

    public override bool Gathers => Places is not null;

    public override void Remove(int network)
    {
        if (_ofNetworks is not null)
            SetPlaces(Without(_ofNetworks, network));
    }

    public override void Dispose()
    {
        _ofNetworks?.Dispose();
        base.Dispose();
    }

    // One matrix a group, of each network where they do not hear the same: connections × rows.
    public override Tensor Gather(Tensor heard)
    {
        if (Places is null)
            return heard;
        using DisposeScope scope = NewDisposeScope();
        long rows = heard.shape[1];
        Tensor gathered = _ofNetworks is null
            ? heard.view(-1, _groups.InputCount, rows).index_select(1, Places)
            : heard.index_select(0, Places);
        return gathered.view(-1, _groups.ConnectionsPerNeuron, rows).MoveToOuterDisposeScope();
    }

    public override void Aggregate(Tensor inputs, Tensor sums)
    {
        Tensor product = Together(Weights).bmm(ByGroup(inputs));
        Tensor target = Apart(sums);
        target.add_(product.view(target.shape), HeldScalar.One);
    }

    public override void Differentiate(Tensor inputs, Tensor bySums)
    {
        Tensor product = Together(bySums).bmm(ByGroup(inputs).transpose(1, 2));
        Tensor target = Apart(Gradients);
        target.copy_(product.view(target.shape));
    }

    private Tensor ByGroup(Tensor inputs) => inputs.view(-1, _groups.ConnectionsPerNeuron, inputs.shape[^1]);

    // A group of all networks that hear the same, and of which there are so many: groups × networks × neurons × columns.
    private Tensor Apart(Tensor ofAll)
    {
        int networks = IsCommon && _ofNetworks is null ? Networks : 1;
        return ofAll.view(networks, -1, _groups.NeuronsPerGroup, ofAll.shape[1]).transpose(0, 1);
    }

    // Where all networks are connected to inputs of their own: in what all of them hear, one network after another.
    private void SetPlaces(Tensor ofNetworks)
    {
        _ofNetworks = ofNetworks;
        Places?.Dispose();
        using DisposeScope scope = NewDisposeScope();
        Tensor first = arange(HeldScalar.Of(0L), HeldScalar.Of(ofNetworks.shape[0]), HeldScalar.One, int64, Device)
            .unsqueeze(-1)
            .mul(HeldScalar.Of(IsCommon ? 0L : _groups.InputCount));
        Places = ofNetworks.add(first, HeldScalar.One).flatten().DetachFromDisposeScope();
    }

    // The neurons of these networks as one matrix.
    private Tensor Together(Tensor ofAll) => Apart(ofAll).flatten(1, 2);
}
