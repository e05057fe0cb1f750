using System.Buffers;
using System.Numerics.Tensors;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Scoring;

/// <summary>
/// Scores rows with all networks of a model: the mean of their probabilities. Safe for any number of threads; a row has the
/// same bits alone and in a block.
/// </summary>
internal sealed class EnsembleScorer : IBlockScorer
{
    private readonly NetworkScorer[] _members;

    /// <summary>Prepares networks for scoring.</summary>
    /// <param name="networks">The networks, at least one, of one shape.</param>
    /// <param name="settings">How to score. What the networks draw follows from seeds of their own.</param>
    /// <param name="encoding">What the networks read of a row; null for the features as they are.</param>
    /// <exception cref="ArgumentException">The networks are of different shapes.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The number of samples is out of its range.</exception>
    public EnsembleScorer(
        IReadOnlyList<InfomorphicNetwork> networks,
        ScoringSettings settings,
        FeatureEncoding? encoding = null
    )
    {
        // They are scored in the same memory.
        if (networks.Any(network => !network.IsShapedLike(networks[0])))
            throw new ArgumentException("The networks of a model are of one shape.", nameof(networks));
        _members =
        [
            .. networks.Select(
                (network, i) =>
                    new NetworkScorer(
                        network,
                        settings with
                        {
                            Seed = RandomStreams.SeedOf(settings.Seed, i),
                        },
                        encoding
                    )
            ),
        ];
    }

    /// <inheritdoc/>
    public int FeatureCount => First.FeatureCount;

    /// <inheritdoc cref="NetworkScorer.RowsPerBlock"/>
    public int RowsPerBlock => First.RowsPerBlock;

    private NetworkScorer First => _members[0];

    /// <inheritdoc/>
    public ScoringBlock Rent() => First.Rent();

    /// <inheritdoc/>
    public void Return(ScoringBlock block) => First.Return(block);

    /// <inheritdoc cref="NetworkScorer.Score(ReadOnlySpan{float}, Span{float})"/>
    public void Score(ReadOnlySpan<float> features, Span<float> probabilities) =>
        Score(isSparse: false, [], features, probabilities);

    /// <inheritdoc cref="NetworkScorer.Score(ReadOnlySpan{int}, ReadOnlySpan{float}, Span{float})"/>
    public void Score(ReadOnlySpan<int> indices, ReadOnlySpan<float> values, Span<float> probabilities) =>
        Score(isSparse: true, indices, values, probabilities);

    /// <inheritdoc/>
    public void Score(ScoringBlock block)
    {
        if (block.RowCount == 0)
            return;
        ScoringMemory memory = First.Load(block);
        First.Score(block, memory);
        if (_members.Length > 1)
        {
            Span<float> probabilities = block.AllProbabilities;
            float[] rented = ArrayPool<float>.Shared.Rent(probabilities.Length);
            Span<float> sum = rented.AsSpan(0, probabilities.Length);
            probabilities.CopyTo(sum);
            foreach (NetworkScorer member in _members.AsSpan(1))
            {
                member.Score(block, memory);
                TensorPrimitives.Add(sum, probabilities, sum);
            }

            TensorPrimitives.Divide(sum, _members.Length, probabilities);
            ArrayPool<float>.Shared.Return(rented);
        }

        First.Unload(memory);
    }

    /// <summary>The outputs of a layer of all networks for a row, one network after another.</summary>
    /// <param name="isSparse">Whether the row has its features that are not zero alone.</param>
    /// <param name="indices">Those features, where it has; else none.</param>
    /// <param name="values">Their values; all features, where it has all.</param>
    /// <param name="layer">The layer's place.</param>
    /// <param name="outputs">Receives the outputs.</param>
    public void LayerOutputs(
        bool isSparse,
        ReadOnlySpan<int> indices,
        ReadOnlySpan<float> values,
        int layer,
        Span<float> outputs
    )
    {
        int count = outputs.Length / _members.Length;
        for (int i = 0; i < _members.Length; i++)
        {
            Span<float> ofMember = outputs.Slice(i * count, count);
            if (isSparse)
                _members[i].LayerOutputs(indices, values, layer, ofMember);
            else
                _members[i].LayerOutputs(values, layer, ofMember);
        }
    }

    private void Score(bool isSparse, ReadOnlySpan<int> indices, ReadOnlySpan<float> values, Span<float> probabilities)
    {
        Score(First, indices, values, probabilities);
        if (_members.Length == 1)
            return;
        float[] rented = ArrayPool<float>.Shared.Rent(probabilities.Length);
        Span<float> ofMember = rented.AsSpan(0, probabilities.Length);
        foreach (NetworkScorer member in _members.AsSpan(1))
        {
            Score(member, indices, values, ofMember);
            TensorPrimitives.Add(probabilities, ofMember, probabilities);
        }

        TensorPrimitives.Divide(probabilities, _members.Length, probabilities);
        ArrayPool<float>.Shared.Return(rented);

        void Score(NetworkScorer member, ReadOnlySpan<int> indices, ReadOnlySpan<float> values, Span<float> results)
        {
            if (isSparse)
                member.Score(indices, values, results);
            else
                member.Score(values, results);
        }
    }
}
