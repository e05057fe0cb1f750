using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Training;
using TorchSharp;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace Microsoft.ML.Infomorphic.Benchmarks.Contenders;

/// <summary>The ways to compute lateral products with libtorch and to differentiate them.</summary>
internal enum LateralKind
{
    /// <summary>
    /// A dense product with weights that are zero where there is no connection, and stay so because their gradient is
    /// masked.
    /// </summary>
    Dense,

    /// <summary>A dense product with weights times a mask, differentiated as it stands.</summary>
    DenseMasked,

    /// <summary>The outputs of each neuron's peers gathered (index_select), and a batched product with its weights (bmm).</summary>
    Gathered,

    /// <summary>
    /// Products with a sparse matrix forth and back to the outputs; the weights' gradient, which no sparse product of
    /// libtorch's CPU backend gives, is picked from a dense product.
    /// </summary>
    Sparse,
}

/// <summary>L = y·Wᵀ + b, with weights only where neurons are connected.</summary>
internal sealed class LateralProducts : IDisposable
{
    private readonly LateralKind _kind;
    private readonly int _neurons;
    private readonly int _perNeuron;
    private readonly Tensor? _mask;
    private readonly Tensor? _peers;
    private readonly Tensor? _indices;
    private readonly Tensor? _transposedIndices;

    /// <param name="kind">How the products are computed.</param>
    /// <param name="neurons">Number of neurons N.</param>
    /// <param name="connections">N × K indices of the peers of each neuron; null where each is connected to all others.</param>
    /// <param name="random">Where the weights come from.</param>
    /// <param name="device">The device.</param>
    public LateralProducts(LateralKind kind, int neurons, int[]? connections, RandomStream random, Device device)
    {
        _kind = kind;
        _neurons = neurons;
        connections ??= AllOthers(neurons);
        _perNeuron = connections.Length / neurons;
        AllToAll = _perNeuron == neurons - 1;

        // The bound is the dense layer's, as the authors initialise it; all kinds draw the same weights.
        float bound = 1 / MathF.Sqrt(neurons);
        float[] connected = new float[connections.Length];
        foreach (ref float weight in connected.AsSpan())
            weight = (2 * random.NextUniform() - 1) * bound;

        using DisposeScope scope = NewDisposeScope();
        Tensor weights = from_array(connected).reshape(neurons, _perNeuron);
        long[] flat = [.. connections.Select(peer => (long)peer)];
        Tensor peers = from_array(flat);
        Tensor neuronOfConnection = arange(neurons, int64).repeat_interleave(_perNeuron);
        if (kind is LateralKind.Dense or LateralKind.DenseMasked)
        {
            Tensor dense = zeros(neurons, neurons);
            dense.scatter_(1, peers.reshape(neurons, _perNeuron), weights);
            Tensor mask = zeros(neurons, neurons);
            mask.scatter_(1, peers.reshape(neurons, _perNeuron), ones(neurons, _perNeuron));
            weights = dense;
            _mask = mask.to(device).DetachFromDisposeScope();
        }
        else
        {
            _peers = peers.to(device).DetachFromDisposeScope();
            _indices = stack([neuronOfConnection, peers]).to(device).DetachFromDisposeScope();
            _transposedIndices = stack([peers, neuronOfConnection]).to(device).DetachFromDisposeScope();
        }

        Weights = new Parameter(weights.to(device).clone().DetachFromDisposeScope());
        Weights.DetachFromDisposeScope();
    }

    /// <summary>The weights: N × N for the dense kinds, N × K for the others.</summary>
    public Parameter Weights { get; }

    public bool AllToAll { get; }

    /// <summary>L of the outputs of the first presentation (rows × N).</summary>
    public Tensor Forward(Tensor outputs, Tensor bias)
    {
        switch (_kind)
        {
            case LateralKind.Dense:
                return nn.functional.linear(outputs, Weights, bias);
            case LateralKind.DenseMasked:
                return nn.functional.linear(outputs, Weights * _mask!, bias);
            case LateralKind.Gathered:
                // N × K × rows.
                Tensor gathered = outputs.t().contiguous().index_select(0, _peers!);
                gathered = gathered.reshape(_neurons, _perNeuron, outputs.shape[0]);
                return Weights.unsqueeze(1).bmm(gathered).squeeze(1).t() + bias;
            default:
                Tensor product = SparseProduct.apply(Weights, outputs, _indices!, _transposedIndices!, _peers!);
                return product + bias;
        }
    }

    /// <summary>What has to happen to the weights' gradient before the optimiser sees it.</summary>
    public void MaskGradient()
    {
        if (_kind != LateralKind.Dense)
            return;
        using IDisposable noGrad = no_grad();
        using Tensor gradient = Weights.grad!;
        if (!AllToAll)
        {
            gradient.mul_(_mask!);
            return;
        }

        using Tensor selfConnections = gradient.diagonal();
        selfConnections.zero_();
    }

    /// <summary>The weights' gradient of the connections, N × K, whatever the kind.</summary>
    public Tensor GradientOfConnections(int[] connections)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor gradient = Weights.grad!;
        if (_kind is LateralKind.Dense or LateralKind.DenseMasked)
        {
            long[] flat = [.. connections.Select(peer => (long)peer)];
            gradient = gradient.gather(1, from_array(flat).to(gradient.device).reshape(_neurons, _perNeuron));
        }

        return gradient.clone().MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        Weights.Dispose();
        _mask?.Dispose();
        _peers?.Dispose();
        _indices?.Dispose();
        _transposedIndices?.Dispose();
    }

    private static int[] AllOthers(int neurons) =>
        [
            .. Enumerable
                .Range(0, neurons)
                .SelectMany(neuron => Enumerable.Range(0, neurons).Where(other => other != neuron)),
        ];

    private sealed class SparseProduct : autograd.SingleTensorFunction<SparseProduct>
    {
        public override string Name => nameof(SparseProduct);

        public override Tensor forward(autograd.AutogradContext context, params object[] inputs)
        {
            var weights = (Tensor)inputs[0];
            var outputs = (Tensor)inputs[1];
            var indices = (Tensor)inputs[2];
            context.save_for_backward([weights, outputs, (Tensor)inputs[3], (Tensor)inputs[4]]);
            long neurons = weights.shape[0];
            using Tensor flat = weights.reshape(-1);
            using Tensor matrix = sparse_coo_tensor(indices, flat, [neurons, neurons]);
            using Tensor transposed = outputs.t();
            using Tensor dense = transposed.contiguous();
            using Tensor product = matrix.mm(dense);
            return product.t();
        }

        public override List<Tensor> backward(autograd.AutogradContext context, Tensor gradient)
        {
            List<Tensor> saved = context.get_saved_variables();
            Tensor weights = saved[0];
            Tensor outputs = saved[1];
            long neurons = weights.shape[0];
            using Tensor flat = weights.reshape(-1);
            using Tensor matrix = sparse_coo_tensor(saved[2], flat, [neurons, neurons]);
            using Tensor transposed = gradient.t();
            using Tensor byLateral = transposed.contiguous();
            using Tensor byOutputs = matrix.mm(byLateral);
            using Tensor dense = byLateral.mm(outputs);
            using Tensor peers = saved[3].reshape(weights.shape);
            return [dense.gather(1, peers), byOutputs.t(), null!, null!, null!];
        }
    }
}
