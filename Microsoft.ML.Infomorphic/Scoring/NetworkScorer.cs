// arXiv 2412.02482, appendix A.4, with the label withheld: where it is the context of a hidden neuron, that is its bias
// alone. Rows are presented as in training, by a schedule; scores are those of the last presentation.
//
// What layer 0 draws in presentation p has stream 2p − 1 of the row's and the sample's numbers, and in the first, where p = 0,
// stream 0; hidden layer i has 64 i more. What the output layer passes on after presentation p has stream 2p + 2. A
// presentation that is the only one draws as p = 1.

using System.Buffers;
using System.IO.Hashing;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Scoring;

/// <summary>Scores rows with a trained network: managed code alone, safe for any number of threads.</summary>
public sealed unsafe partial class NetworkScorer
{
    private readonly Schedule _schedule;
    private readonly Schedule?[] _layerSchedules;
    private readonly bool _isSampled;
    private readonly bool _needsAllFeatures;
    private readonly float[] _slopes;
    private readonly float[] _offsets;

    /// <summary>Prepares a network for scoring.</summary>
    /// <param name="network">The network.</param>
    /// <param name="settings">How to score.</param>
    /// <param name="encoding">What the network reads of a row; null for the features as they are.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number of samples is less than 1.</exception>
    /// <exception cref="ArgumentException">The network reads something else.</exception>
    public NetworkScorer(InfomorphicNetwork network, ScoringSettings settings, FeatureEncoding? encoding = null)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(settings);
        settings.Validate();
        if (encoding is not null && encoding.EncodedCount != network.FeatureCount)
            throw new ArgumentException(
                $"The network reads {network.FeatureCount} numbers of a row, and the encoding gives {encoding.EncodedCount}.",
                nameof(encoding)
            );
        Encoding = encoding is { IsIdentity: false } ? encoding : null;
        FeatureCount = encoding?.FeatureCount ?? network.FeatureCount;
        Network = network;
        Settings = settings;
        _schedule = Schedule.Of(network, withLabel: false, [network.Layers.Count - 1]);
        _layerSchedules = new Schedule?[network.Layers.Count];
        int length = 0;
        Layers = new ScoringLayer[network.Layers.Count];
        for (int i = 0; i < Layers.Length; i++)
            Layers[i] = new ScoringLayer(
                network,
                i,
                Layers,
                settings.Mode == ScoringMode.Sampled,
                _schedule.Changes(i),
                ref length
            );
        PartsAt = length;
        NumberCount = checked(
            length
            + Layers
                .Where(layer => layer.Sources.Any(source => source.Projections.Length > 1))
                .Select(layer => layer.SampleCount)
                .DefaultIfEmpty()
                .Max()
        );
        ScratchCount = checked(2 * Layers.Max(layer => layer.SampleCount));
        ScoringSource[] sources = [.. Layers.SelectMany(layer => layer.Sources)];
        ReadsAllFeatures = sources
            .SelectMany(source => source.Projections)
            .Any(projection => projection.Signal == Signal.Features && projection.All is null);
        _isSampled =
            settings.Mode == ScoringMode.Sampled
            && _schedule.Visits.Any(visit => visit.Layer < Layers.Length - 1 && !Layers[visit.Layer].IsFixed);
        _needsAllFeatures = _isSampled || ReadsAllFeatures || sources.Any(source => source.Signs is not null);
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

    /// <summary>What the network reads of a row; null for the features as they are.</summary>
    public FeatureEncoding? Encoding { get; }

    /// <summary>Number of features of a row, before it is encoded.</summary>
    public int FeatureCount { get; }

    /// <summary>The layers.</summary>
    internal ScoringLayer[] Layers { get; }

    /// <summary>Whether a layer has fields in the features, or some of them, so that rows are read in full.</summary>
    internal bool ReadsAllFeatures { get; }

    /// <summary>How many numbers the layers have of a row.</summary>
    internal int NumberCount { get; }

    /// <summary>How many numbers are needed for a while, of a row or of the rows of a tile.</summary>
    internal int ScratchCount { get; }

    /// <summary>Where the sums of a projection are before they are added up.</summary>
    internal int PartsAt { get; }

    /// <summary>
    /// Scores a row. A row with a feature that is not finite scores NaN for every class, unless it is missing and the encoding has
    /// a substitute for it.
    /// </summary>
    /// <param name="features">The row's features.</param>
    /// <param name="probabilities">Receives one probability a class; they sum to 1.</param>
    /// <exception cref="ArgumentException">A length differs from the network's.</exception>
    public void Score(ReadOnlySpan<float> features, Span<float> probabilities)
    {
        CheckFeatures(features);
        CheckProbabilities(probabilities);
        Present(features, _schedule, -1, probabilities);
    }

    /// <summary>Scores a sparse row; the result is that of the dense row, bit for bit.</summary>
    /// <param name="indices">The features that are not zero, ascending.</param>
    /// <param name="values">Their values.</param>
    /// <param name="probabilities">Receives one probability a class; they sum to 1.</param>
    /// <exception cref="ArgumentException">An index is out of range, or a length does not fit.</exception>
    public void Score(ReadOnlySpan<int> indices, ReadOnlySpan<float> values, Span<float> probabilities)
    {
        CheckFeatures(indices, values);
        CheckProbabilities(probabilities);
        Present(indices, values, _schedule, -1, probabilities);
    }

    /// <summary>
    /// The outputs of a layer for a row, with the label withheld: means, whatever neurons pass on in scoring, of the last
    /// presentation. A row with a feature that is not finite has NaN for every output.
    /// </summary>
    /// <param name="features">The row's features.</param>
    /// <param name="layer">The layer's place in the network, from 0 for the lowest.</param>
    /// <param name="outputs">Receives <see cref="InfomorphicLayer.OutputCount"/> outputs.</param>
    /// <exception cref="ArgumentException">A length does not fit.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such layer.</exception>
    public void LayerOutputs(ReadOnlySpan<float> features, int layer, Span<float> outputs)
    {
        CheckFeatures(features);
        Schedule schedule = ScheduleOf(layer);
        CheckOutputs(layer, outputs);
        Present(features, schedule, layer, outputs);
    }

    /// <summary>The outputs of a layer for a sparse row; they are those of the dense row, bit for bit.</summary>
    /// <param name="indices">The features that are not zero, ascending.</param>
    /// <param name="values">Their values.</param>
    /// <param name="layer">The layer's place in the network, from 0 for the lowest.</param>
    /// <param name="outputs">Receives <see cref="InfomorphicLayer.OutputCount"/> outputs.</param>
    /// <exception cref="ArgumentException">An index is out of range, or a length does not fit.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such layer.</exception>
    public void LayerOutputs(ReadOnlySpan<int> indices, ReadOnlySpan<float> values, int layer, Span<float> outputs)
    {
        CheckFeatures(indices, values);
        Schedule schedule = ScheduleOf(layer);
        CheckOutputs(layer, outputs);
        Present(indices, values, schedule, layer, outputs);
    }

    // What a layer's outputs are asked for takes another schedule than scores.
    private Schedule ScheduleOf(int layer)
    {
        if ((uint)layer >= (uint)Layers.Length)
            throw new ArgumentOutOfRangeException(
                nameof(layer),
                layer,
                $"The network has the layers 0 to {Layers.Length - 1}."
            );
        return _layerSchedules[layer] ??= Schedule.Of(Network, withLabel: false, [layer]);
    }

    private void CheckFeatures(ReadOnlySpan<float> features)
    {
        if (features.Length != FeatureCount)
            throw new ArgumentException(
                $"The model was trained on {FeatureCount} features and the row has {features.Length}.",
                nameof(features)
            );
    }

    private void CheckFeatures(ReadOnlySpan<int> indices, ReadOnlySpan<float> values)
    {
        if (indices.Length != values.Length)
            throw new ArgumentException(
                $"The row has {indices.Length} features that are not zero, and {values.Length} values of them.",
                nameof(values)
            );
        foreach (int index in indices)
            if ((uint)index >= (uint)FeatureCount)
                throw new ArgumentException(
                    $"The model was trained on {FeatureCount} features and the row has feature {index}.",
                    nameof(indices)
                );
    }

    private void CheckOutputs(int layer, ReadOnlySpan<float> outputs)
    {
        int count = Layers[layer].OutputCount;
        if (outputs.Length != count)
            throw new ArgumentException(
                $"The layer has {count} outputs and there is room for {outputs.Length}.",
                nameof(outputs)
            );
    }

    private void CheckProbabilities(ReadOnlySpan<float> probabilities)
    {
        if (probabilities.Length != Network.ClassCount)
            throw new ArgumentException(
                $"The model has {Network.ClassCount} classes and there is room for {probabilities.Length} probabilities.",
                nameof(probabilities)
            );
    }

    private void Present(
        ReadOnlySpan<int> indices,
        ReadOnlySpan<float> values,
        Schedule schedule,
        int target,
        Span<float> results
    )
    {
        if (Encoding is null && !_needsAllFeatures)
        {
            Present(new RowFeatures(indices, values, default), schedule, target, results);
            return;
        }

        // What is drawn follows from all features, and so do signs in doubt.
        float[] rented = ArrayPool<float>.Shared.Rent(FeatureCount);
        try
        {
            Span<float> features = rented.AsSpan(0, FeatureCount);
            features.Clear();
            for (int i = 0; i < indices.Length; i++)
                features[indices[i]] = values[i];
            if (Encoding is not null)
                Present(features, schedule, target, results);
            else
                Present(
                    ReadsAllFeatures ? new RowFeatures(features) : new RowFeatures(indices, values, features),
                    schedule,
                    target,
                    results
                );
        }
        finally
        {
            ArrayPool<float>.Shared.Return(rented);
        }
    }

    private void Present(ReadOnlySpan<float> features, Schedule schedule, int target, Span<float> results)
    {
        if (Encoding is null)
        {
            PresentEncoded(features, schedule, target, results);
            return;
        }

        float[] rented = ArrayPool<float>.Shared.Rent(Network.FeatureCount);
        try
        {
            Span<float> encoded = rented.AsSpan(0, Network.FeatureCount);
            Encoding.Encode(features, encoded);
            PresentEncoded(encoded, schedule, target, results);
        }
        finally
        {
            ArrayPool<float>.Shared.Return(rented);
        }
    }

    private void PresentEncoded(ReadOnlySpan<float> features, Schedule schedule, int target, Span<float> results)
    {
        if (ReadsAllFeatures)
        {
            Present(new RowFeatures(features), schedule, target, results);
            return;
        }

        float[] rented = ArrayPool<float>.Shared.Rent(features.Length);
        int[] places = ArrayPool<int>.Shared.Rent(features.Length);
        try
        {
            int count = NonZeros.Find(features, places, rented);
            Present(
                new RowFeatures(places.AsSpan(0, count), rented.AsSpan(0, count), features),
                schedule,
                target,
                results
            );
        }
        finally
        {
            ArrayPool<int>.Shared.Return(places);
            ArrayPool<float>.Shared.Return(rented);
        }
    }

    // Scores, or the outputs of a layer.
    private void Present(RowFeatures row, Schedule schedule, int target, Span<float> results)
    {
        float[] rented = ArrayPool<float>.Shared.Rent(NumberCount + ScratchCount);
        try
        {
            fixed (float* numbers = rented)
            {
                var presenter = new ScoringPresenter(
                    this,
                    row,
                    numbers,
                    target < 0 ? Settings.Mode : ScoringMode.MeanField,
                    target
                );
                bool draws = _isSampled && target < 0;
                presenter.Part = draws ? PresentedPart.Fixed : PresentedPart.All;
                schedule.Present(ref presenter);
                if (presenter.IsMissing)
                    results.Fill(float.NaN);
                else if (draws)
                    Sample(ref presenter, KeyOf(row.All), results);
                else if (target < 0)
                    Normalize(presenter, results);
                else
                    presenter.OutputsOf(Layers[target]).CopyTo(results);
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(rented);
        }
    }

    // Means over samples, once all is known that they have in common.
    private void Sample(ref ScoringPresenter presenter, ulong key, Span<float> probabilities)
    {
        float[] rented = ArrayPool<float>.Shared.Rent(probabilities.Length);
        Span<float> ofSample = rented.AsSpan(0, probabilities.Length);
        presenter.Part = PresentedPart.Drawn;
        presenter.Key = key;
        probabilities.Clear();
        for (int sample = 0; sample < Settings.Samples; sample++)
        {
            presenter.Sample = sample;
            _schedule.Present(ref presenter);
            Normalize(presenter, ofSample);
            TensorPrimitives.Add(probabilities, ofSample, probabilities);
        }

        if (presenter.IsMissing)
            probabilities.Fill(float.NaN);
        else
            TensorPrimitives.Divide(probabilities, (float)Settings.Samples, probabilities);
        ArrayPool<float>.Shared.Return(rented);
    }

    // Probabilities from what the output layer aggregates.
    private void Normalize(in ScoringPresenter presenter, Span<float> probabilities)
    {
        ReadOnlySpan<float> sums = presenter.Scores;
        for (int neuron = 0; neuron < probabilities.Length; neuron++)
            probabilities[neuron] = _slopes[neuron] * sums[neuron] + _offsets[neuron];
        Softmax.Normalize(probabilities, probabilities);
    }

    // Samples follow from the row itself, so that they depend neither on its neighbours nor on its place among them.
    private ulong KeyOf(ReadOnlySpan<float> features) =>
        XxHash3.HashToUInt64(MemoryMarshal.AsBytes(features), unchecked((long)Settings.Seed));
}
