// Y. Gorishniy, I. Rubachev and A. Babenko, "On embeddings for numerical features in tabular deep learning", NeurIPS 2022:
// the piecewise linear encoding, beside the feature itself.

using System.Numerics;
using System.Runtime.InteropServices;

namespace Microsoft.ML.Infomorphic.Networks;

/// <summary>Which features get a piecewise linear encoding beside themselves.</summary>
public enum FeatureEncodingKind
{
    /// <summary>
    /// Those with which it pays: numbers of more than two values. Features that are constant or binary, or zero in more than 15
    /// rows of 16, as those of text, get none, nor do pixels, nor features of which more than 1,024 would get some.
    /// </summary>
    Auto = 0,

    /// <summary>None: the network reads features as they are.</summary>
    None = 1,

    /// <summary>All that vary.</summary>
    PiecewiseLinear = 2,
}

/// <summary>What becomes of rows with features that are missing (NaN).</summary>
public enum MissingValues
{
    /// <summary>They are skipped in training, and score NaN.</summary>
    Skip = 0,

    /// <summary>
    /// They are learned from and scored: the mean of the feature stands for what is missing, and a number of its own tells
    /// the network that it is missing.
    /// </summary>
    Indicate = 1,
}

/// <summary>
/// What a network reads of a row: the features themselves and, after them, for each feature with knots k₀ &lt; … &lt; kₙ the
/// n components 2·clamp((x − kᵢ) / (kᵢ₊₁ − kᵢ), 0, 1) − 1, and for each feature of which values may be missing 1 where
/// it is missing, else 0.
/// </summary>
/// <remarks>
/// The network's weights of the components of a feature are the slopes of a curve with kinks at the knots, so that each neuron
/// may respond to a feature by a curve of its own.
/// </remarks>
public sealed class FeatureEncoding
{
    private readonly float[][] _knots;
    private readonly float[]? _substitutes;
    private readonly int[] _indicated;

    // Of the components: from where to where they rise. Those of a feature begin at its first one.
    private readonly int[] _first;
    private readonly float[] _low;
    private readonly float[] _width;
    private readonly int[] _withKnots;

    /// <summary>Creates an encoding.</summary>
    /// <param name="knots">
    /// The knots of each feature, at least one feature: none, or at least two, ascending, at finite distances.
    /// </param>
    /// <param name="substitutes">
    /// For each feature, a finite number that stands for a missing value; null where rows with missing values have no scores.
    /// </param>
    /// <param name="indicated">
    /// The features whose missing values are indicated, ascending; null or empty where there are no substitutes.
    /// </param>
    /// <exception cref="ArgumentNullException">There are no knots.</exception>
    /// <exception cref="ArgumentException">Something is out of its range or its order, or does not fit the rest.</exception>
    public FeatureEncoding(
        IReadOnlyList<IReadOnlyList<float>> knots,
        IReadOnlyList<float>? substitutes = null,
        IReadOnlyList<int>? indicated = null
    )
    {
        ArgumentNullException.ThrowIfNull(knots);
        _knots = [.. knots.Select(ofFeature => (float[])[.. ofFeature])];
        _substitutes = substitutes is null ? null : [.. substitutes];
        _indicated = indicated is null ? [] : [.. indicated];
        if (_knots.Length == 0)
            throw new ArgumentException("An encoding needs at least one feature.", nameof(knots));
        foreach (float[] ofFeature in _knots)
            CheckKnots(ofFeature);
        if (_substitutes is not null && (_substitutes.Length != _knots.Length || !_substitutes.All(float.IsFinite)))
            throw new ArgumentException(
                $"Missing values need one finite substitute for each of {_knots.Length} features.",
                nameof(substitutes)
            );
        if (_indicated.Length > 0 && _substitutes is null)
            throw new ArgumentException("Missing values that are indicated need substitutes.", nameof(indicated));
        for (int i = 0; i < _indicated.Length; i++)
            if (_indicated[i] < (i == 0 ? 0 : _indicated[i - 1] + 1) || _indicated[i] >= _knots.Length)
                throw new ArgumentException(
                    $"The features whose missing values are indicated must be ascending numbers from 0 to {_knots.Length - 1}.",
                    nameof(indicated)
                );

        _first = new int[_knots.Length + 1];
        for (int feature = 0; feature < _knots.Length; feature++)
            _first[feature + 1] = checked(_first[feature] + Math.Max(_knots[feature].Length - 1, 0));
        _low = new float[_first[^1]];
        _width = new float[_first[^1]];
        _withKnots = [.. Enumerable.Range(0, _knots.Length).Where(feature => _knots[feature].Length > 0)];
        foreach (int feature in _withKnots)
        {
            float[] ofFeature = _knots[feature];
            for (int i = 0; i + 1 < ofFeature.Length; i++)
            {
                _low[_first[feature] + i] = ofFeature[i];
                _width[_first[feature] + i] = ofFeature[i + 1] - ofFeature[i];
            }
        }

        EncodedCount = checked(_knots.Length + _low.Length + _indicated.Length);
    }

    /// <summary>Number of features of a row.</summary>
    public int FeatureCount => _knots.Length;

    /// <summary>Number of piecewise linear components.</summary>
    public int ComponentCount => _low.Length;

    /// <summary>Number of numbers that the network reads: features, components and indicators of missing values.</summary>
    public int EncodedCount { get; }

    /// <summary>What stands for a missing value of each feature; null where rows with missing values have no scores.</summary>
    public IReadOnlyList<float>? Substitutes => _substitutes;

    /// <summary>The features whose missing values are indicated, ascending.</summary>
    public IReadOnlyList<int> IndicatedFeatures => _indicated;

    /// <summary>Whether the network reads the features as they are, so that there is nothing to encode.</summary>
    public bool IsIdentity => EncodedCount == FeatureCount && _substitutes is null;

    /// <summary>The encoding that leaves features as they are.</summary>
    /// <param name="features">Number of features, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no feature.</exception>
    public static FeatureEncoding None(int features)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(features, 1);
        var knots = new float[features][];
        Array.Fill(knots, []);
        return new FeatureEncoding(knots);
    }

    /// <summary>The knots of a feature, ascending; none where it is read as it is.</summary>
    /// <param name="feature">The feature, from 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such feature.</exception>
    public IReadOnlyList<float> KnotsOf(int feature)
    {
        CheckFeature(feature);
        return _knots[feature];
    }

    /// <summary>Where the components of a feature are among the numbers that the network reads.</summary>
    /// <param name="feature">The feature, from 0.</param>
    /// <returns>The first one, and how many there are: one less than knots, or none.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such feature.</exception>
    public (int First, int Count) ComponentsOf(int feature)
    {
        CheckFeature(feature);
        return (FeatureCount + _first[feature], _first[feature + 1] - _first[feature]);
    }

    /// <summary>Which numbers of an encoded row are of a feature: itself, its components, and whether it is missing.</summary>
    internal IEnumerable<int> InputsOf(int feature)
    {
        (int first, int count) = ComponentsOf(feature);
        int indicator = Array.BinarySearch(_indicated, feature);
        return
        [
            feature,
            .. Enumerable.Range(first, count),
            .. indicator < 0 ? [] : (int[])[FeatureCount + ComponentCount + indicator],
        ];
    }

    /// <summary>How many numbers of an encoded row are not zero, at most, where so many features are not.</summary>
    internal double NonZerosOf(double features) => features + ComponentCount + _indicated.Length;

    /// <summary>Encodes a row. A row without substitutes for missing values keeps them.</summary>
    /// <param name="features"><see cref="FeatureCount"/> features.</param>
    /// <param name="encoded">
    /// Receives <see cref="EncodedCount"/> numbers; it may begin with the features themselves.
    /// </param>
    /// <exception cref="ArgumentException">A length does not fit.</exception>
    public void Encode(ReadOnlySpan<float> features, Span<float> encoded)
    {
        if (features.Length != FeatureCount)
            throw new ArgumentException(
                $"The encoding is of {FeatureCount} features and the row has {features.Length}.",
                nameof(features)
            );
        if (encoded.Length != EncodedCount)
            throw new ArgumentException(
                $"An encoded row has {EncodedCount} numbers and there is room for {encoded.Length}.",
                nameof(encoded)
            );
        features.CopyTo(encoded);
        Span<float> components = encoded.Slice(FeatureCount, ComponentCount);
        foreach (int feature in _withKnots)
            Encode(encoded[feature], _first[feature], _first[feature + 1], components);
        if (_substitutes is not null)
            Substitute(encoded[..FeatureCount], components, encoded[(FeatureCount + ComponentCount)..]);
    }

    private void CheckFeature(int feature)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(feature);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(feature, FeatureCount);
    }

    private static void CheckKnots(float[] knots)
    {
        if (knots.Length == 1)
            throw new ArgumentException("A feature has no knots, or at least two.");
        for (int i = 0; i < knots.Length; i++)
            if (
                !float.IsFinite(knots[i])
                || i > 0 && !(knots[i] > knots[i - 1] && float.IsFinite(knots[i] - knots[i - 1]))
            )
                throw new ArgumentException("Knots must be finite and ascending, at finite distances.");
    }

    // Number by number the same, however many at once.
    private void Encode(float x, int first, int end, Span<float> components)
    {
        int i = first;
        for (; i + Vector<float>.Count <= end; i += Vector<float>.Count)
        {
            Vector<float> share = (new Vector<float>(x) - Load(_low, i)) / Load(_width, i);
            share = Vector.Min(Vector.Max(share, Vector<float>.Zero), Vector<float>.One);
            (share + share - Vector<float>.One).CopyTo(components[i..]);
        }

        for (; i < end; i++)
        {
            float share = Math.Clamp((x - _low[i]) / _width[i], 0f, 1f);
            components[i] = share + share - 1;
        }
    }

    private static Vector<float> Load(float[] values, int start) =>
        Vector.LoadUnsafe(ref MemoryMarshal.GetArrayDataReference(values), (nuint)start);

    private void Substitute(Span<float> features, Span<float> components, Span<float> indicators)
    {
        for (int i = 0; i < _indicated.Length; i++)
            indicators[i] = float.IsNaN(features[_indicated[i]]) ? 1 : 0;
        for (int feature = 0; feature < features.Length; feature++)
        {
            if (!float.IsNaN(features[feature]))
                continue;
            features[feature] = _substitutes![feature];
            components[_first[feature].._first[feature + 1]].Clear();
        }
    }
}
