// The backprop baseline of arXiv 2412.02482: a network with the connectivity of set-up 1, trained from end to end.
//
//   symbol   variable              shape              unit
//   x        features              rows × features    –      standardised
//   c        context               rows × classes     –      one-hot label, in training only
//   F, C, L  f, c, l               rows × neurons     –
//   σ(β₁FC)  modulation            rows × neurons     –
//   y¹, y²   first, second         rows × neurons     0/1
//
// Two presentations, A(F, C, L) as in the hidden layer of infomorphic neurons, y sampled with probability σ(A) and
// differentiated as σ(A) is (straight through), gradient through both presentations; the output layer's σ(F) taken as
// logits of a softmax cross-entropy; Adam.

using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Training;
using TorchSharp;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace Microsoft.ML.Infomorphic.Benchmarks.Contenders;

/// <summary>How outputs are drawn.</summary>
internal enum SamplingKind
{
    /// <summary>torch.bernoulli(θ).</summary>
    Bernoulli,

    /// <summary>torch.rand &lt; θ.</summary>
    Uniform,

    /// <summary>exponential() &gt; −log θ, which is as probable.</summary>
    Exponential,

    /// <summary>θ itself: what is left of a step when sampling costs nothing.</summary>
    None,
}

/// <summary>How a sampled output takes the gradient of its probability.</summary>
internal enum StraightThroughKind
{
    /// <summary>θ + (sample − θ).detach().</summary>
    Detached,

    /// <summary>A function of autograd's with a backward of its own.</summary>
    Function,
}

/// <summary>Which Adam.</summary>
internal enum AdamKind
{
    /// <summary>torch.optim.Adam.</summary>
    Torch,

    /// <summary>The same arithmetic in six passes in place.</summary>
    InPlace,
}

/// <summary>How a batch is taken from the resident rows.</summary>
internal enum BatchKind
{
    /// <summary>A view of rows that were shuffled beforehand: nothing is copied.</summary>
    View,

    /// <summary>index_select of random rows in every step.</summary>
    Gathered,
}

/// <summary>A way to write the baseline. The default is the fastest found on CPUs.</summary>
internal sealed record BackpropVariant(
    LateralKind Lateral,
    SamplingKind Sampling = SamplingKind.Uniform,
    StraightThroughKind StraightThrough = StraightThroughKind.Detached,
    AdamKind Adam = AdamKind.InPlace,
    BatchKind Batches = BatchKind.View
);

/// <summary>A step of backprop with libtorch's autograd.</summary>
internal sealed class BackpropStep : IDisposable
{
    private const double LearningRate = 0.001;
    private readonly BackpropVariant _variant;
    private readonly ModulatedActivation _activation = new();
    private readonly Device _device;
    private readonly int _batchSize;
    private readonly int _hidden;
    private readonly LateralProducts _lateral;
    private readonly Parameter _featureWeights;
    private readonly Parameter _featureBiases;
    private readonly Parameter _labelWeights;
    private readonly Parameter _labelBiases;
    private readonly Parameter _lateralBiases;
    private readonly Parameter _outputWeights;
    private readonly Parameter _outputBiases;
    private readonly optim.Optimizer? _torchAdam;
    private readonly AdamInPlace? _adam;
    private readonly Tensor _rows;
    private readonly Tensor _labels;
    private readonly Tensor _oneHot;
    private readonly Tensor? _order;
    private long _next;

    /// <param name="variant">How it is written.</param>
    /// <param name="rows">Standardised rows on the device; they stay the caller's.</param>
    /// <param name="labels">The class of each row.</param>
    /// <param name="hidden">Number of hidden neurons.</param>
    /// <param name="connections">The lateral connections, or null for all-to-all.</param>
    /// <param name="batchSize">Rows in a batch.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="seed">The initial weights follow from it.</param>
    public BackpropStep(
        BackpropVariant variant,
        Tensor rows,
        int[] labels,
        int hidden,
        int[]? connections,
        int batchSize,
        int classes = 10,
        ulong seed = 1
    )
    {
        _variant = variant;
        _device = rows.device;
        _hidden = hidden;
        _batchSize = batchSize;
        _rows = rows;
        _labels = from_array(labels.Select(label => (long)label).ToArray()).to(_device);
        _oneHot = nn.functional.one_hot(_labels, classes).to(float32);
        _order = variant.Batches == BatchKind.Gathered ? randperm(rows.shape[0], int64, _device) : null;

        var random = new RandomStream(seed, 0);
        int featureCount = (int)rows.shape[1];
        _featureWeights = New(featureCount, hidden, featureCount);
        _featureBiases = New(featureCount, hidden);
        _labelWeights = New(classes, hidden, classes);
        _labelBiases = New(classes, hidden);
        _lateralBiases = New(hidden, hidden);
        _outputWeights = New(hidden, classes, hidden);
        _outputBiases = New(hidden, classes);
        _lateral = new LateralProducts(variant.Lateral, hidden, connections, random, _device);
        Parameters =
        [
            _featureWeights,
            _featureBiases,
            _labelWeights,
            _labelBiases,
            _lateral.Weights,
            _lateralBiases,
            _outputWeights,
            _outputBiases,
        ];
        if (variant.Adam == AdamKind.Torch)
            _torchAdam = optim.Adam(Parameters, LearningRate);
        else
            _adam = new AdamInPlace(Parameters, LearningRate);

        Parameter New(int fanIn, params long[] shape)
        {
            float bound = 1 / MathF.Sqrt(fanIn);
            float[] values = new float[shape.Aggregate(1L, (a, b) => a * b)];
            foreach (ref float value in values.AsSpan())
                value = (2 * random.NextUniform() - 1) * bound;
            using Tensor flat = from_array(values);
            return new Parameter(flat.reshape(shape).to(_device).clone());
        }
    }

    public IReadOnlyList<Parameter> Parameters { get; }

    public LateralProducts Lateral => _lateral;

    /// <summary>One step on the next batch.</summary>
    public void Step()
    {
        using DisposeScope scope = NewDisposeScope();
        if (_next + _batchSize > _rows.shape[0])
            _next = 0;
        Tensor features;
        Tensor context;
        Tensor labels;
        if (_order is null)
        {
            features = _rows.narrow(0, _next, _batchSize);
            context = _oneHot.narrow(0, _next, _batchSize);
            labels = _labels.narrow(0, _next, _batchSize);
        }
        else
        {
            Tensor chosen = _order.narrow(0, _next, _batchSize);
            features = _rows.index_select(0, chosen);
            context = _oneHot.index_select(0, chosen);
            labels = _labels.index_select(0, chosen);
        }

        _next += _batchSize;
        Step(features, context, labels);
        if (_device.type == DeviceType.CUDA)
            cuda.synchronize(_device);
    }

    /// <summary>One step on chosen rows.</summary>
    public void Step(Tensor chosen)
    {
        using DisposeScope scope = NewDisposeScope();
        Step(_rows.index_select(0, chosen), _oneHot.index_select(0, chosen), _labels.index_select(0, chosen));
    }

    private void Step(Tensor features, Tensor context, Tensor labels)
    {
        Backward(features, context, labels);
        if (_torchAdam is not null)
            _torchAdam.step();
        else
            _adam!.Step();
    }

    /// <summary>Clears the gradients and computes those of a batch.</summary>
    public void Backward(Tensor features, Tensor context, Tensor labels)
    {
        using DisposeScope scope = NewDisposeScope();

        // Set to null: autograd hands its own tensors over then, instead of adding to zeros.
        foreach (Parameter parameter in Parameters)
        {
            using Tensor? gradient = parameter.grad;
            parameter.grad = null;
        }

        Tensor loss = nn.functional.cross_entropy(Forward(features, context), labels);
        loss.backward();
        _lateral.MaskGradient();
    }

    /// <summary>The share of rows whose class is scored highest, with the label withheld.</summary>
    public double Accuracy(Tensor features, int[] labels)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor predicted = Forward(features, context: null).argmax(1);
        Tensor actual = from_array(labels.Select(label => (long)label).ToArray()).to(_device);
        return predicted.eq(actual).to(float32).mean().item<float>();
    }

    public void Dispose()
    {
        _torchAdam?.Dispose();
        _adam?.Dispose();
        _lateral.Dispose();
        foreach (Parameter parameter in Parameters)
            parameter.Dispose();
        _labels.Dispose();
        _oneHot.Dispose();
        _order?.Dispose();
    }

    private Tensor Forward(Tensor features, Tensor? context)
    {
        Tensor f = nn.functional.linear(features, _featureWeights, _featureBiases);
        Tensor c = context is null ? _labelBiases : nn.functional.linear(context, _labelWeights, _labelBiases);

        // Both presentations share what does not depend on L.
        Tensor modulation = (f * c).mul_(_activation.Beta1).sigmoid_();
        Tensor shared = (modulation * _activation.Alpha1).add_(1 - _activation.Alpha1 - _activation.Alpha2);
        Tensor first = Fire(f, shared, _lateralBiases);
        Tensor second = Fire(f, shared, _lateral.Forward(first, _lateralBiases));
        return nn.functional.linear(second, _outputWeights, _outputBiases).sigmoid_();
    }

    private Tensor Fire(Tensor f, Tensor shared, Tensor l)
    {
        Tensor modulation = (f * l).mul_(_activation.Beta2).sigmoid_();
        Tensor theta = add(shared, modulation, _activation.Alpha2).mul(f).sigmoid_();
        if (_variant.Sampling == SamplingKind.None)
            return theta;
        if (_variant.StraightThrough == StraightThroughKind.Function)
            return SampledOutput.apply(theta, _variant.Sampling);
        Tensor difference;
        using (no_grad())
            difference = Sample(theta, _variant.Sampling).sub_(theta);
        return theta + difference;
    }

    private static Tensor Sample(Tensor theta, SamplingKind kind)
    {
        switch (kind)
        {
            case SamplingKind.Bernoulli:
                return theta.bernoulli();
            case SamplingKind.Exponential:
                return empty_like(theta).exponential_(1).add_(theta.log()).gt_(0);
            default:
                return rand_like(theta).lt_(theta);
        }
    }

    private sealed class SampledOutput : autograd.SingleTensorFunction<SampledOutput>
    {
        public override string Name => nameof(SampledOutput);

        public override Tensor forward(autograd.AutogradContext context, params object[] inputs) =>
            Sample((Tensor)inputs[0], (SamplingKind)inputs[1]);

        public override List<Tensor> backward(autograd.AutogradContext context, Tensor gradient) =>
            [gradient.alias(), null!];
    }

    /// <summary>Adam with as few passes over memory as libtorch's operations allow.</summary>
    private sealed class AdamInPlace(IReadOnlyList<Parameter> parameters, double learningRate) : IDisposable
    {
        private const double Beta1 = 0.9;
        private const double Beta2 = 0.999;
        private const double Epsilon = 1e-8;
        private readonly Tensor[] _first = [.. parameters.Select(parameter => zeros_like(parameter.detach()))];
        private readonly Tensor[] _second = [.. parameters.Select(parameter => zeros_like(parameter.detach()))];
        private int _steps;

        public void Step()
        {
            using IDisposable noGrad = no_grad();
            _steps++;
            double root = Math.Sqrt(1 - Math.Pow(Beta2, _steps));
            double rate = learningRate * root / (1 - Math.Pow(Beta1, _steps));
            for (int i = 0; i < _first.Length; i++)
            {
                using Tensor gradient = parameters[i].grad!;
                _first[i].mul_(Beta1).add_(gradient, 1 - Beta1);
                _second[i].mul_(Beta2).addcmul_(gradient, gradient, 1 - Beta2);
                using Tensor divisor = _second[i].sqrt().add_(Epsilon * root);
                parameters[i].addcdiv_(_first[i], divisor, -rate);
            }
        }

        public void Dispose()
        {
            foreach (Tensor tensor in _first.Concat(_second))
                tensor.Dispose();
        }
    }
}
