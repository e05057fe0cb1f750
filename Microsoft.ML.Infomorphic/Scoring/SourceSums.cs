using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Scoring;

/// <summary>What the neurons of a layer aggregate from one source, for a row alone or for panels of rows.</summary>
internal sealed unsafe class SourceSums
{
    private readonly InterleavedWeights? _all;
    private readonly DrawnWeights? _drawn;
    private readonly int _paddedInputs;

    /// <summary>Prepares a source.</summary>
    /// <param name="source">The source; it has weights.</param>
    /// <param name="paddedInputs">Quantities of a panel of its inputs.</param>
    public SourceSums(Source source, int paddedInputs)
    {
        _paddedInputs = paddedInputs;
        if (source.Connections is int[] connections)
            _drawn = new DrawnWeights(source.Weights, connections, source.Biases, source.InputCount);
        else
            _all = new InterleavedWeights(source.Weights, source.Biases, source.InputCount, paddedInputs);
        Count = source.NeuronCount;
        PaddedCount = Pad(Count);
    }

    /// <summary>Number of neurons.</summary>
    public int Count { get; }

    /// <summary>Quantities of a panel of sums: the number of neurons, rounded up.</summary>
    public int PaddedCount { get; }

    /// <summary>Rounds a number of neurons up to what a panel holds.</summary>
    public static int Pad(int neurons) =>
        (neurons + InterleavedWeights.GroupNeurons - 1)
        / InterleavedWeights.GroupNeurons
        * InterleavedWeights.GroupNeurons;

    /// <summary>The sums of one row.</summary>
    public void Aggregate(ReadOnlySpan<float> inputs, Span<float> sums)
    {
        if (_all is not null)
            _all.Aggregate(inputs, sums);
        else
            _drawn!.Aggregate(inputs, sums);
    }

    /// <summary>The sums of one row, from the inputs that are not zero.</summary>
    public void Aggregate(ReadOnlySpan<int> indices, ReadOnlySpan<float> values, Span<float> sums)
    {
        if (_all is null)
            throw new NotSupportedException("Drawn connections read all of their inputs.");
        _all.Aggregate(indices, values, sums);
    }

    /// <summary>The sums of whole panels.</summary>
    public void Aggregate(float* inputs, int panels, float* sums)
    {
        if (_all is not null)
            _all.Aggregate(inputs, panels, sums);
        else
            _drawn!.Aggregate(inputs, _paddedInputs, panels, sums, PaddedCount);
    }

    /// <summary>The sums of whole panels that hold some of the inputs: the others are zero.</summary>
    public void Aggregate(float* inputs, int* places, int* counts, int panels, float* sums)
    {
        if (_all is null)
            throw new NotSupportedException("Drawn connections read all of their inputs.");
        _all.Aggregate(inputs, panels, sums, places, counts);
    }
}
