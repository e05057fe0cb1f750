// arXiv 2412.02482, appendix A.4, with the label withheld: the context of a hidden neuron is its bias alone. Two
// presentations, as in training; the output layer sees the second.

using System.Buffers;
using System.IO.Hashing;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>Scores rows with a trained network: managed code alone, safe for any number of threads.</summary>
public sealed class NetworkScorer
{
    private readonly InputSource _features;
    private readonly InputSource _label;
    private readonly InputSource _lateral;
    private readonly InputSource _output;
    private readonly ModulatedActivation _activation;
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
        InfomorphicLayer hidden = network.HiddenLayers[0];
        _features = hidden.Sources[0];
        _label = hidden.Sources[1];
        _lateral = hidden.Sources[2];
        _output = network.OutputLayer.Sources[0];
        _activation = (ModulatedActivation)hidden.Activation;
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
        if (probabilities.Length != Network.ClassCount)
            throw new ArgumentException(
                $"The model has {Network.ClassCount} classes and there is room for {probabilities.Length} probabilities.",
                nameof(probabilities)
            );

        int n = _features.NeuronCount;
        float[] rented = ArrayPool<float>.Shared.Rent(5 * n + Network.ClassCount);
        try
        {
            var scratch = new Scratch(rented, n, Network.ClassCount);
            for (int neuron = 0; neuron < n; neuron++)
                scratch.F[neuron] =
                    TensorPrimitives.Dot(_features.Weights.AsSpan(neuron * features.Length, features.Length), features)
                    + _features.Biases[neuron];
            if (!TensorPrimitives.IsFiniteAll<float>(scratch.F))
            {
                probabilities.Fill(float.NaN);
                return;
            }

            if (Settings.Mode != ScoringMode.Sampled)
            {
                Present(scratch, sample: null, key: 0);
                Softmax(scratch.Scores, probabilities);
                return;
            }

            ulong key = KeyOf(features);
            probabilities.Clear();
            for (int sample = 0; sample < Settings.Samples; sample++)
            {
                Present(scratch, sample, key);
                Softmax(scratch.Scores, scratch.Scores);
                TensorPrimitives.Add(probabilities, scratch.Scores, probabilities);
            }

            TensorPrimitives.Divide(probabilities, (float)Settings.Samples, probabilities);
        }
        finally
        {
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
        float[] rented = ArrayPool<float>.Shared.Rent(Network.FeatureCount);
        try
        {
            Span<float> features = rented.AsSpan(0, Network.FeatureCount);
            features.Clear();
            for (int i = 0; i < indices.Length; i++)
            {
                if ((uint)indices[i] >= (uint)features.Length)
                    throw new ArgumentException(
                        $"The model was trained on {features.Length} features and the row has feature {indices[i]}.",
                        nameof(indices)
                    );
                features[indices[i]] = values[i];
            }

            Score(features, probabilities);
        }
        finally
        {
            ArrayPool<float>.Shared.Return(rented);
        }
    }

    // Both presentations and the output layer's aggregated inputs, from F.
    private void Present(Scratch scratch, int? sample, ulong key)
    {
        // Presentation 1: no lateral activity, so that L is its bias.
        Fire(scratch, _lateral.Biases, presentation: 0, sample, key);
        AggregateLateral(scratch.Y, scratch.L);

        // Presentation 2.
        Fire(scratch, scratch.L, presentation: 1, sample, key);
        for (int neuron = 0; neuron < _output.NeuronCount; neuron++)
        {
            float f =
                TensorPrimitives.Dot(_output.Weights.AsSpan(neuron * _output.InputCount, _output.InputCount), scratch.Y)
                + _output.Biases[neuron];
            scratch.Scores[neuron] = _slopes[neuron] * f + _offsets[neuron];
        }
    }

    private void Fire(Scratch scratch, ReadOnlySpan<float> lateral, uint presentation, int? sample, ulong key)
    {
        VectorizedActivation.Fire(_activation, scratch.F, _label.Biases, lateral, scratch.Theta, scratch.Complement);
        if (sample is int index)
            Philox.Sample(scratch.Theta, scratch.Y, presentation, (ulong)index, key);
        else if (Settings.Mode == ScoringMode.MeanField)
            TensorPrimitives.Subtract(scratch.Theta, scratch.Complement, scratch.Y);
        else
            for (int neuron = 0; neuron < scratch.Y.Length; neuron++)
                scratch.Y[neuron] = scratch.Theta[neuron] >= scratch.Complement[neuron] ? 1 : -1;
    }

    private void AggregateLateral(ReadOnlySpan<float> outputs, Span<float> lateral)
    {
        int count = _lateral.ConnectionsPerNeuron;
        for (int neuron = 0; neuron < lateral.Length; neuron++)
        {
            ReadOnlySpan<float> weights = _lateral.Weights.AsSpan(neuron * count, count);
            float sum = 0;
            if (_lateral.Connections is null)
            {
                sum = TensorPrimitives.Dot(weights, outputs);
            }
            else
            {
                ReadOnlySpan<int> peers = _lateral.Connections.AsSpan(neuron * count, count);
                for (int i = 0; i < peers.Length; i++)
                    sum += weights[i] * outputs[peers[i]];
            }

            lateral[neuron] = sum + _lateral.Biases[neuron];
        }
    }

    // Samples follow from the row itself, so that they depend neither on its neighbours nor on its place among them.
    private ulong KeyOf(ReadOnlySpan<float> features) =>
        XxHash3.HashToUInt64(MemoryMarshal.AsBytes(features), unchecked((long)Settings.Seed));

    private static void Softmax(ReadOnlySpan<float> scores, Span<float> probabilities)
    {
        float largest = TensorPrimitives.Max(scores);
        TensorPrimitives.Subtract(scores, largest, probabilities);
        TensorPrimitives.Exp(probabilities, probabilities);
        TensorPrimitives.Divide(probabilities, TensorPrimitives.Sum<float>(probabilities), probabilities);
    }

    private readonly ref struct Scratch(float[] memory, int neurons, int classes)
    {
        public Span<float> F { get; } = memory.AsSpan(0, neurons);

        public Span<float> L { get; } = memory.AsSpan(neurons, neurons);

        public Span<float> Theta { get; } = memory.AsSpan(2 * neurons, neurons);

        public Span<float> Complement { get; } = memory.AsSpan(3 * neurons, neurons);

        public Span<float> Y { get; } = memory.AsSpan(4 * neurons, neurons);

        public Span<float> Scores { get; } = memory.AsSpan(5 * neurons, classes);
    }
}
