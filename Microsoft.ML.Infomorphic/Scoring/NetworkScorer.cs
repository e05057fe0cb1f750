// arXiv 2412.02482, appendix A.4, with the label withheld: where it is the context of a hidden neuron, that is its bias
// alone. As many presentations as in training: two or more where hidden neurons hear each other or the output layer, else
// one; the output layer sees the last.
//
// What is drawn in presentation p has stream 2p − 1 of the row's and the sample's numbers, and in the first, where p = 0,
// stream 0; what the output layer feeds back into presentation p has stream 2p. A presentation that is the only one draws
// as p = 1.

using System.Buffers;
using System.IO.Hashing;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Scoring;

/// <summary>Scores rows with a trained network: managed code alone, safe for any number of threads.</summary>
public sealed partial class NetworkScorer
{
    private readonly InfomorphicLayer? _hidden;
    private readonly Source? _context;
    private readonly Source? _lateral;
    private readonly SourceSums? _featureSums;
    private readonly SourceSums? _contextSums;
    private readonly SourceSums? _lateralSums;
    private readonly SourceSums _outputSums;
    private readonly StepSigns? _stepSigns;
    private readonly float[] _slopes;
    private readonly float[] _offsets;

    /// <summary>Prepares a network for scoring.</summary>
    /// <param name="network">The network.</param>
    /// <param name="settings">How to score.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number of samples is less than 1.</exception>
    public NetworkScorer(InfomorphicNetwork network, ScoringSettings settings)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(settings);
        settings.Validate();
        Network = network;
        Settings = settings;
        _hidden = network.HiddenLayers.Count == 0 ? null : network.HiddenLayers[0];
        _context = _hidden?.Sources.FirstOrDefault(source => source.Kind is SourceKind.Label or SourceKind.Feedback);
        _lateral = _hidden?.Sources.FirstOrDefault(source => source.Kind == SourceKind.Lateral);
        int neurons = SourceSums.Pad(_hidden?.NeuronCount ?? 0);
        int classes = SourceSums.Pad(network.ClassCount);
        _featureSums = _hidden is null ? null : new SourceSums(_hidden.Sources[0], network.FeatureCount);
        _contextSums = _context?.Kind == SourceKind.Feedback ? new SourceSums(_context, classes) : null;
        _lateralSums = _lateral is null ? null : new SourceSums(_lateral, neurons);
        _outputSums = new SourceSums(network.OutputLayer.Sources[0], _hidden is null ? network.FeatureCount : neurons);
        _stepSigns = _hidden?.Activation is StepActivation ? new StepSigns(_hidden.Sources[0]) : null;
        ScoreCalibration calibration = settings.Calibrate
            ? network.Calibration
            : ScoreCalibration.Identity(network.ClassCount);
        _slopes = [.. calibration.Slopes];
        _offsets = [.. calibration.Offsets];
    }

    /// <summary>The network.</summary>
    public InfomorphicNetwork Network { get; }

    /// <summary>How rows are scored.</summary>
    public ScoringSettings Settings { get; }

    /// <summary>Scores a row. A row with a feature that is not finite scores NaN for every class.</summary>
    /// <param name="features">The row's features.</param>
    /// <param name="probabilities">Receives one probability a class; they sum to 1.</param>
    /// <exception cref="ArgumentException">A length differs from the network's.</exception>
    public void Score(ReadOnlySpan<float> features, Span<float> probabilities)
    {
        if (features.Length != Network.FeatureCount)
            throw new ArgumentException(
                $"The model was trained on {Network.FeatureCount} features and the row has {features.Length}.",
                nameof(features)
            );
        CheckProbabilities(probabilities);
        float[] rented = ArrayPool<float>.Shared.Rent(features.Length);
        int[] places = ArrayPool<int>.Shared.Rent(features.Length);
        try
        {
            // Zeros add nothing to any sum.
            int count = 0;
            for (int i = 0; i < features.Length; i++)
            {
                places[count] = i;
                rented[count] = features[i];
                count += features[i] != 0 ? 1 : 0;
            }

            Score(places.AsSpan(0, count), rented.AsSpan(0, count), features, probabilities);
        }
        finally
        {
            ArrayPool<int>.Shared.Return(places);
            ArrayPool<float>.Shared.Return(rented);
        }
    }

    /// <summary>Scores a sparse row; the result is that of the dense row, bit for bit.</summary>
    /// <param name="indices">The features that are not zero, ascending.</param>
    /// <param name="values">Their values.</param>
    /// <param name="probabilities">Receives one probability a class; they sum to 1.</param>
    /// <exception cref="ArgumentException">An index is out of range, or a length does not fit.</exception>
    public void Score(ReadOnlySpan<int> indices, ReadOnlySpan<float> values, Span<float> probabilities)
    {
        if (indices.Length != values.Length)
            throw new ArgumentException(
                $"The row has {indices.Length} features that are not zero, and {values.Length} values of them.",
                nameof(values)
            );
        foreach (int index in indices)
            if ((uint)index >= (uint)Network.FeatureCount)
                throw new ArgumentException(
                    $"The model was trained on {Network.FeatureCount} features and the row has feature {index}.",
                    nameof(indices)
                );
        CheckProbabilities(probabilities);
        if (!IsSampled && _stepSigns is null)
        {
            Score(indices, values, default, probabilities);
            return;
        }

        // What is drawn follows from all features, and so do signs in doubt.
        float[] rented = ArrayPool<float>.Shared.Rent(Network.FeatureCount);
        try
        {
            Span<float> features = rented.AsSpan(0, Network.FeatureCount);
            features.Clear();
            for (int i = 0; i < indices.Length; i++)
                features[indices[i]] = values[i];
            Score(indices, values, features, probabilities);
        }
        finally
        {
            ArrayPool<float>.Shared.Return(rented);
        }
    }

    /// <summary>The mean outputs of a layer, with the label withheld.</summary>
    internal void LayerOutputs(ReadOnlySpan<float> features, int layer, Span<float> outputs) =>
        throw new NotSupportedException();

    // Nothing is random where there is no hidden neuron, or its activation is a step.
    private bool IsSampled =>
        Settings.Mode == ScoringMode.Sampled && _hidden is not null && _hidden.Activation is not StepActivation;

    private void CheckProbabilities(ReadOnlySpan<float> probabilities)
    {
        if (probabilities.Length != Network.ClassCount)
            throw new ArgumentException(
                $"The model has {Network.ClassCount} classes and there is room for {probabilities.Length} probabilities.",
                nameof(probabilities)
            );
    }

    // The features in full are needed where outputs are sampled or steps, and not otherwise.
    private void Score(
        ReadOnlySpan<int> indices,
        ReadOnlySpan<float> values,
        ReadOnlySpan<float> features,
        Span<float> probabilities
    )
    {
        int n = _hidden?.NeuronCount ?? 0;
        float[] rented = ArrayPool<float>.Shared.Rent(Scratch.Length(n, Network.ClassCount));
        try
        {
            var scratch = new Scratch(rented, n, Network.ClassCount);
            (_featureSums ?? _outputSums).Aggregate(indices, values, _hidden is null ? scratch.Outputs : scratch.F);
            _stepSigns?.Settle(features, scratch.F);
            Score(scratch, IsSampled ? KeyOf(features) : 0, probabilities);
        }
        finally
        {
            ArrayPool<float>.Shared.Return(rented);
        }
    }

    // From F on.
    private void Score(Scratch scratch, ulong key, Span<float> probabilities)
    {
        if (!TensorPrimitives.IsFiniteAll<float>(_hidden is null ? scratch.Outputs : scratch.F))
        {
            probabilities.Fill(float.NaN);
            return;
        }

        if (_hidden is null)
        {
            Calibrate(scratch.Outputs, scratch.Scores);
            Softmax.Normalize(scratch.Scores, probabilities);
            return;
        }

        if (!IsSampled)
        {
            Present(_hidden.Activation, scratch, sample: null, key: 0);
            Softmax.Normalize(scratch.Scores, probabilities);
            return;
        }

        probabilities.Clear();
        for (int sample = 0; sample < Settings.Samples; sample++)
        {
            Present(_hidden.Activation, scratch, sample, key);
            Softmax.Normalize(scratch.Scores, scratch.Scores);
            TensorPrimitives.Add(probabilities, scratch.Scores, probabilities);
        }

        TensorPrimitives.Divide(probabilities, (float)Settings.Samples, probabilities);
    }

    // All presentations and the output layer's scores, from F.
    private void Present(Activation activation, Scratch scratch, int? sample, ulong key)
    {
        if (activation is StepActivation)
        {
            for (int neuron = 0; neuron < scratch.Y.Length; neuron++)
                scratch.Y[neuron] = scratch.F[neuron] > 0 ? 1 : 0;
        }
        else if (activation is ModulatedActivation modulated && Settings.Mode == ScoringMode.MeanField)
        {
            PresentMeans(new MeanFieldActivation(modulated), scratch);
        }
        else
        {
            // Without any activity sources are their biases. That is the context of a label that is withheld, too.
            ReadOnlySpan<float> context = _context is null ? default : _context.Biases;
            if (Network.Presentations == 1)
                Fire(activation, scratch, context, lateral: default, stream: 1, sample, key);
            else
                Fire(activation, scratch, context, _lateral is null ? default : _lateral.Biases, 0, sample, key);
            for (int presentation = 1; presentation < Network.Presentations; presentation++)
            {
                if (_contextSums is not null)
                {
                    FeedBack(scratch, 2 * (uint)presentation, sample, key);
                    _contextSums.Aggregate(scratch.Fed, scratch.C);
                    context = scratch.C;
                }

                _lateralSums?.Aggregate(scratch.Y, scratch.L);
                Fire(activation, scratch, context, scratch.L, 2 * (uint)presentation - 1, sample, key);
            }
        }

        _outputSums.Aggregate(scratch.Y, scratch.Outputs);
        Calibrate(scratch.Outputs, scratch.Scores);
    }

    // The same, faster.
    private void PresentMeans(MeanFieldActivation activation, Scratch scratch)
    {
        Span<float> driven = scratch.Theta;
        activation.Fire(scratch.F, _context!.Biases, _lateral!.Biases, driven, scratch.Y);
        for (int presentation = 1; presentation < Network.Presentations; presentation++)
        {
            _lateralSums!.Aggregate(scratch.Y, scratch.L);
            if (_contextSums is null)
            {
                activation.FireAgain(scratch.F, driven, scratch.L, scratch.Y);
                continue;
            }

            FeedBack(scratch, stream: 0, sample: null, key: 0);
            _contextSums.Aggregate(scratch.Fed, scratch.C);
            activation.Fire(scratch.F, scratch.C, scratch.L, driven, scratch.Y);
        }
    }

    private void Fire(
        Activation activation,
        Scratch scratch,
        ReadOnlySpan<float> context,
        ReadOnlySpan<float> lateral,
        uint stream,
        int? sample,
        ulong key
    )
    {
        VectorizedActivation.Fire(
            activation,
            scratch.F,
            _context is null ? lateral : context,
            lateral,
            scratch.Theta,
            scratch.Complement
        );
        Pass(scratch.Theta, scratch.Complement, scratch.Y, stream, sample, key);
    }

    // The output layer's outputs, from those of the hidden layer.
    private void FeedBack(Scratch scratch, uint stream, int? sample, ulong key)
    {
        _outputSums.Aggregate(scratch.Y, scratch.Outputs);
        VectorizedActivation.Fire(scratch.Outputs, scratch.FedTheta, scratch.FedComplement);
        Pass(scratch.FedTheta, scratch.FedComplement, scratch.Fed, stream, sample, key);
    }

    // What neurons pass on.
    private void Pass(
        ReadOnlySpan<float> theta,
        ReadOnlySpan<float> complement,
        Span<float> outputs,
        uint stream,
        int? sample,
        ulong key
    )
    {
        if (sample is int index)
            Philox.Sample(theta, outputs, stream, (ulong)index, key);
        else if (Settings.Mode == ScoringMode.MeanField)
            TensorPrimitives.Subtract(theta, complement, outputs);
        else
            for (int neuron = 0; neuron < outputs.Length; neuron++)
                outputs[neuron] = theta[neuron] >= complement[neuron] ? 1 : -1;
    }

    private void Calibrate(ReadOnlySpan<float> outputs, Span<float> scores)
    {
        for (int neuron = 0; neuron < scores.Length; neuron++)
            scores[neuron] = _slopes[neuron] * outputs[neuron] + _offsets[neuron];
    }

    // Samples follow from the row itself, so that they depend neither on its neighbours nor on its place among them.
    private ulong KeyOf(ReadOnlySpan<float> features) =>
        XxHash3.HashToUInt64(MemoryMarshal.AsBytes(features), unchecked((long)Settings.Seed));

    private readonly ref struct Scratch(float[] memory, int neurons, int classes)
    {
        public static int Length(int neurons, int classes) => 6 * neurons + 5 * classes;

        public Span<float> F { get; } = memory.AsSpan(0, neurons);

        public Span<float> C { get; } = memory.AsSpan(neurons, neurons);

        public Span<float> L { get; } = memory.AsSpan(2 * neurons, neurons);

        public Span<float> Theta { get; } = memory.AsSpan(3 * neurons, neurons);

        public Span<float> Complement { get; } = memory.AsSpan(4 * neurons, neurons);

        public Span<float> Y { get; } = memory.AsSpan(5 * neurons, neurons);

        /// <summary>Aggregated inputs of the output layer.</summary>
        public Span<float> Outputs { get; } = memory.AsSpan(6 * neurons, classes);

        public Span<float> Scores { get; } = memory.AsSpan(6 * neurons + classes, classes);

        /// <summary>What the output layer passes on as feedback.</summary>
        public Span<float> Fed { get; } = memory.AsSpan(6 * neurons + 2 * classes, classes);

        public Span<float> FedTheta { get; } = memory.AsSpan(6 * neurons + 3 * classes, classes);

        public Span<float> FedComplement { get; } = memory.AsSpan(6 * neurons + 4 * classes, classes);
    }
}
